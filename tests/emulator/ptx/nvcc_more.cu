// Divergence, votes, calls, local memory, named barriers, assertions: what compilers emit less often.
#include <assert.h>

__device__ __noinline__ int tangle(int x, int y) {
    for (int i = 0; i < y; ++i) x = (x ^ (x << 3)) + i;
    return x;
}

extern "C" __global__ void calls(const int* x, int* out, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) out[i] = tangle(x[i], i % 5) + tangle(i, 2);
}

extern "C" __global__ void votes(const int* x, unsigned* out) {
    int t = threadIdx.x, value = x[t];
    unsigned ballot = __ballot_sync(0xffffffffu, value > 0);
    unsigned same = __match_any_sync(0xffffffffu, value & 3);
    int all = __all_sync(0xffffffffu, value > -100), any = __any_sync(0xffffffffu, value == 7);
    unsigned most = __reduce_max_sync(0xffffffffu, (unsigned)value);
    out[5 * t] = ballot;
    out[5 * t + 1] = same;
    out[5 * t + 2] = 2 * all + any;
    out[5 * t + 3] = most;
    out[5 * t + 4] = __popc(same) + __clz(value) + __ffs(value) + (int)__brev(value);
}

extern "C" __global__ void local_array(const int* x, int* out) {
    int kept[32];
    int t = threadIdx.x;
    for (int i = 0; i < 32; ++i) kept[i] = x[t] * i;
    for (int i = 0; i < 32; ++i) kept[(x[t] + i) & 31] += kept[i];
    out[t] = kept[t & 31];
}

extern "C" __global__ void halves(const float* x, float* out) {
    __shared__ float box[64];
    int t = threadIdx.x;
    if (t < 64) {
        asm volatile("bar.sync 1, 128;");
        out[t] = 2.0f * box[t];
    } else {
        box[t - 64] = x[t - 64];
        asm volatile("bar.arrive 1, 128;");
    }
}

extern "C" __global__ void checked(const int* x, int* out) {
    assert(x[threadIdx.x] >= 0);
    out[threadIdx.x] = x[threadIdx.x] / 7 + x[threadIdx.x] % 7;
}

extern "C" __global__ void transcendental(const float* x, float* out, int n) {
    int i = threadIdx.x;
    if (i >= n) return;
    out[i] = expf(x[i]);
    out[n + i] = logf(fabsf(x[i]) + 1.0f);
    out[2 * n + i] = sinf(x[i]);
    out[3 * n + i] = x[i] / 3.7f;
    out[4 * n + i] = sqrtf(fabsf(x[i]));
    out[5 * n + i] = rsqrtf(fabsf(x[i]) + 1.0f);
    out[6 * n + i] = powf(fabsf(x[i]), 1.5f);
    out[7 * n + i] = tanhf(x[i]);
    out[8 * n + i] = (float)(exp((double)x[i]));
}
