"""Groups of numbers under a scale that is rounded to a float type, with zero points or without: functions for kernels.

Tiles are (rows, columns) as in :mod:`tilevm.library.blocks`, and so are the rules for infinity and NaN.
"""

from __future__ import annotations

import tilevm as tv
from tilevm.library.blocks import INFINITY, NAN, elements, largest, spread


@tv.function
def middle(dtype: tv.constexpr) -> int:
    """The code that stands for 0 where there are no zero points."""
    return 0 if dtype.signed else 2 ** (dtype.bits - 1)


@tv.function
def rounded_scale(size: tv.Tile, amax: tv.Tile, scale_dtype: tv.constexpr) -> tuple[tv.Tile, tv.Tile]:
    """``size`` as scales, NaN where ``amax`` is not finite, held to the type's range; and what to divide by, f32.

    A scale of 0, of a group of zeros or of numbers too small for the type, divides as 1.
    """
    scale = tv.where(amax < INFINITY, size, NAN).to(scale_dtype, saturate=True)
    held = scale.to(tv.f32)
    return scale, tv.where(held == 0.0, 1.0, held)


@tv.function
def whole(
    y: tv.Tile,
    zero: tv.Number,
    dtype: tv.constexpr,
    rounding: tv.constexpr = "nearest_even",
    random: tv.Tile | None = None,
) -> tv.Tile:
    """``y`` rounded, plus ``zero`` (f32, whole), held to the range of the integer type."""
    inside = tv.minimum(tv.maximum(y, dtype.min - zero), dtype.max - zero)
    return (inside.to(tv.i32, rounding=rounding, random=random).to(tv.f32) + zero).to(dtype)


@tv.function
def quantise_group(
    x: tv.Tile,
    dtype: tv.constexpr,
    scale_dtype: tv.constexpr,
    BLOCK: tv.constexpr,
    rounding: tv.constexpr = "nearest_even",
    random: tv.Tile | None = None,
) -> tuple[tv.Tile, tv.Tile]:
    """Codes (M, N) and scales (M, N / BLOCK), without zero points.

    The scale is the largest |x| over the largest number of a float type, or over 2**(bits-1) - 1/2 in integers, which
    so use all of their codes (Frantar and others, "MARLIN", 2024); 0 is code 2**(bits-1) of unsigned ones.
    """
    amax = largest(x, BLOCK)
    most = dtype.max if dtype.is_float else 2.0 ** (dtype.bits - 1) - 0.5
    scale, by = rounded_scale(amax / most, amax, scale_dtype)
    y = tv.where(spread(amax < INFINITY, BLOCK), x / spread(by, BLOCK), 0.0)
    if dtype.is_float:
        return elements(y, dtype, rounding, random), scale
    return whole(y, 1.0 * middle(dtype), dtype, rounding, random), scale


@tv.function
def quantise_range(
    x: tv.Tile,
    dtype: tv.constexpr,
    scale_dtype: tv.constexpr,
    BLOCK: tv.constexpr,
    rounding: tv.constexpr = "nearest_even",
    random: tv.Tile | None = None,
) -> tuple[tv.Tile, tv.Tile, tv.Tile]:
    """Integer codes (M, N), scales and zero points (M, N / BLOCK), from the range of each group, widened to hold 0.

    scale = high / (2**bits - 1) - low / (2**bits - 1), zero = round(min - low / scale) within the type, whose least
    number is min, and code = round(x / scale) + zero, held to the type.
    """
    M, N = x.shape
    parts = x.reshape((M, N // BLOCK, BLOCK))
    low, high = tv.minimum(parts.min(axis=2), 0.0), tv.maximum(parts.max(axis=2), 0.0)
    amax, steps = largest(x, BLOCK), 2.0**dtype.bits - 1.0
    scale, by = rounded_scale(high / steps - low / steps, amax, scale_dtype)
    shift = tv.where(amax < INFINITY, dtype.min - low / by, 0.0)
    zero = shift.to(dtype, saturate=True, rounding="nearest_even")
    y = tv.where(spread(amax < INFINITY, BLOCK), x / spread(by, BLOCK), 0.0)
    return whole(y, spread(zero.to(tv.f32), BLOCK), dtype, rounding, random), scale, zero


@tv.function
def dequantise_group(codes: tv.Tile, scale: tv.Tile, zero: tv.Tile | None, BLOCK: tv.constexpr) -> tv.Tile:
    """``(codes - zero) * scale`` as f32, rounded once; ``zero`` is None where there are no zero points."""
    y = codes.to(tv.f32)
    if zero is not None:
        y = y - spread(zero.to(tv.f32), BLOCK)
    elif not codes.dtype.is_float:
        y = y - middle(codes.dtype)
    return y * spread(scale.to(tv.f32), BLOCK)
