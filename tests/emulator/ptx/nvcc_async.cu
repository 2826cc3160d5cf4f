// Asynchronous copies and matrix instructions, written as a person would with the C++ interfaces of CUDA.
#include <cuda_fp16.h>
#include <cuda_pipeline.h>

extern "C" __global__ void tile_product(const float* a, const float* b, float* c, int k) {
    __shared__ __align__(16) float left[2][16 * 16];
    __shared__ __align__(16) float right[2][16 * 16];
    int t = threadIdx.x, row = t / 4, column = 4 * (t % 4);
    float total[4] = {0, 0, 0, 0};
    __pipeline_memcpy_async(&left[0][row * 16 + column], a + row * k + column, 16);
    __pipeline_memcpy_async(&right[0][row * 16 + column], b + row * 16 + column, 16);
    __pipeline_commit();
    for (int step = 0; step < k / 16; ++step) {
        int now = step % 2;
        if (step + 1 < k / 16) {
            __pipeline_memcpy_async(&left[1 - now][row * 16 + column], a + row * k + 16 * (step + 1) + column, 16);
            __pipeline_memcpy_async(&right[1 - now][row * 16 + column], b + (16 * (step + 1) + row) * 16 + column, 16);
        }
        __pipeline_commit();
        __pipeline_wait_prior(1);
        __syncthreads();
        for (int i = 0; i < 16; ++i)
            for (int j = 0; j < 4; ++j) total[j] += left[now][row * 16 + i] * right[now][i * 16 + column + j];
        __syncthreads();
    }
    for (int j = 0; j < 4; ++j) c[row * 16 + column + j] = total[j];
}

extern "C" __global__ void mma_direct(const half* a, const half* b, float* c) {
    __shared__ __align__(16) half left[16 * 16];
    __shared__ __align__(16) half right[16 * 8];
    int lane = threadIdx.x;
    unsigned la = (unsigned)__cvta_generic_to_shared(left + (lane % 16) * 16 + 8 * (lane / 16));
    unsigned lb = (unsigned)__cvta_generic_to_shared(right + (lane % 16) * 8);
    asm volatile("cp.async.ca.shared.global [%0], [%1], 16;" ::"r"(
                     (unsigned)__cvta_generic_to_shared(left + 8 * lane)), "l"(a + 8 * lane));
    if (lane < 16)
        asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(
                         (unsigned)__cvta_generic_to_shared(right + 8 * lane)), "l"(b + 8 * lane), "r"(16));
    asm volatile("cp.async.wait_all;");
    __syncwarp();
    unsigned x0, x1, x2, x3, y0, y1;
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(x0), "=r"(x1), "=r"(x2), "=r"(x3) : "r"(la));
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];" : "=r"(y0), "=r"(y1) : "r"(lb));
    float z0 = 0, z1 = 0, z2 = 0, z3 = 0;
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(z0), "+f"(z1), "+f"(z2), "+f"(z3) : "r"(x0), "r"(x1), "r"(x2), "r"(x3), "r"(y0), "r"(y1));
    int row = lane / 4, column = 2 * (lane % 4);
    c[row * 8 + column] = z0;
    c[row * 8 + column + 1] = z1;
    c[(row + 8) * 8 + column] = z2;
    c[(row + 8) * 8 + column + 1] = z3;
}
