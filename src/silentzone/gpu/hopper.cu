// Two models' logits, tile by tile in registers, folded into a few sums per row (see sums.py).
//
// A block owns 128 positions and a stretch of the vocabulary. One thread feeds a ring of stages in
// shared memory with the copy engine; two warpgroups multiply 64 positions each by BN vocabulary
// entries. The groups share stages but no barrier: while one folds its logits the other multiplies.
// CLUSTER blocks of different positions fetch each tile of a head together, a part each, and every
// second tile is walked from its far end, where the hidden states were read last: the card works
// against its power limit, and bytes moved cost power.
//
// Logits are kept in units of log 2, so that every exponential is one instruction.
// The host gives BN, STAGES, CLUSTER, NC (candidates), HAS_BIAS, CAPPED, and the text of MULTIPLY.

typedef unsigned int u32;
typedef unsigned long long u64;

#define BM 128
#define BK 64
#define NF (BN / 2)
#define A_BYTES (BM * BK * 2)
#define B_BYTES (BN * BK * 2)
#define STAGE_BYTES (A_BYTES + B_BYTES)
#define LN2 0.6931471805599453f
#define LOWEST -1e30f
#define NEAR 0.36f

struct __align__(64) TensorMap { u64 words[16]; };
struct Maps { TensorMap map[2 * (NC + 1)]; };
struct Params {
  const float *bias[NC + 1];
  float *out;
  int T, V, n_tiles, tiles_per, splits, n_rows, group, unused;
  int k_steps[NC + 1];
  float scale[NC + 1], cap_in[NC + 1], cap_out[NC + 1];
};

__device__ __forceinline__ u32 shared_address(const void *p) {
  return (u32)__cvta_generic_to_shared(p);
}
__device__ __forceinline__ void barrier_init(u32 bar, u32 count) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(bar), "r"(count));
}
__device__ __forceinline__ void barrier_expect(u32 bar, u32 bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(bar), "r"(bytes) : "memory");
}
__device__ __forceinline__ void barrier_wait(u32 bar, u32 parity) {
  u32 done;
  do {
    asm volatile(
        "{.reg .pred p;\n"
        "mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\n"
        "selp.u32 %0, 1, 0, p;}\n"
        : "=r"(done) : "r"(bar), "r"(parity) : "memory");
  } while (!done);
}
// At the same barrier of another block of the cluster. What is released was only read: no fence of
// cluster scope, which would stop the warp for longer than a tile takes.
__device__ __forceinline__ void barrier_arrive(u32 bar, u32 block) {
#if CLUSTER > 1
  asm volatile(
      "{.reg .b32 remote;\n"
      "mapa.shared::cluster.u32 remote, %0, %1;\n"
      "mbarrier.arrive.shared::cluster.b64 _, [remote];}\n" ::"r"(bar), "r"(block) : "memory");
#else
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(bar) : "memory");
#endif
}
__device__ __forceinline__ void copy_tile(u32 to, const TensorMap *map, int x, int y, u32 bar) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3}], [%4];" ::"r"(to),
      "l"(map), "r"(x), "r"(y), "r"(bar) : "memory");
}
__device__ __forceinline__ void copy_tile_to_all(u32 to, const TensorMap *map, int x, int y, u32 bar) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster [%0], [%1, {%2, %3}], [%4], %5;" ::"r"(to),
      "l"(map), "r"(x), "r"(y), "r"(bar), "h"((unsigned short)((1 << CLUSTER) - 1)) : "memory");
}
__device__ __forceinline__ u32 cluster_rank() {
  u32 rank;
  asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  return rank;
}
__device__ __forceinline__ void cluster_sync() {
  asm volatile("barrier.cluster.arrive.release;\nbarrier.cluster.wait.acquire;\n" ::: "memory");
}
// K-major tile with rows of 128 bytes under the 128-byte swizzle
__device__ __forceinline__ u64 descriptor(u32 address) {
  return (u64)((address & 0x3FFFF) >> 4) | ((u64)1 << 16) | ((u64)64 << 32) | ((u64)1 << 62);
}
__device__ __forceinline__ void multiply(float (&d)[NF], u64 a, u64 b, int accumulate) {
  MULTIPLY
}
__device__ __forceinline__ float ex2(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
// cap * tanh: its error is some 1e-7 of the cap, as the rounding of a logit near the cap
__device__ __forceinline__ float capped(float z, float by, float cap) {
  return cap - __fdividef(2.f * cap, 1.f + ex2(z * by));
}
__device__ __forceinline__ float quad_max(float x) {
  x = fmaxf(x, __shfl_xor_sync(~0u, x, 1));
  return fmaxf(x, __shfl_xor_sync(~0u, x, 2));
}
__device__ __forceinline__ float quad_sum(float x) {
  x += __shfl_xor_sync(~0u, x, 1);
  return x + __shfl_xor_sync(~0u, x, 2);
}
__device__ __forceinline__ int quad_min(int x) {
  x = min(x, __shfl_xor_sync(~0u, x, 1));
  return min(x, __shfl_xor_sync(~0u, x, 2));
}
// exp(-v) - 1 + v for v = u ln 2 by its series, u small
__device__ __forceinline__ float excess(float u) {
  float g = fmaf(u, 1.54035303934e-4f, -1.33335581464e-3f);
  g = fmaf(u, g, 9.61812910763e-3f);
  g = fmaf(u, g, -5.55041086648e-2f);
  g = fmaf(u, g, 2.40226506959e-1f);
  return g * (u * u);
}

// A 16-bit float of the models' type as float32
__device__ __forceinline__ float widen(unsigned short bits) {
#if HALF
  float y;
  asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(bits));
  return y;
#else
  return __uint_as_float((u32)bits << 16);
#endif
}

struct Ring {
  u32 full, empty, stages;
  int stage, phase;
  __device__ __forceinline__ void next() {
    if (++stage == STAGES) { stage = 0; phase ^= 1; }
  }
};

// Issue one model's product; the last stage's multiplications may still run when this returns.
__device__ __forceinline__ void product(float (&acc)[NF], Ring &ring, int &pending, int steps, int group, int thread) {
  for (int k = 0; k < steps; ++k) {
    barrier_wait(ring.full + ring.stage * 8, ring.phase);
    u32 base = ring.stages + ring.stage * STAGE_BYTES;
    u64 a = descriptor(base + group * (A_BYTES / 2)), b = descriptor(base + A_BYTES);
    asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#pragma unroll
    for (int i = 0; i < BK / 16; ++i) multiply(acc, a + 2 * i, b + 2 * i, k | i);
    asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
    asm volatile("wgmma.wait_group.sync.aligned 1;" ::: "memory");
    if (pending >= 0 && thread < CLUSTER) barrier_arrive(ring.empty + pending * 8, thread);
    pending = ring.stage;
    ring.next();
  }
}

// Products to logits in units of log 2; gives the factor that is still to be applied.
__device__ __forceinline__ float finish(float (&acc)[NF], const Params &p, int model, int col0, int lane) {
  float factor = p.scale[model];
  if (HAS_BIAS && p.bias[model] != 0) {
    const float *bias = p.bias[model];
#pragma unroll
    for (int i = 0; i < NF; ++i) {
      const int col = col0 + 8 * (i / 4) + 2 * (lane & 3) + (i & 1);
      acc[i] += fmaxf(bias[min(col, p.V - 1)], LOWEST);
    }
  }
  if (CAPPED && p.cap_out[model] > 0.f) {
    const float cap = p.cap_out[model], by = p.cap_in[model];
#pragma unroll
    for (int i = 0; i < NF; ++i) acc[i] = capped(acc[i], by, cap);
    factor = 1.f;
  }
  if (col0 + BN > p.V) {
#pragma unroll
    for (int i = 0; i < NF; ++i) {
      int col = col0 + 8 * (i / 4) + 2 * (lane & 3) + (i & 1);
      acc[i] = col < p.V ? acc[i] * factor : LOWEST;
    }
    factor = 1.f;
  }
  return factor;
}

// New maxima of a thread's two rows; where a row has a new one, the column it stands in.
__device__ __forceinline__ void raise(const float (&acc)[NF], float factor, float (&m)[2], float (&by)[2], int (&at)[2], int col0, int lane) {
#pragma unroll
  for (int h = 0; h < 2; ++h) {
    float top = acc[2 * h];
#pragma unroll
    for (int i = 0; i < NF / 4; ++i) top = fmaxf(top, fmaxf(acc[4 * i + 2 * h], acc[4 * i + 2 * h + 1]));
    top = quad_max(top);
    float scaled = top * factor;
    by[h] = 0.f;
    bool is_new = scaled > m[h];
    if (__any_sync(~0u, is_new)) {
      int found = 0x7fffffff;
#pragma unroll
      for (int i = NF / 4 - 1; i >= 0; --i) {
        int col = col0 + 8 * i + 2 * (lane & 3);
        if (acc[4 * i + 2 * h + 1] == top) found = col + 1;
        if (acc[4 * i + 2 * h] == top) found = col;
      }
      found = quad_min(found);
      if (is_new) {
        by[h] = scaled - m[h];
        m[h] = scaled;
        at[h] = found;
      }
    }
  }
}

extern "C" __global__ void __launch_bounds__(384, 1)
#if CLUSTER > 1
    __cluster_dims__(CLUSTER, 1, 1)
#endif
    fused(const __grid_constant__ Maps maps, const __grid_constant__ Params p) {
  extern __shared__ __align__(1024) unsigned char memory[];
  __shared__ __align__(8) u64 barriers[2 * STAGES];
  Ring ring;
  ring.full = shared_address(barriers);
  ring.empty = ring.full + STAGES * 8;
  ring.stages = (shared_address(memory) + 1023) & ~1023u;
  ring.stage = 0;
  ring.phase = 0;
  const int group = threadIdx.x / 128, thread = threadIdx.x % 128;

  if (threadIdx.x == 0) {
    for (int s = 0; s < STAGES; ++s) {
      barrier_init(ring.full + s * 8, 1);
      barrier_init(ring.empty + s * 8, 2 * CLUSTER);
    }
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
  }
  const u32 rank = CLUSTER > 1 ? cluster_rank() : 0;
  if (CLUSTER > 1) cluster_sync(); else __syncthreads();

  // `group` blocks of positions times all stretches are neighbours in time: what they share of
  // hidden states and heads then stays in the L2 cache. All three are counted in clusters here.
  const int clusters = p.n_rows / CLUSTER, most = p.group / CLUSTER, id = blockIdx.x / CLUSTER;
  const int g = id / (most * p.splits), here = min(clusters - g * most, most);
  const int inside = id - g * most * p.splits, split = inside / here;
  const int row0 = ((g * most + inside % here) * CLUSTER + rank) * BM;
  const int lo = split * p.tiles_per, hi = min(lo + p.tiles_per, p.n_tiles);

  if (group == 0) {
    asm volatile("setmaxnreg.dec.sync.aligned.u32 24;");
    if (thread == 0) {
      ring.phase = 1;
      for (int j = lo; j < hi; ++j)
        for (int model = 0; model <= NC; ++model)
          for (int step = 0; step < p.k_steps[model]; ++step) {
            const u32 full = ring.full + ring.stage * 8, base = ring.stages + ring.stage * STAGE_BYTES;
            const int k = ((j & 1) ? p.k_steps[model] - 1 - step : step) * BK;
            const TensorMap *map = &maps.map[2 * model];
            barrier_wait(ring.empty + ring.stage * 8, ring.phase);
            barrier_expect(full, STAGE_BYTES);
            copy_tile(base, map, k, row0, full);
            if (CLUSTER > 1)
              copy_tile_to_all(base + A_BYTES + rank * (B_BYTES / CLUSTER), map + 1, k,
                               j * BN + rank * (BN / CLUSTER), full);
            else
              copy_tile(base + A_BYTES, map + 1, k, j * BN, full);
            ring.next();
          }
    }
  } else {
    asm volatile("setmaxnreg.inc.sync.aligned.u32 240;");
    const int lane = thread % 32;
    float ar[NF], ac[NF];
    float m_r[2] = {LOWEST, LOWEST}, P[2] = {0, 0}, S[2] = {0, 0};
    float m_c[NC][2], Q[NC][2], U[NC][2], K[NC][2], E[NC][2];
    int i_r[2] = {0, 0}, i_c[NC][2];
#pragma unroll
    for (int n = 0; n < NC; ++n)
#pragma unroll
      for (int h = 0; h < 2; ++h) { m_c[n][h] = LOWEST; Q[n][h] = U[n][h] = K[n][h] = E[n][h] = 0.f; i_c[n][h] = 0; }
    int pending = -1;

    for (int j = lo; j < hi; ++j) {
      const int col0 = j * BN;
      product(ar, ring, pending, p.k_steps[0], group - 1, thread);
      float f_r = 1.f, up_r[2], old_P[2];
#pragma unroll
      for (int n = 0; n < NC; ++n) {
        product(ac, ring, pending, p.k_steps[n + 1], group - 1, thread);
        asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
        if (thread < CLUSTER) barrier_arrive(ring.empty + pending * 8, thread);
        pending = -1;
        if (n == 0) {
          f_r = finish(ar, p, 0, col0, lane);
          raise(ar, f_r, m_r, up_r, i_r, col0, lane);
          old_P[0] = P[0]; old_P[1] = P[1];
        }
        float f_c = finish(ac, p, n + 1, col0, lane), up_c[2];
        raise(ac, f_c, m_c[n], up_c, i_c[n], col0, lane);
#pragma unroll
        for (int h = 0; h < 2; ++h) {
          const float mr = m_r[h], mc = m_c[n][h];
          float sp = 0, sq = 0, su = 0, sk = 0, ss = 0, se = 0;
#pragma unroll
          for (int i = 0; i < NF / 4; ++i)
#pragma unroll
            for (int e = 0; e < 2; ++e) {
              const float x = fmaf(ar[4 * i + 2 * h + e], f_r, -mr);
              const float y = fmaf(ac[4 * i + 2 * h + e], f_c, -mc);
              const float w = ex2(x), q = ex2(y), u = x - y;
              const float far = fmaf(w, fmaf(u, LN2, -1.f), q);
              sk += fabsf(u) < NEAR ? w * excess(u) : far;
              su = fmaf(w, u, su);
              sq += q;
              se = fmaf(q, y, se);
              if (n == 0) { sp += w; ss = fmaf(w, x, ss); }
            }
          // the running sums move to the new maxima; exact, and gentle where the two rise together
          const float er = ex2(-up_r[h]), ec = ex2(-up_c[h]), d = up_r[h] - up_c[h];
          const float k = K[n][h], v = U[n][h] * LN2;
          const float moved = fabsf(d) < NEAR
              ? er * (k + d * LN2 * (k - v) + Q[n][h] * excess(-d))
              : er * (v - d * LN2 * old_P[h] - old_P[h]) + ec * Q[n][h];
          K[n][h] = moved + sk;
          U[n][h] = er * (U[n][h] - d * old_P[h]) + su;
          E[n][h] = ec * (E[n][h] - up_c[h] * Q[n][h]) + se;
          Q[n][h] = ec * Q[n][h] + sq;
          if (n == 0) {
            S[h] = er * (S[h] - up_r[h] * old_P[h]) + ss;
            P[h] = er * old_P[h] + sp;
          }
        }
      }
    }
    const int row = row0 + (group - 1) * 64 + (thread / 32) * 16 + lane / 4;
    float *out = p.out + (u64)split * (4 + 6 * NC) * p.T;
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      const float sp = quad_sum(P[h]), ss = quad_sum(S[h]);
      const bool writes = (lane & 3) == 0 && row + 8 * h < p.T;
      float *to = out + row + 8 * h;
      if (writes) {
        to[0] = m_r[h]; to[p.T] = sp; to[2 * p.T] = ss; to[3 * p.T] = __int_as_float(i_r[h]);
      }
#pragma unroll
      for (int n = 0; n < NC; ++n) {
        const float sq = quad_sum(Q[n][h]), su = quad_sum(U[n][h]), sk = quad_sum(K[n][h]), se = quad_sum(E[n][h]);
        float *own = to + (4 + 6 * n) * p.T;
        if (writes) {
          own[0] = m_c[n][h]; own[p.T] = sq; own[2 * p.T] = su; own[3 * p.T] = sk;
          own[4 * p.T] = se; own[5 * p.T] = __int_as_float(i_c[n][h]);
        }
      }
    }
  }
  if (CLUSTER > 1) cluster_sync();  // no block may end while another still signals to it
}

// The observed token's logit: one warp per position. Same units.
extern "C" __global__ void __launch_bounds__(256) observed(
    const unsigned short *hidden, const unsigned short *weight, const long long *tokens, const float *bias,
    float *out, int T, int width, long long hidden_stride, long long weight_stride, float scale, float cap_in,
    float cap_out) {
  const int row = blockIdx.x * 8 + threadIdx.x / 32, lane = threadIdx.x % 32;
  if (row >= T) return;
  const unsigned short *h = hidden + row * hidden_stride, *w = weight + tokens[row] * weight_stride;
  float z = 0.f;
  for (int k = lane; k < width; k += 32) z = fmaf(widen(h[k]), widen(w[k]), z);
#pragma unroll
  for (int step = 16; step > 0; step /= 2) z += __shfl_xor_sync(~0u, z, step);
  if (bias != 0) z += fmaxf(bias[tokens[row]], LOWEST);
  z = cap_out > 0.f ? capped(z, cap_in, cap_out) : z * scale;
  if (lane == 0) out[row] = z;
}
