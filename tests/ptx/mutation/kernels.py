"""Kernels that are weakened and that no example has: plain products, rows put in order and summed, and their order."""

import tilevm as tv


@tv.kernel(grid=lambda M, N, BM, BN, **_: (tv.cdiv(M, BM), tv.cdiv(N, BN)))
def matmul(
    a: tv.Tensor,
    b: tv.Tensor,
    c: tv.Tensor,
    BM: tv.constexpr = 32,
    BN: tv.constexpr = 32,
    BK: tv.constexpr = 16,
    STAGES: tv.constexpr = 3,
) -> None:
    """``a @ b``, with copies STAGES - 1 trips ahead."""
    m, n = tv.program_id(0) * BM, tv.program_id(1) * BN
    acc = tv.zeros((BM, BN), tv.f32)
    for k in tv.range(0, a.shape[1], BK, num_stages=STAGES):
        acc = tv.dot(a.load((m, k), (BM, BK)), b.load((k, n), (BK, BN)), acc)
    c.store((m, n), acc)


@tv.kernel(grid=lambda M, **_: M)
def order(x: tv.Tensor, y: tv.Tensor, total: tv.Tensor, BLOCK: tv.constexpr = 128) -> None:
    """Each row of ``x`` in order, what lies past its end behind all of it, and the sums up to each element of that."""
    row = tv.program_id(0)
    ordered = tv.sort(x.load((row, 0), (1, BLOCK), other=2**30))
    y.store((row, 0), ordered)
    total.store((row, 0), tv.cumsum(ordered, axis=1))


@tv.kernel(grid=lambda M, **_: M)
def ranking(x: tv.Tensor, y: tv.Tensor, at: tv.Tensor, BLOCK: tv.constexpr = 128) -> None:
    """Each row of ``x`` in order, and where in the row each element of that stood."""
    row = tv.program_id(0)
    values = x.load((row, 0), (1, BLOCK), other=2**30)
    y.store((row, 0), tv.sort(values))
    at.store((row, 0), tv.argsort(values))
