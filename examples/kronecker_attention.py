"""Kronecker attention of order 2, exact: every query attends to every pair of keys, and no pair is ever stored."""

import math

import ml_dtypes
import numpy as np

import tilevm as tv

LOG2E = math.log2(math.e)


@tv.kernel(
    "q: T[H, M, _], k1: T[H, N1, _], k2: T[H, N2, _], v1: T[H, N1, _], v2: T[H, N2, _], o: T[H, M, _]",
    grid=lambda H, M, BM, **_: (tv.cdiv(M, BM), H),
)
def kronecker_attention(
    q: tv.Tensor,
    k1: tv.Tensor,
    k2: tv.Tensor,
    v1: tv.Tensor,
    v2: tv.Tensor,
    o: tv.Tensor,
    scale: float,
    D: tv.constexpr,
    BM: tv.constexpr = 32,
    BN: tv.constexpr = 64,
):
    """``o[i] = sum over j, k of softmax(scale * sum(q[i] * k1[j] * k2[k])) * v1[j] * v2[k]``.

    The softmax is over all pairs (Alman and Song, "How to capture higher-order correlations?", 2024). For one j this is
    attention of the queries q * k1[j] to k2 and v2, whose state is then folded into that of all j: two levels of sums
    keep the rounding of N1 * N2 terms small. Exponents are in base 2. Of no pairs the sum is 0.
    """
    rows, head = tv.program_id(0) * BM, tv.program_id(1)
    N1, N2 = k1.shape[1], k2.shape[1]
    queries = q.load((head, rows, 0), (1, BM, D)).reshape(BM, D).to(tv.f32) * (scale * LOG2E)
    acc, top, total = tv.zeros((BM, D), tv.f32), tv.full((BM,), -1e30, tv.f32), tv.zeros((BM,), tv.f32)
    for j in tv.range(N1):
        left = (queries * k1.load((head, j, 0), (1, 1, D)).reshape(1, D)).to(k2.dtype)
        part, part_top, part_total = pairs_of_one(left, k2, v2, head, N2, BM, BN, D)
        higher = tv.maximum(top, part_top)
        old, new = tv.exp2(top - higher), tv.exp2(part_top - higher)
        right = v1.load((head, j, 0), (1, 1, D)).reshape(1, D).to(tv.f32)
        acc = acc * old[:, None] + part * right * new[:, None]
        top, total = higher, total * old + part_total * new
    o.store((head, rows, 0), (acc / tv.where(total > 0, total, 1.0)[:, None]).to(o.dtype).reshape(1, BM, D))


@tv.function
def pairs_of_one(left, k2, v2, head, N2, BM: tv.constexpr, BN: tv.constexpr, D: tv.constexpr):
    """Attention of ``left`` to k2 and v2, not yet divided: the sum, the largest score, and the sum of powers."""
    acc, top, total = tv.zeros((BM, D), tv.f32), tv.full((BM,), -1e30, tv.f32), tv.zeros((BM,), tv.f32)
    for k in tv.range(0, N2, BN):
        scores = tv.dot(left, k2.load((head, k, 0), (1, BN, D)).reshape(BN, D).T)
        scores = tv.where(k + tv.arange(BN)[None, :] < N2, scores, float("-inf"))
        higher = tv.maximum(top, scores.max(axis=1))
        powers, shrink = tv.exp2(scores - higher[:, None]), tv.exp2(top - higher)
        values = v2.load((head, k, 0), (1, BN, D)).reshape(BN, D)
        acc = tv.dot(powers.to(v2.dtype), values, acc * shrink[:, None])
        top, total = higher, total * shrink + powers.sum(axis=1)
    return acc, top, total


def reference(q, k1, k2, v1, v2, scale):
    """The definition in float64, with all pairs in memory."""
    q, k1, k2, v1, v2 = (a.astype(np.float64) for a in (q, k1, k2, v1, v2))
    scores = np.einsum("hid,hjd,hkd->hijk", q, k1, k2, optimize=True) * scale
    powers = np.exp(scores - scores.max(axis=(2, 3), keepdims=True))
    powers /= powers.sum(axis=(2, 3), keepdims=True)
    return np.einsum("hijk,hjd,hkd->hid", powers, v1, v2, optimize=True)


def problem(rng, heads=1, m=40, n1=40, n2=40, d=16, dtype=np.float32):
    """q, k1, k2, v1, v2 and room for the result."""
    q, *pairs = (rng.standard_normal((heads, n, d)).astype(dtype) for n in (m, n1, n2, n1, n2))
    return q, *pairs, np.zeros_like(q)


def kronecker_attention_inputs(rng, n=20, d=8, T=np.float32) -> dict:
    names = ("q", "k1", "k2", "v1", "v2", "o")
    given = dict(zip(names, problem(rng, 2, n, n - 3, n, d, T), strict=True))
    return {**given, "scale": 1 / d, "D": d, "BM": 16, "BN": 16}


def main() -> None:
    for dtype in (np.float32, ml_dtypes.bfloat16):
        q, k1, k2, v1, v2, o = problem(np.random.default_rng(0), 2, 70, 70, 61, 16, dtype)
        exact = reference(q, k1, k2, v1, v2, 1 / 16)
        for device in ("cpu", "vm"):
            kronecker_attention(q, k1, k2, v1, v2, o, 1 / 16, D=16, device=device)
            error = np.linalg.norm(o - exact) / np.linalg.norm(exact)
            print(f"Kronecker attention of {np.dtype(dtype).name} on {device}: largest error {error:.2e} of the norm")


if __name__ == "__main__":
    main()
