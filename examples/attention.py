"""Flash attention, forward: causal or not, grouped heads, any length, f32, f16 or bf16.

The kernel is one of the library's; ``tilevm/library/attention.py`` reads like the other examples.
"""

import ml_dtypes
import numpy as np

from tilevm.library.attention import attention


def reference(q, k, v, scale, causal=False):
    group = q.shape[1] // k.shape[1]
    q, k, v = q.astype(np.float64), *(x.astype(np.float64).repeat(group, axis=1) for x in (k, v))
    scores = q @ k.swapaxes(-1, -2) * scale
    if causal:
        m, n = scores.shape[-2:]
        scores = np.where(np.tri(m, n, n - m, dtype=bool), scores, -np.inf)
    powers = np.exp(scores - np.maximum(scores.max(axis=-1, keepdims=True), -1e30))
    return powers / np.maximum(powers.sum(axis=-1, keepdims=True), 1e-30) @ v


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
