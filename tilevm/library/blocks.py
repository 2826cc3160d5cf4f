"""Blocks of numbers that share a scale: functions for kernels, on tiles of (rows, columns).

A block lies along the columns. The scale of a block that holds infinity or NaN is NaN, and its codes are those of 0; so
it decodes to NaN everywhere. x is f32 throughout.
"""

from __future__ import annotations

import tilevm as tv

INFINITY, NAN = float("inf"), float("nan")
LARGEST = 3.4028234663852886e38  # of f32
MODES = ("floor", "ceil", "even", "rceil")  # how a scale of MX follows from the largest number of its block


@tv.function
def largest(x: tv.Tile, BLOCK: tv.constexpr) -> tv.Tile:
    """The largest |x| of each block, (M, N) to (M, N / BLOCK); infinity where a block holds infinity or NaN."""
    M, N = x.shape
    return largest_in(x.reshape((M, N // BLOCK, BLOCK)))


@tv.function
def largest_in(x: tv.Tile) -> tv.Tile:
    """:func:`largest` of blocks that have a dimension of their own, (M, G, BLOCK) to (M, G)."""
    most = tv.abs(x).view(tv.i32).max(axis=2).view(tv.f32)  # bits grow with the numbers, and NaN is above infinity
    return tv.where(most == most, most, INFINITY)


@tv.function
def scaled(x: tv.Tile, by: tv.Tile, amax: tv.Tile) -> tv.Tile:
    """x (M, G, BLOCK) times ``by`` (M, G); 0 in blocks whose largest number is infinity."""
    return tv.where((amax < INFINITY)[:, :, None], x * by[:, :, None], 0.0)


@tv.function
def largest_of_rows(amax: tv.Tile, ROWS: tv.constexpr) -> tv.Tile:
    """The largest of each ROWS rows together, (M, G) to (M / ROWS, G)."""
    if ROWS == 1:
        return amax
    M, G = amax.shape
    return amax.reshape((M // ROWS, ROWS, G)).max(axis=1)


@tv.function
def spread(scale: tv.Tile, BLOCK: tv.constexpr, ROWS: tv.constexpr = 1) -> tv.Tile:
    """The scale of each element: (M / ROWS, N / BLOCK) to (M, N)."""
    M, G = scale.shape
    wide = tv.broadcast(scale.reshape((M, 1, G, 1)), (M, ROWS, G, BLOCK))
    return wide.reshape((M * ROWS, G * BLOCK))


@tv.function
def power_of_two(amax: tv.Tile, dtype: tv.constexpr, mode: tv.constexpr = "floor") -> tv.Tile:
    """The f8e8m0 scale of blocks whose largest |x| is ``amax``, for elements of ``dtype`` (OCP MX 1.0).

    With emax the exponent of the type's largest number (0 for integers): "floor" is 2**(floor(log2 amax) - emax), which
    may saturate the largest elements; "ceil" rounds log2 up; "even" rounds amax to the mantissa of the type first, a
    half away from 0; "rceil" is the least scale that saturates nothing, 2**ceil(log2(amax / max)). All are exact, and
    clamped to 2**-127 … 2**127; a block of zeros has 2**-127.
    """
    tv.static_assert(mode in MODES, 'the mode is "floor", "ceil", "even" or "rceil"')
    fraction, top, most = dtype.bits - 2, 0, 2.0 - 2.0 ** (2 - dtype.bits)  # an integer k stands for k / 2**fraction
    if dtype.is_float:
        fraction, top = dtype.mantissa_bits, (dtype.largest_code >> dtype.mantissa_bits) - dtype.bias
        most = dtype.max / 2.0**top
    power = amax.to(tv.f8e8m0, rounding="toward_zero").to(tv.f32)  # 2**floor(log2 amax)
    scale = power * 2.0**-top
    if mode == "ceil":
        scale = tv.where(amax > power, scale + scale, scale)
    if mode == "even":
        scale = tv.where(amax >= power * (2.0 - 2.0 ** -(fraction + 1)), scale + scale, scale)
    if mode == "rceil":
        scale = tv.where(amax > power * most, scale + scale, scale)
    return tv.where(amax < INFINITY, scale, NAN).to(tv.f8e8m0)


@tv.function
def reciprocal(scale: tv.Tile) -> tv.Tile:
    """The inverse of f8e8m0 scales, in f32: code c is 2**(c - 127), so 254 - c is its inverse; 255, NaN, stays."""
    return (254 - scale.view(tv.u8)).view(tv.f8e8m0).to(tv.f32)


@tv.function
def elements(
    y: tv.Tile, dtype: tv.constexpr, rounding: tv.constexpr = "nearest_even", random: tv.Tile | None = None
) -> tv.Tile:
    """Codes of scaled numbers: floats saturate, and an integer of p bits is y * 2**(p-2) within ±(2**(p-1) - 1)."""
    if dtype.is_integer:
        y = tv.maximum(y * 2.0 ** (dtype.bits - 2), 1.0 - 2.0 ** (dtype.bits - 1))
    return y.to(dtype, saturate=True, rounding=rounding, random=random)


@tv.function
def numbers(codes: tv.Tile) -> tv.Tile:
    """What :func:`elements` made, as f32."""
    if codes.dtype.is_integer:
        return codes.to(tv.f32) * 2.0 ** (2 - codes.dtype.bits)
    return codes.to(tv.f32)


@tv.function
def quantise_mx(
    x: tv.Tile,
    dtype: tv.constexpr,
    BLOCK: tv.constexpr = 32,
    mode: tv.constexpr = "floor",
    rounding: tv.constexpr = "nearest_even",
    random: tv.Tile | None = None,
) -> tuple[tv.Tile, tv.Tile]:
    """Codes (M, N) of ``dtype`` and f8e8m0 scales (M, N / BLOCK); signed integers give block floating point.

    ``random``, a u32 for each element, goes with ``rounding="stochastic"``.
    """
    amax = largest(x, BLOCK)
    scale = power_of_two(amax, dtype, mode)
    y = tv.where(spread(amax < INFINITY, BLOCK), x * spread(reciprocal(scale), BLOCK), 0.0)
    return elements(y, dtype, rounding, random), scale


@tv.function
def quantise_mx_blocks(
    x: tv.Tile, dtype: tv.constexpr, mode: tv.constexpr = "floor", rounding: tv.constexpr = "nearest_even"
) -> tuple[tv.Tile, tv.Tile]:
    """:func:`quantise_mx` of (M, G, BLOCK): codes of that shape, and scales (M, G). Nothing is reshaped."""
    amax = largest_in(x)
    scale = power_of_two(amax, dtype, mode)
    return elements(scaled(x, reciprocal(scale), amax), dtype, rounding), scale


@tv.function
def nvfp4_factors(amax: tv.Number) -> tuple[tv.Tile, tv.Tile]:
    """What NVFP4 multiplies a tensor by whose largest |x| is ``amax``, and the inverse, which decodes."""
    factor = tv.minimum(2688.0 / amax, LARGEST)  # 2688 = 448 * 6: the largest scale times the largest element
    return factor, 1.0 / factor


@tv.function
def nvfp4_scale(block: tv.Tile, factor: tv.Tile, inverse: tv.Tile) -> tuple[tv.Tile, tv.Tile]:
    """The scales of blocks whose largest |x| is ``block``, and what their elements are multiplied by."""
    scale = tv.where(block < INFINITY, tv.minimum(block * (factor * (1 / 6)), 448.0), NAN).to(tv.f8ue4m3)
    return scale, tv.minimum(1.0 / (scale.to(tv.f32) * inverse), LARGEST)


@tv.function
def quantise_nvfp4_blocks(
    x: tv.Tile, amax: tv.Number, rounding: tv.constexpr = "nearest_even"
) -> tuple[tv.Tile, tv.Tile]:
    """:func:`quantise_nvfp4` of (M, G, 16): codes of that shape, and scales (M, G). Nothing is reshaped."""
    factor, inverse = nvfp4_factors(amax)
    block = largest_in(x)
    scale, by = nvfp4_scale(block, factor, inverse)
    return elements(scaled(x, by, block), tv.f4e2m1, rounding), scale


@tv.function
def quantise_nvfp4(
    x: tv.Tile,
    amax: tv.Number,
    ROWS: tv.constexpr = 1,
    rounding: tv.constexpr = "nearest_even",
    random: tv.Tile | None = None,
) -> tuple[tv.Tile, tv.Tile]:
    """f4e2m1 codes (M, N) and f8ue4m3 scales (M / ROWS, N / 16) of a tensor whose largest |x| is ``amax``.

    The steps, each rounded to f32, are those of Transformer Engine's reference. ROWS is 1, or 16 for scales that a
    matrix and its transpose share.
    """
    factor, inverse = nvfp4_factors(amax)
    block = largest_of_rows(largest(x, 16), ROWS)
    scale, by = nvfp4_scale(block, factor, inverse)
    y = tv.where(spread(block < INFINITY, 16, ROWS), x * spread(by, 16, ROWS), 0.0)
    return elements(y, tv.f4e2m1, rounding, random), scale


@tv.function
def dequantise(
    codes: tv.Tile, scale: tv.Tile, BLOCK: tv.constexpr, ROWS: tv.constexpr = 1, factor: tv.Number = 1.0
) -> tv.Tile:
    """``codes * scale * factor`` as f32, in this order: exact under f8e8m0 scales, unless it is too large for f32."""
    return numbers(codes) * spread(scale.to(tv.f32), BLOCK, ROWS) * factor
