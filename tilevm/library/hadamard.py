"""The Hadamard transform of short rows with random signs, which spreads an outlier over its row."""

from __future__ import annotations

from math import prod
from typing import Any

import tilevm as tv
from tilevm.library.seeds import key
from tilevm.library.shapes import shape_of
from tilevm.runtime.room import empty

COLUMNS = 2048  # of a tile, where rows are as long


@tv.function
def hadamard(x: tv.Tile, SIZE: tv.constexpr = 16, seed: tv.Tile | int = 0, inverse: tv.constexpr = False) -> tv.Tile:
    """Each SIZE columns of x (M, N) times T = diag(signs) @ H / sqrt(SIZE), or times the inverse of T.

    H is Sylvester's matrix of ±1, SIZE a power of two. Sign k is -1 where the top bit of ``tv.randint(seed, k)`` is
    set. T is orthogonal: (x T) (w T).T = x w.T. Stage s of log2(SIZE) adds and subtracts elements 2**s apart.
    """
    tv.static_assert(SIZE & (SIZE - 1) == 0, "the size of a Hadamard transform is a power of two")
    M, N = x.shape
    rows = M * N // SIZE
    signs = tv.where(tv.randint(seed, tv.arange(SIZE)) >= 2**31, -1.0, 1.0)[:, None]
    y = x.reshape((rows, SIZE)).T  # so that the stages run along what lies side by side
    if not inverse:
        y = y * signs
    for stage in tv.static_range(SIZE):
        if 2**stage < SIZE:
            pairs = y.reshape((SIZE // 2 ** (stage + 1), 2, 2**stage * rows))
            left, right = pairs[:, 0], pairs[:, 1]
            y = tv.cat((left + right, left - right), axis=1).reshape((SIZE, rows))
    y = y * SIZE ** (-0.5)
    if inverse:
        y = y * signs
    return tv.reshape(y.T, (M, N))


@tv.kernel("x: T[M, N], y: f32[M, N], seed: i64", grid=lambda M, N, BM, BN, **_: (tv.cdiv(N, BN), tv.cdiv(M, BM)))
def transform(
    x: tv.Tensor,
    y: tv.Tensor,
    seed: int,
    SIZE: tv.constexpr = 16,
    inverse: tv.constexpr = False,
    BM: tv.constexpr = 1,
    BN: tv.constexpr = COLUMNS,
) -> None:
    """:func:`hadamard` of a whole matrix."""
    at = tv.program_id(1) * BM, tv.program_id(0) * BN
    y.store(at, hadamard(x.load(at, (BM, BN)).to(tv.f32), SIZE, seed, inverse))


def transformed(x: Any, size: int = 16, seed: int = 0, inverse: bool = False, device: str | None = None) -> Any:
    """:func:`hadamard` along the last axis of an array, as f32, made where x lives by its library.

    Raises ``TileError`` where ``size`` is no power of two from 2 to 512, or does not divide the last extent.
    """
    along = shape_of(x, "rows")[-1]
    if not isinstance(size, int) or size not in {1 << k for k in range(1, 10)} or along % size:
        help = "powers of two from 2 to 512 that divide the last extent do"
        raise tv.TileError(f"no Hadamard transform of size {size!r} goes along {along} numbers", help=help)
    y = empty(x, x.shape, tv.f32)
    if prod(x.shape):
        rows, columns = y.reshape((-1, along)), min(COLUMNS, along)
        how = {"BM": COLUMNS // columns, "BN": columns, "device": device}
        transform(x.reshape(rows.shape), rows, key(seed), SIZE=size, inverse=inverse, **how)
    return y
