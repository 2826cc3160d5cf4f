"""Vector add: the smallest kernel. Every program adds one block; what lies past the end is masked."""

import numpy as np

import tilevm as tv


@tv.kernel("a: T[N], b: T[N], c: T[N]", grid=lambda N, BLOCK, **_: tv.cdiv(N, BLOCK))
def vector_add(a: tv.Tensor, b: tv.Tensor, c: tv.Tensor, BLOCK: tv.constexpr = 8192):
    at = tv.program_id(0) * BLOCK
    c.store(at, a.load(at, BLOCK) + b.load(at, BLOCK))


def main() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 1_000_003), dtype=np.float32)
    for device in ("cpu", "vm"):
        c = np.empty_like(a)
        vector_add(a, b, c, device=device)
        exact = a.astype(np.float64) + b
        print(f"vector_add on {device}: largest error {np.abs(c - exact).max():.2e}")


if __name__ == "__main__":
    main()
