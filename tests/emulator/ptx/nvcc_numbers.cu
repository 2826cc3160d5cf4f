// Arithmetic with every rounding, conversions, packed 16-bit floats, bits: one result a column.
#include <cuda_bf16.h>
#include <cuda_fp16.h>

extern "C" __global__ void rounded(const float* x, const float* y, const float* z, float* out, int n) {
    int i = threadIdx.x;
    if (i >= n) return;
    float a = x[i], b = y[i], c = z[i];
    float* o = out + 17 * i;
    o[0] = __fadd_rn(a, b), o[1] = __fadd_rz(a, b), o[2] = __fadd_rd(a, b), o[3] = __fadd_ru(a, b);
    o[4] = __fmul_rn(a, b), o[5] = __fmul_rz(a, b), o[6] = __fmul_rd(a, b), o[7] = __fmul_ru(a, b);
    o[8] = __fmaf_rn(a, b, c), o[9] = __fmaf_rz(a, b, c), o[10] = __fmaf_rd(a, b, c), o[11] = __fmaf_ru(a, b, c);
    o[12] = __fdiv_rn(a, b), o[13] = __fdiv_rz(a, b), o[14] = __fdiv_rd(a, b), o[15] = __fdiv_ru(a, b);
    o[16] = __fsub_rz(a, b);
}

extern "C" __global__ void converted(const float* x, int* whole, unsigned* naturals, long long* longs, unsigned short* halves,
                                     unsigned short* brains, float* back, int n) {
    int i = threadIdx.x;
    if (i >= n) return;
    float a = x[i];
    whole[4 * i] = __float2int_rn(a), whole[4 * i + 1] = __float2int_rz(a);
    whole[4 * i + 2] = __float2int_rd(a), whole[4 * i + 3] = __float2int_ru(a);
    naturals[i] = __float2uint_rz(a);
    longs[i] = __float2ll_rn(a);
    halves[3 * i] = __half_as_ushort(__float2half_rn(a)), halves[3 * i + 1] = __half_as_ushort(__float2half_rz(a));
    halves[3 * i + 2] = __half_as_ushort(__float2half_ru(a));
    brains[2 * i] = __bfloat16_as_ushort(__float2bfloat16_rn(a));
    brains[2 * i + 1] = __bfloat16_as_ushort(__float2bfloat16_rz(a));
    back[3 * i] = __int2float_rz(whole[4 * i]), back[3 * i + 1] = __ll2float_rn(longs[i]);
    back[3 * i + 2] = (float)(double)a;
}

extern "C" __global__ void packed(const __half2* x, const __half2* y, const __half2* z, __half2* out, const __nv_bfloat162* u,
                                  const __nv_bfloat162* v, __nv_bfloat162* made) {
    int i = threadIdx.x;
    __half2 a = x[i], b = y[i];
    out[5 * i] = __hadd2(a, b), out[5 * i + 1] = __hmul2(a, b), out[5 * i + 2] = __hfma2(a, b, z[i]);
    out[5 * i + 3] = __hmax2(a, b), out[5 * i + 4] = __hmin2(a, b);
    made[3 * i] = __hfma2(u[i], v[i], u[i]), made[3 * i + 1] = __hmax2(u[i], v[i]), made[3 * i + 2] = __hmin2(u[i], v[i]);
}

extern "C" __global__ void bit_work(const unsigned* x, const unsigned* y, const unsigned* z, unsigned* out) {
    int i = threadIdx.x;
    unsigned a = x[i], b = y[i], c = z[i];
    unsigned* o = out + 14 * i;
    o[0] = __byte_perm(a, b, c), o[1] = __funnelshift_l(a, b, c), o[2] = __funnelshift_r(a, b, c);
    o[3] = __funnelshift_lc(a, b, c & 63), o[4] = __popc(a), o[5] = __clz(a), o[6] = __brev(a);
    o[7] = __umulhi(a, b), o[8] = (unsigned)__mulhi((int)a, (int)b);
    o[9] = __dp4a(a, b, c), o[10] = (unsigned)__dp4a((int)a, (int)b, (int)c);
    o[11] = (a & b) ^ (~a & c), o[12] = __usad(a, b, c), o[13] = a / (b | 1) + a % (b | 1);
}

extern "C" __global__ void long_division(const long long* x, const long long* y, long long* out) {
    int i = threadIdx.x;
    out[2 * i] = x[i] / y[i];
    out[2 * i + 1] = x[i] % y[i];
}

extern "C" __global__ void doubles(const double* x, const double* y, double* out) {
    int i = threadIdx.x;
    double a = x[i], b = y[i];
    out[5 * i] = a + b, out[5 * i + 1] = a / b, out[5 * i + 2] = sqrt(fabs(a)), out[5 * i + 3] = fma(a, b, -a * b);
    out[5 * i + 4] = fmin(a, b);
}

extern "C" __global__ void atomics(const int* x, int* cells, unsigned long long* wide, float* total) {
    int t = threadIdx.x;
    atomicMax(cells, x[t]), atomicMin(cells + 1, x[t]), atomicXor(cells + 2, x[t]), atomicOr(cells + 3, x[t]);
    atomicInc((unsigned*)cells + 4, 9), atomicExch(cells + 5, 7);
    atomicAdd(wide, (unsigned long long)t), atomicAdd(total, 1.0f);
    int seen = cells[6], wanted;
    do {
        wanted = seen;
        seen = atomicCAS(cells + 6, wanted, wanted + 3);
    } while (seen != wanted);
}
