"""Matrix product with a bias and GELU: ragged sizes, and f32, f16 or bf16 from one source."""

import math

import ml_dtypes
import numpy as np

import tilevm as tv


@tv.function
def gelu(x):
    """x * P(X <= x) for a normal X (Hendrycks and Gimpel, 2016)."""
    return x * 0.5 * (1.0 + tv.erf(x * math.sqrt(0.5)))


@tv.kernel(
    "a: T[M, K], b: T[K, N], bias: T[N], c: T[M, N]",
    grid=lambda M, N, BM, BN, **_: (tv.cdiv(M, BM), tv.cdiv(N, BN)),
)
def matmul(
    a: tv.Tensor,
    b: tv.Tensor,
    bias: tv.Tensor,
    c: tv.Tensor,
    BM: tv.constexpr = 128,
    BN: tv.constexpr = 128,
    BK: tv.constexpr = 128,
):
    _, K = a.shape
    m, n = tv.program_id(0) * BM, tv.program_id(1) * BN
    acc = tv.zeros((BM, BN), tv.f32)
    for k in tv.range(0, K, BK, num_stages=3):
        acc = tv.dot(a.load((m, k), (BM, BK)), b.load((k, n), (BK, BN)), acc)
    shifted = acc + bias.load(n, BN).to(tv.f32)[None, :]
    c.store((m, n), gelu(shifted).to(c.dtype))


def reference(a: np.ndarray, b: np.ndarray, bias: np.ndarray) -> np.ndarray:
    x = a.astype(np.float64) @ b.astype(np.float64) + bias.astype(np.float64)
    return x * 0.5 * (1.0 + np.vectorize(math.erf)(x * math.sqrt(0.5)))


def main() -> None:
    rng = np.random.default_rng(0)
    M, N, K = 200, 184, 72
    for dtype in (np.float32, np.float16, ml_dtypes.bfloat16):
        a, b, bias = (rng.standard_normal(shape).astype(dtype) for shape in ((M, K), (K, N), (N,)))
        for device in ("cpu", "vm"):
            c = np.empty((M, N), dtype)
            matmul(a, b, bias, c, device=device)
            error = np.abs(c.astype(np.float64) - reference(a, b, bias)).max()
            print(f"matmul of {np.dtype(dtype).name} on {device}: largest error {error:.2e}")


if __name__ == "__main__":
    main()
