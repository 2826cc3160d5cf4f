"""One number rounded to a float type."""

from __future__ import annotations

import math

from tilevm.types.dtype import DType


def nearest_float(value: float, dtype: DType) -> float:
    """``value`` rounded to nearest even in ``dtype``: subnormals kept, beyond the largest number inf (or it)."""
    if value == 0 or not math.isfinite(value) or dtype.bits == 64:
        return value
    _, exponent = math.frexp(value)  # |value| = m * 2**exponent, 0.5 <= m < 1
    quantum = max(exponent - dtype.mantissa_bits - 1, 1 - dtype.bias - dtype.mantissa_bits)
    rounded = math.ldexp(round(math.ldexp(value, -quantum)), quantum)  # round() goes to even
    if abs(rounded) <= dtype.max:
        return math.copysign(rounded, value)  # round() gives an int, which has no -0
    return math.copysign(math.inf if dtype.has_inf else float(dtype.max), value)
