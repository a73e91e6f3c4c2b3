// Sums over whole rows of float32 logits, for any CUDA GPU: each block takes a stretch of one row.
//
// A thread sums some hundred terms in float32, a block its threads in float64. Logits are taken
// relative to their row's largest (top) and to the logarithm of its mass (ln). Minus infinity is a
// token that cannot come.

#define THREADS 256
#define INF __int_as_float(0x7f800000)

// Adds up `count` numbers per thread over the block; thread 0 writes them.
__device__ void write_sums(double *mine, int count, double *out) {
  __shared__ double parts[8][THREADS / 32];
  for (int k = 0; k < count; ++k) {
    double x = mine[k];
    for (int step = 16; step; step >>= 1) x += __shfl_down_sync(0xffffffffu, x, step);
    if (threadIdx.x % 32 == 0) parts[k][threadIdx.x / 32] = x;
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    for (int k = 0; k < count; ++k) {
      double x = 0;
      for (int w = 0; w < THREADS / 32; ++w) x += parts[k][w];
      out[k] = x;
    }
  }
}

// Mass, its weighted sum, and how many entries reach the fifth largest.
extern "C" __global__ void describe(const float *z, long long stride, int V, int stretches,
                                    const float *top, const float *fifth, double *out) {
  const int row = blockIdx.x / stretches, part = blockIdx.x % stretches;
  const int size = (V + stretches - 1) / stretches;
  const int stop = min(V, (part + 1) * size);
  const float *mine = z + row * stride;
  const float m = top[row], mark = fifth[row];
  float mass = 0, weighted = 0, reaching = 0;
  for (int v = part * size + threadIdx.x; v < stop; v += THREADS) {
    const float x = mine[v] - m;
    const float e = expf(x);
    mass += e;
    weighted += x == -INF ? 0.0f : e * x;
    reaching += mine[v] >= mark;
  }
  double sums[3] = {mass, weighted, reaching};
  write_sums(sums, 3, out + 3ll * blockIdx.x);
}

__device__ float far_term(float p, float q, float d) { return p > 0 ? q - p - p * d : q; }

// Both divergences, Jensen-Shannon, the L1 distance, and how many entries are above a mark.
extern "C" __global__ void compare(const float *a, const float *b, long long stride_a,
                                   long long stride_b, int V, int stretches, const float *top_a,
                                   const float *top_b, const float *ln_a, const float *ln_b,
                                   const float *shift, const float *mark, double *out) {
  const int row = blockIdx.x / stretches, part = blockIdx.x % stretches;
  const int size = (V + stretches - 1) / stretches;
  const int stop = min(V, (part + 1) * size);
  a += row * stride_a;
  b += row * stride_b;
  const float ta = top_a[row], tb = top_b[row], la = ln_a[row], lb = ln_b[row];
  const float s = shift[row], m = mark[row];
  float forward = 0, backward = 0, js = 0, variation = 0, above = 0;
  for (int v = part * size + threadIdx.x; v < stop; v += THREADS) {
    const float x = a[v] - ta, y = b[v] - tb;
    above += b[v] > m;
    const float p = expf(x - la);
    const float d = (y - x) - s;
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
      const float excess = z * (even + d * odd);  // e^d - 1 - d
      float share = 1.0821735186818313e-05f;      // of p d^2; interpolated on [-1, 1]
      share = share * d + 8.654656801865279e-05f;
      share = share * d + 4.3403988424452395e-04f;
      share = share * d + 2.6042680836003457e-03f;
      share = share * d + 1.5624998584656245e-02f;
      share = share * d + 6.249998848011446e-02f;
      share = share * d + 0.125f;
      forward += p * excess;
      backward += (p + p * (d + excess)) * z * (even - d * odd);
      js += p * z * share;
      variation += p * fabsf(d + excess);
    } else if (!(x == -INF && y == -INF)) {
      const float q = expf(y - lb);
      forward += y == -INF && x - la > -745.0f ? INF : far_term(p, q, d);
      backward += x == -INF && y - lb > -745.0f ? INF : far_term(q, p, -d);
      const float soft = log1pf(expf(-fabsf(d))) - 0.6931471805599453f;
      js -= 0.5f * ((p > 0 ? p * (soft + fmaxf(d, 0.0f)) : 0.0f) +
                    (q > 0 ? q * (soft + fmaxf(-d, 0.0f)) : 0.0f));
      variation += fabsf(p - q);
    }
  }
  double sums[5] = {forward, backward, js, variation, above};
  write_sums(sums, 5, out + 5ll * blockIdx.x);
}
