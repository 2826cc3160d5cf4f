"""Flash attention, forward: causal or not, grouped heads, any length, f32, f16 or bf16."""

import math

import ml_dtypes
import numpy as np

import tilevm as tv


@tv.function
def fold_in(state, q, k, v, place, scale, last, BN: tv.constexpr, D: tv.constexpr):
    """The state after one block of keys; ``last`` gives each row the last key that it sees, None where all are seen.

    The running maximum and the exponents are kept in base 2 (Milakov and Gimelshein, "Online normalizer calculation
    for softmax", 2018; Dao et al., "FlashAttention", 2022).
    """
    acc, top, total = state
    batch, head, start = place
    keys = k.load((batch, head, start, 0), (1, 1, BN, D)).reshape((BN, D))
    values = v.load((batch, head, start, 0), (1, 1, BN, D)).reshape((BN, D))
    scores = tv.dot(q, keys.T)
    if last is not None:
        scores = tv.where(start + tv.arange(BN)[None, :] <= last[:, None], scores, float("-inf"))
    higher = tv.maximum(top, scores.max(axis=1) * scale)
    powers = tv.exp2(scores * scale - higher[:, None])
    shrink = tv.exp2(top - higher)
    acc = tv.dot(powers.to(v.dtype), values, acc * shrink[:, None])
    return acc, higher, total * shrink + powers.sum(axis=1)


@tv.kernel(
    "q: T[B, H, M, _], k: T[B, G, N, _], v: T[B, G, N, _], o: T[B, H, M, _]",
    grid=lambda B, H, M, BM, **_: (tv.cdiv(M, BM), H, B),
)
def attention(
    q: tv.Tensor,
    k: tv.Tensor,
    v: tv.Tensor,
    o: tv.Tensor,
    scale: float,
    D: tv.constexpr,
    causal: tv.constexpr = False,
    BM: tv.constexpr = 128,
    BN: tv.constexpr = 64,
):
    """``softmax(q @ k.T * scale) @ v`` for each head; H is a multiple of G, and a group of heads shares keys.

    Causal: row i of M sees the keys up to i + N - M, so the last row sees all.
    """
    _, H, M, _ = q.shape
    _, G, N, _ = k.shape
    rows = (tv.num_programs(0) - 1 - tv.program_id(0)) * BM  # the longest first, so that the threads end together
    head, batch = tv.program_id(1), tv.program_id(2)
    group = head // (H // G)
    tile = q.load((batch, head, rows, 0), (1, 1, BM, D)).reshape((BM, D))
    last, clear, end = tv.full((BM,), N - 1, tv.i32), N, N  # clear: keys that all of the rows see
    if causal:
        last = tv.minimum(last, rows + (N - M) + tv.arange(BM))
        clear, end = tv.minimum(rows + (N - M) + 1, N), tv.minimum(rows + (N - M) + BM, N)
    clear = tv.maximum(clear, 0) // BN * BN
    state = tv.zeros((BM, D), tv.f32), tv.full((BM,), -1e30, tv.f32), tv.zeros((BM,), tv.f32)
    for n in tv.range(0, clear, BN):
        state = fold_in(state, tile, k, v, (batch, group, n), scale * LOG2E, None, BN, D)
    for n in tv.range(clear, end, BN):
        state = fold_in(state, tile, k, v, (batch, group, n), scale * LOG2E, last, BN, D)
    acc, _, total = state
    o.store((batch, head, rows, 0), (acc / tv.maximum(total, 1e-30)[:, None]).to(o.dtype).reshape((1, 1, BM, D)))


LOG2E = math.log2(math.e)


def reference(q, k, v, scale, causal=False):
    group = q.shape[1] // k.shape[1]
    q, k, v = q.astype(np.float64), *(x.astype(np.float64).repeat(group, axis=1) for x in (k, v))
    scores = q @ k.swapaxes(-1, -2) * scale
    if causal:
        m, n = scores.shape[-2:]
        scores = np.where(np.tri(m, n, n - m, dtype=bool), scores, -np.inf)
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True) @ v


def attention_inputs(rng, m=50, n=41, d=16, causal=True, T=np.float32) -> dict:
    q, k, v = (rng.standard_normal(shape).astype(T) for shape in ((1, 2, m, d), (1, 1, n, d), (1, 1, n, d)))
    named = {"q": q, "k": k, "v": v, "o": np.zeros_like(q), "scale": d**-0.5}
    return {**named, "D": d, "causal": causal, "BM": 16, "BN": 16}


def main() -> None:
    rng = np.random.default_rng(0)
    for dtype in (np.float32, np.float16, ml_dtypes.bfloat16):
        for causal in (False, True):
            q = rng.standard_normal((1, 4, 200, 64)).astype(dtype)
            k, v = (rng.standard_normal((1, 2, 261, 64)).astype(dtype) for _ in range(2))
            o = np.empty_like(q)
            attention(q, k, v, o, 0.125, D=64, causal=causal)
            error = np.abs(o.astype(np.float64) - reference(q, k, v, 0.125, causal)).max()
            print(f"{'causal ' if causal else ''}attention of {np.dtype(dtype).name}: largest error {error:.2e}")


if __name__ == "__main__":
    main()
