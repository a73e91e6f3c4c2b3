// Sums over whole rows of float32 logits, for any CUDA GPU. Each block takes a stretch of one row;
// a second kernel joins the stretches, a warp per row.
//
// A thread sums some dozens of terms in float32, a block its threads in float64. Logits are taken
// relative to the largest (top) and to the logarithm of the row's mass (ln). Minus infinity is a
// token that cannot come. The host gives STRETCH, a multiple of HOLDERS.

#define HOLDERS 256              // threads that hold a stretch in their registers
#define EACH (STRETCH / HOLDERS)
#define THREADS 256              // threads that compare two rows
#define AT_ONCE 8                // entries of each row that a thread has on the way
#define KEPT 64                  // entries of a stretch that may be among its five largest
#define INF __int_as_float(0x7f800000)
#define LOWEST -1e30f
#define NOWHERE 0x7fffffff
#define LOG2E 1.4426950408889634f
#define LN2 0.6931471805599453f
#define ALL 0xffffffffu

struct Part {  // of a row; 64 bytes, as the host knows
  double mass, weighted;
  float top;
  int is_bad;
  float value[5];
  int index[5];
};

__device__ __forceinline__ float e_to(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x * LOG2E));
  return y;
}
// The larger comes first, among equals the lower index.
__device__ __forceinline__ bool is_before(float v, int i, float w, int j) {
  return v > w || (v == w && i < j);
}
__device__ __forceinline__ double warp_sum(double x) {
  for (int step = 16; step; step >>= 1) x += __shfl_xor_sync(ALL, x, step);
  return x;
}
__device__ __forceinline__ float warp_max(float x) {
  for (int step = 16; step; step >>= 1) x = fmaxf(x, __shfl_xor_sync(ALL, x, step));
  return x;
}
__device__ __forceinline__ void warp_first(float &v, int &i) {
  for (int step = 16; step; step >>= 1) {
    const float w = __shfl_xor_sync(ALL, v, step);
    const int j = __shfl_xor_sync(ALL, i, step);
    if (is_before(w, j, v, i)) { v = w; i = j; }
  }
}
// Adds `N` numbers per thread up over the block; the thread numbered k has the k-th sum.
template <int N, int WARPS> __device__ __forceinline__ double block_sums(const float (&mine)[N]) {
  __shared__ double parts[N][WARPS];
#pragma unroll
  for (int k = 0; k < N; ++k) {
    const double x = warp_sum(mine[k]);
    if (threadIdx.x % 32 == 0) parts[k][threadIdx.x / 32] = x;
  }
  __syncthreads();
  double sum = 0;
  if (threadIdx.x < N)
    for (int w = 0; w < WARPS; ++w) sum += parts[threadIdx.x][w];
  return sum;
}

// The five largest of a stretch, one after the other: where too many are equal for a short list.
__device__ __noinline__ void pick_five(const float *z, int start, int count, Part *out) {
  __shared__ float values[HOLDERS / 32];
  __shared__ int indices[HOLDERS / 32];
  float last = INF;
  int last_at = -1;
  for (int round = 0; round < 5; ++round) {
    float v = -INF;
    int i = NOWHERE;
    for (int at = threadIdx.x; at < count; at += HOLDERS) {
      const float x = z[at];
      if (is_before(last, last_at, x, start + at) && is_before(x, start + at, v, i)) {
        v = x;
        i = start + at;
      }
    }
    warp_first(v, i);
    if (threadIdx.x % 32 == 0) { values[threadIdx.x / 32] = v; indices[threadIdx.x / 32] = i; }
    __syncthreads();
    last = -INF;
    last_at = NOWHERE;
    for (int w = 0; w < HOLDERS / 32; ++w)
      if (is_before(values[w], indices[w], last, last_at)) { last = values[w]; last_at = indices[w]; }
    if (threadIdx.x == 0) { out->value[round] = last; out->index[round] = last_at; }
    __syncthreads();
  }
}

// Largest entry, mass, its weighted sum, and the five largest of a stretch, which is read once.
extern "C" __global__ void __launch_bounds__(HOLDERS, 4)
describe(const float *z, int V, int stretches, Part *parts) {
  __shared__ float tops[HOLDERS / 32], mark, values[KEPT];
  __shared__ int kept, is_bad, indices[KEPT];
  const int row = blockIdx.x / stretches, start = blockIdx.x % stretches * STRETCH;
  const int count = min(V - start, STRETCH), thread = threadIdx.x, lane = thread % 32;
  z += (long long)row * V + start;
  Part *out = parts + blockIdx.x;
  float x[EACH], top = -INF;
  bool bad = false;
#pragma unroll
  for (int k = 0; k < EACH; ++k) x[k] = k * HOLDERS + thread < count ? z[k * HOLDERS + thread] : -INF;
#pragma unroll
  for (int k = 0; k < EACH; ++k) {
    top = fmaxf(top, x[k]);
    bad |= !(x[k] < INF);
  }
  if (thread == 0) kept = is_bad = 0;
  top = warp_max(top);
  if (lane == 0) tops[thread / 32] = top;
  __syncthreads();
  // five warps have an entry as large as the fifth of their largest, so the stretch has five
  if (thread < HOLDERS / 32) {
    int rank = 0;
    for (int w = 0; w < HOLDERS / 32; ++w) rank += is_before(tops[w], w, tops[thread], thread);
    if (rank == 4) mark = tops[thread];
  }
  for (int w = 0; w < HOLDERS / 32; ++w) top = fmaxf(top, tops[w]);
  float sums[2] = {0, 0};
#pragma unroll
  for (int k = 0; k < EACH; ++k) {
    const float d = fmaxf(x[k] - top, LOWEST), e = e_to(d);  // e * d is nothing, not NaN, at -INF
    sums[0] += e;
    sums[1] = fmaf(e, d, sums[1]);
  }
  if (bad) is_bad = 1;
  const double sum = block_sums<2, HOLDERS / 32>(sums);
  if (thread == 0) out->mass = sum;
  if (thread == 1) out->weighted = sum;
#pragma unroll
  for (int k = 0; k < EACH; ++k)
    if (x[k] >= mark && k * HOLDERS + thread < count) {
      const int to = atomicAdd(&kept, 1);
      if (to < KEPT) { values[to] = x[k]; indices[to] = start + k * HOLDERS + thread; }
    }
  __syncthreads();
  if (thread == 0) { out->top = top; out->is_bad = is_bad; }
  if (kept > KEPT) {
    pick_five(z, start, count, out);
  } else if (thread < kept) {
    int rank = 0;
    for (int j = 0; j < kept; ++j) rank += is_before(values[j], indices[j], values[thread], indices[thread]);
    if (rank < 5) { out->value[rank] = values[thread]; out->index[rank] = indices[thread]; }
  } else if (thread < 5) {
    out->value[thread] = -INF;
    out->index[thread] = NOWHERE;
  }
}

// Rows from their stretches: top, ln of the mass, entropy and the observed logit, R each; five
// most likely tokens per row.
extern "C" __global__ void join_described(const float *z, const long long *observed, int R, int V, int stretches,
                                          const Part *parts, double *real, long long *five) {
  const int row = blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32, lane = threadIdx.x % 32;
  if (row >= R) return;
  parts += (long long)row * stretches;
  float top = -INF, value[5];
  int is_bad = 0, index[5];
#pragma unroll
  for (int k = 0; k < 5; ++k) { value[k] = -INF; index[k] = NOWHERE; }
  for (int s = lane; s < stretches; s += 32) {
    top = fmaxf(top, parts[s].top);
    is_bad |= parts[s].is_bad;
#pragma unroll
    for (int k = 0; k < 5; ++k) {
      float v = parts[s].value[k];
      int i = parts[s].index[k];
#pragma unroll
      for (int at = 0; at < 5; ++at)
        if (is_before(v, i, value[at], index[at])) {
          const float w = value[at];
          const int j = index[at];
          value[at] = v; index[at] = i;
          v = w; i = j;
        }
    }
  }
  top = warp_max(top);
  is_bad = __any_sync(ALL, is_bad);
  double mass = 0, weighted = 0;
  for (int s = lane; s < stretches; s += 32) {
    const double own = parts[s].mass, d = (double)parts[s].top - top;
    if (own > 0) {
      mass += exp(d) * own;
      weighted += exp(d) * (parts[s].weighted + d * own);
    }
  }
  mass = warp_sum(mass);
  weighted = warp_sum(weighted);
  for (int k = 0; k < 5; ++k) {
    float v = value[0];
    int i = index[0];
    warp_first(v, i);
    if (lane == 0) five[row * 5ll + k] = i == NOWHERE ? 0 : i;
    if (i == index[0] && i != NOWHERE) {
#pragma unroll
      for (int at = 0; at < 4; ++at) { value[at] = value[at + 1]; index[at] = index[at + 1]; }
      value[4] = -INF;
      index[4] = NOWHERE;
    }
  }
  if (lane == 0) {
    real[row] = is_bad ? __longlong_as_double(0x7ff8000000000000ll) : top;
    real[R + row] = log(mass);
    real[2 * R + row] = log(mass) - weighted / mass;
    real[3 * R + row] = z[(long long)row * V + observed[row]];
  }
}

__device__ __forceinline__ float far_term(float p, float q, float d) { return p > 0 ? q - p - p * d : q; }

// What two entries, relative to their rows' tops, add to the sums; s is the difference of the logarithms.
__device__ __forceinline__ void add_terms(float x, float y, float la, float lb, float s, float (&sums)[5]) {
  const float p = e_to(x - la), d = (y - x) - s;
  if (fabsf(d) < 1.0f) {
    const float z = d * d;
    float even = 1.0f / 3628800.0f, odd = 1.0f / 362880.0f;
    even = even * z + 1.0f / 40320.0f;
    even = even * z + 1.0f / 720.0f;
    even = even * z + 1.0f / 24.0f;
    even = even * z + 0.5f;
    odd = odd * z + 1.0f / 5040.0f;
    odd = odd * z + 1.0f / 120.0f;
    odd = odd * z + 1.0f / 6.0f;
    const float excess = z * (even + d * odd), step = d + excess;  // e^d - 1 - d, e^d - 1
    float share = 1.0821735186818313e-05f;  // of p d^2; interpolated on [-1, 1]
    share = share * d + 8.654656801865279e-05f;
    share = share * d + 4.3403988424452395e-04f;
    share = share * d + 2.6042680836003457e-03f;
    share = share * d + 1.5624998584656245e-02f;
    share = share * d + 6.249998848011446e-02f;
    share = share * d + 0.125f;
    const float pz = p * z;
    sums[0] = fmaf(p, excess, sums[0]);
    sums[1] = fmaf(fmaf(pz, step, pz), even - d * odd, sums[1]);
    sums[2] = fmaf(pz, share, sums[2]);
    sums[3] = fmaf(p, fabsf(step), sums[3]);
  } else if (!(x == -INF && y == -INF)) {
    const float q = e_to(y - lb);
    sums[0] += y == -INF && x - la > -745.0f ? INF : far_term(p, q, d);
    sums[1] += x == -INF && y - lb > -745.0f ? INF : far_term(q, p, -d);
    const float soft = __logf(1.0f + e_to(-fabsf(d))) - LN2;
    sums[2] -= 0.5f * ((p > 0 ? p * (soft + fmaxf(d, 0.0f)) : 0.0f) +
                       (q > 0 ? q * (soft + fmaxf(-d, 0.0f)) : 0.0f));
    sums[3] += fabsf(p - q);
  }
}

// Both divergences, Jensen-Shannon, the L1 distance, and how many entries are above the logit of the
// reference's most likely token.
extern "C" __global__ void __launch_bounds__(THREADS)
compare(const float *a, const float *b, int V, int stretches, const double *top_a, const double *top_b,
        const double *ln_a, const double *ln_b, const long long *five_a, double *parts) {
  const int row = blockIdx.x / stretches, start = blockIdx.x % stretches * STRETCH;
  const int stop = min(V, start + STRETCH);
  a += (long long)row * V;
  b += (long long)row * V;
  const float mark = b[five_a[row * 5ll]];
  const float ta = top_a[row], tb = top_b[row], la = ln_a[row], lb = ln_b[row], s = ln_b[row] - ln_a[row];
  float sums[5] = {0, 0, 0, 0, 0};
  for (int first = start + threadIdx.x; first < stop; first += THREADS * AT_ONCE) {
    float x[AT_ONCE], y[AT_ONCE];
#pragma unroll
    for (int k = 0; k < AT_ONCE; ++k) {
      const int v = first + k * THREADS;
      x[k] = v < stop ? a[v] : -INF;  // what both models exclude adds nothing
      y[k] = v < stop ? b[v] : -INF;
    }
#pragma unroll
    for (int k = 0; k < AT_ONCE; ++k) {
      sums[4] += y[k] > mark;
      add_terms(x[k] - ta, y[k] - tb, la, lb, s, sums);
    }
  }
  const double sum = block_sums<5, THREADS / 32>(sums);
  if (threadIdx.x < 5) parts[blockIdx.x * 5ll + threadIdx.x] = sum;
}

// Sums of rows from those of their stretches, R each: the last is the rank. Which of the reference's five
// most likely tokens reach the candidate's fifth: fewer than five are above those.
extern "C" __global__ void join_compared(const float *b, int R, int V, int stretches, const long long *five_a,
                                         const long long *five_b, const double *parts, double *real,
                                         bool *in_five) {
  const int row = blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32, lane = threadIdx.x % 32;
  if (row >= R) return;
  parts += (long long)row * stretches * 5;
  b += (long long)row * V;
  for (int k = 0; k < 5; ++k) {
    double sum = 0;
    for (int s = lane; s < stretches; s += 32) sum += parts[s * 5 + k];
    sum = warp_sum(sum);
    if (lane == 0) real[k * R + row] = k == 3 ? 0.5 * sum : k == 4 ? sum + 1 : sum;
  }
  if (lane < 5) in_five[row * 5ll + lane] = b[five_a[row * 5ll + lane]] >= b[five_b[row * 5ll + 4]];
}
