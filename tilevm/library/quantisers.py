"""Kernels that quantise matrices block by block, and back. Blocks that reach past the end are filled up with zeros."""

from __future__ import annotations

from typing import Any

import tilevm as tv
from tilevm.library.blocks import (
    INFINITY,
    dequantise,
    nvfp4_factors,
    quantise_mx,
    quantise_mx_blocks,
    quantise_nvfp4,
    quantise_nvfp4_blocks,
)
from tilevm.library.groups import dequantise_group, quantise_group, quantise_range


def tiles(M: Any, N: Any, BM: Any, BN: Any, **_: Any) -> tuple[Any, Any]:
    """The grid of all kernels here: tiles along the columns, then along the rows."""
    return tv.cdiv(N, BN), tv.cdiv(M, BM)


@tv.function
def place(BM: tv.constexpr, BN: tv.constexpr) -> tuple[tv.Tile, tv.Tile]:
    """The first row and column of this program's tile."""
    return tv.program_id(1) * BM, tv.program_id(0) * BN


@tv.function
def draws(
    x: tv.Tensor, seed: tv.Tile | int, rounding: tv.constexpr, BM: tv.constexpr, BN: tv.constexpr
) -> tv.Tile | None:
    """A u32 for each element of the tile where rounding is stochastic, chosen by its place in the whole matrix."""
    if rounding != "stochastic":
        return None
    i, j = place(BM, BN)
    rows, columns = (i + tv.arange(BM)).to(tv.i64), (j + tv.arange(BN)).to(tv.i64)
    return tv.randint(seed, rows[:, None] * x.shape[1] + columns[None, :])


@tv.kernel("x: T[M, N], amax: f32[1]", grid=tiles)
def tensor_amax(x: tv.Tensor, amax: tv.Tensor, BM: tv.constexpr, BN: tv.constexpr) -> None:
    """The largest |x| that is finite, put into ``amax`` where that holds less."""
    size = tv.abs(x.load(place(BM, BN), (BM, BN)).to(tv.f32))
    amax.atomic_max(0, tv.where(size < INFINITY, size, 0.0).max())


@tv.kernel("x: T[M, N], codes: C[M, N] packed, scales: f8e8m0[M, G] packed, seed: i64", grid=tiles)
def mx(
    x: tv.Tensor,
    codes: tv.Tensor,
    scales: tv.Tensor,
    seed: int,
    BLOCK: tv.constexpr,
    mode: tv.constexpr,
    rounding: tv.constexpr,
    BM: tv.constexpr,
    BN: tv.constexpr,
) -> None:
    """:func:`tilevm.library.blocks.quantise_mx` of a matrix; G = cdiv(N, BLOCK)."""
    i, j = place(BM, BN)
    tile = x.load((i, j), (BM, BN)).to(tv.f32)
    found, scale = quantise_mx(tile, codes.dtype, BLOCK, mode, rounding, draws(x, seed, rounding, BM, BN))
    codes.store((i, j), found)
    scales.store((i, j // BLOCK), scale)


@tv.kernel(
    "x: T[M, G, B], codes: C[M, G, B] packed, scales: f8e8m0[M, G] packed",
    grid=lambda M, G, BG, **_: (tv.cdiv(G, BG), M),
)
def mx_in_blocks(
    x: tv.Tensor,
    codes: tv.Tensor,
    scales: tv.Tensor,
    BLOCK: tv.constexpr,
    mode: tv.constexpr,
    rounding: tv.constexpr,
    BG: tv.constexpr,
) -> None:
    """:func:`mx` where columns are whole blocks of BLOCK = B, without random numbers; BG blocks a program."""
    i, g = tv.program_id(1), tv.program_id(0) * BG
    tile = x.load((i, g, 0), (1, BG, BLOCK)).to(tv.f32)
    found, scale = quantise_mx_blocks(tile, codes.dtype, mode, rounding)
    codes.store((i, g, 0), found)
    scales.store((i, g), scale)


@tv.kernel(
    "x: T[M, G, B], amax: f32[1], codes: f4e2m1[M, G, B] packed, scales: f8ue4m3[M, G] packed, factor: f32[1]",
    grid=lambda M, G, BG, **_: (tv.cdiv(G, BG), M),
)
def nvfp4_in_blocks(
    x: tv.Tensor,
    amax: tv.Tensor,
    codes: tv.Tensor,
    scales: tv.Tensor,
    factor: tv.Tensor,
    BLOCK: tv.constexpr,
    rounding: tv.constexpr,
    BG: tv.constexpr,
) -> None:
    """:func:`nvfp4` where columns are whole blocks of BLOCK = B = 16 in one row, without random numbers."""
    i, g = tv.program_id(1), tv.program_id(0) * BG
    most = amax.gather(0)
    tile = x.load((i, g, 0), (1, BG, BLOCK)).to(tv.f32)
    found, scale = quantise_nvfp4_blocks(tile, most, rounding)
    codes.store((i, g, 0), found)
    scales.store((i, g), scale)
    if i == 0 and g == 0:
        factor.store(0, nvfp4_factors(most)[1])


@tv.kernel(
    "x: T[M, N], amax: f32[1], codes: f4e2m1[M, N] packed, scales: f8ue4m3[H, G] packed, factor: f32[1], seed: i64",
    grid=tiles,
)
def nvfp4(
    x: tv.Tensor,
    amax: tv.Tensor,
    codes: tv.Tensor,
    scales: tv.Tensor,
    factor: tv.Tensor,
    seed: int,
    ROWS: tv.constexpr,
    rounding: tv.constexpr,
    BM: tv.constexpr,
    BN: tv.constexpr,
) -> None:
    """:func:`tilevm.library.blocks.quantise_nvfp4` of a matrix, and the factor that decodes it."""
    i, j = place(BM, BN)
    most = amax.gather(0)
    tile = x.load((i, j), (BM, BN)).to(tv.f32)
    found, scale = quantise_nvfp4(tile, most, ROWS, rounding, draws(x, seed, rounding, BM, BN))
    codes.store((i, j), found)
    scales.store((i // ROWS, j // 16), scale)
    if i == 0 and j == 0:
        factor.store(0, nvfp4_factors(most)[1])


@tv.kernel("x: T[M, N], codes: C[M, N] packed, seed: i64", grid=tiles)
def groups(
    x: tv.Tensor,
    codes: tv.Tensor,
    scales: tv.Tensor,
    seed: int,
    BLOCK: tv.constexpr,
    rounding: tv.constexpr,
    BM: tv.constexpr,
    BN: tv.constexpr,
) -> None:
    """:func:`tilevm.library.groups.quantise_group` of a matrix; scales are (M, cdiv(N, BLOCK))."""
    i, j = place(BM, BN)
    tile = x.load((i, j), (BM, BN)).to(tv.f32)
    random = draws(x, seed, rounding, BM, BN)
    found, scale = quantise_group(tile, codes.dtype, scales.dtype, BLOCK, rounding, random)
    codes.store((i, j), found)
    scales.store((i, j // BLOCK), scale)


@tv.kernel("x: T[M, N], codes: C[M, N] packed, zeros: C[M, G] packed, seed: i64", grid=tiles)
def ranges(
    x: tv.Tensor,
    codes: tv.Tensor,
    scales: tv.Tensor,
    zeros: tv.Tensor,
    seed: int,
    BLOCK: tv.constexpr,
    rounding: tv.constexpr,
    BM: tv.constexpr,
    BN: tv.constexpr,
) -> None:
    """:func:`tilevm.library.groups.quantise_range` of a matrix; scales are (M, G), G = cdiv(N, BLOCK)."""
    i, j = place(BM, BN)
    tile = x.load((i, j), (BM, BN)).to(tv.f32)
    random = draws(x, seed, rounding, BM, BN)
    found, scale, zero = quantise_range(tile, codes.dtype, scales.dtype, BLOCK, rounding, random)
    codes.store((i, j), found)
    scales.store((i, j // BLOCK), scale)
    zeros.store((i, j // BLOCK), zero)


@tv.kernel("codes: C[M, N] packed, y: T[M, N], factor: f32", grid=tiles)
def from_blocks(
    codes: tv.Tensor,
    scales: tv.Tensor,
    y: tv.Tensor,
    factor: float,
    BLOCK: tv.constexpr,
    ROWS: tv.constexpr,
    BM: tv.constexpr,
    BN: tv.constexpr,
) -> None:
    """What :func:`mx` and :func:`nvfp4` made, as numbers."""
    i, j = place(BM, BN)
    scale = scales.load((i // ROWS, j // BLOCK), (BM // ROWS, BN // BLOCK))
    y.store((i, j), dequantise(codes.load((i, j), (BM, BN)), scale, BLOCK, ROWS, factor).to(y.dtype))


@tv.kernel("codes: C[M, N] packed, y: T[M, N]", grid=tiles)
def from_groups(
    codes: tv.Tensor, scales: tv.Tensor, y: tv.Tensor, BLOCK: tv.constexpr, BM: tv.constexpr, BN: tv.constexpr
) -> None:
    """What :func:`groups` made, as numbers."""
    i, j = place(BM, BN)
    scale = scales.load((i, j // BLOCK), (BM, BN // BLOCK))
    y.store((i, j), dequantise_group(codes.load((i, j), (BM, BN)), scale, None, BLOCK).to(y.dtype))


@tv.kernel("codes: C[M, N] packed, zeros: C[M, G] packed, y: T[M, N]", grid=tiles)
def from_ranges(
    codes: tv.Tensor,
    scales: tv.Tensor,
    zeros: tv.Tensor,
    y: tv.Tensor,
    BLOCK: tv.constexpr,
    BM: tv.constexpr,
    BN: tv.constexpr,
) -> None:
    """What :func:`ranges` made, as numbers."""
    i, j = place(BM, BN)
    at, shape = (i, j // BLOCK), (BM, BN // BLOCK)
    scale, zero = scales.load(at, shape), zeros.load(at, shape)
    y.store((i, j), dequantise_group(codes.load((i, j), (BM, BN)), scale, zero, BLOCK).to(y.dtype))
