"""Softmax of the rows of a matrix: a reduction, a function, another reduction, one pass over memory."""

import numpy as np

import tilevm as tv


@tv.kernel("x: T[M, N], y: T[M, N]", grid=lambda M, **_: M)
def softmax(x: tv.Tensor, y: tv.Tensor, BLOCK: tv.constexpr = 1024):
    """One row a program; BLOCK is at least the length of a row, and what is past its end counts as -inf."""
    row = tv.program_id(0)
    values = x.load((row, 0), (1, BLOCK), other=float("-inf")).to(tv.f32)
    powers = tv.exp(values - values.max(axis=1, keepdims=True))
    y.store((row, 0), (powers / powers.sum(axis=1, keepdims=True)).to(y.dtype))


def reference(x: np.ndarray) -> np.ndarray:
    powers = np.exp(x.astype(np.float64) - x.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def main() -> None:
    x = np.random.default_rng(0).standard_normal((100, 781), dtype=np.float32)
    for device in ("cpu", "vm"):
        y = np.empty_like(x)
        softmax(x, y, device=device)
        print(f"softmax on {device}: largest error {np.abs(y - reference(x)).max():.2e}")


if __name__ == "__main__":
    main()
