"""One number rounded to a float type."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache

from tilevm.types.codec import decode, encode
from tilevm.types.dtype import DType, Specials


def nearest_float(value: float, dtype: DType) -> float:
    """``value`` rounded to nearest even in ``dtype``, as ``encode`` rounds it without saturating."""
    if dtype.specials is not Specials.IEEE or not dtype.signed:
        return float(decode(encode(value, dtype, saturate=False), dtype))
    if value == 0 or not math.isfinite(value) or dtype.bits == 64:
        return value
    _, exponent = math.frexp(value)  # |value| = m * 2**exponent, 0.5 <= m < 1
    quantum = max(exponent - dtype.mantissa_bits - 1, 1 - dtype.bias - dtype.mantissa_bits)
    rounded = math.ldexp(round(math.ldexp(value, -quantum)), quantum)  # round() goes to even
    if abs(rounded) <= dtype.max:
        return math.copysign(rounded, value)  # round() gives an int, which has no -0
    return math.copysign(math.inf, value)


def overflows(value: int | float, dtype: DType) -> bool:
    """Whether a finite number exceeds the largest of a float type after rounding, as if exponents had no end."""
    middle, odd = above(dtype)
    return abs(value) > middle or (odd and abs(value) == middle)


@cache
def above(dtype: DType) -> tuple[Fraction, bool]:
    """Half a step above the largest number, and whether that middle goes up: from an odd code it does."""
    _, exponent = math.frexp(dtype.max)
    quantum = max(exponent - dtype.mantissa_bits - 1, 1 - dtype.bias - dtype.mantissa_bits)
    return Fraction(dtype.max) + Fraction(2) ** quantum / 2, dtype.largest_code % 2 == 1
