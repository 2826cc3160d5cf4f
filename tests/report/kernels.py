"""Kernels that the checks are checked on."""

import numpy as np

import tilevm as tv


@tv.kernel("a: T[N], b: T[N], c: T[N]", grid=lambda N, BLOCK, **_: tv.cdiv(N, BLOCK))
def fused(a: tv.Tensor, b: tv.Tensor, c: tv.Tensor, BLOCK: tv.constexpr = 16):
    """Something for every pass: a constant to fold, a product to share, a product and a sum to fuse."""
    at = tv.program_id(0) * BLOCK + (2 - 2)
    x, y = a.load(at, BLOCK), b.load(at, BLOCK)
    c.store(at, x * y + tv.exp(x) * tv.exp(x) * 1.0)


@tv.kernel("x: f32[N], y: f32[N]", grid=lambda N, **_: N)
def chained(x: tv.Tensor, y: tv.Tensor):
    """Each program reads what the one before it has written: wrong, as programs run in any order."""
    i = tv.program_id(0)
    y.store(i, x.load(i, 1) + y.load(i - 1, 1))


@tv.kernel("x: f32[N], y: f32[N]", grid=lambda N, **_: tv.cdiv(N, 8))
def unwritten(x: tv.Tensor, y: tv.Tensor):
    """Stores what was never written."""
    y.store(tv.program_id(0) * 8, tv.empty(8, tv.f32))


@tv.kernel("table: i32[N], x: T[M], y: T[N]", grid=lambda N, **_: tv.cdiv(N, 8))
def looked_up(table: tv.Tensor, x: tv.Tensor, y: tv.Tensor):
    at = tv.program_id(0) * 8
    inside = at + tv.arange(8) < table.shape[0]
    y.store(at, x.gather(table.load(at, 8), inside))


def looked_up_inputs(rng: np.random.Generator, n: int = 20, m: int = 5, T: np.dtype = np.float32) -> dict:
    """Indices that lie within the table, which random numbers would not."""
    table = rng.integers(0, m, n).astype(np.int32)
    return {"table": table, "x": rng.standard_normal(m).astype(T), "y": np.zeros(n, T)}
