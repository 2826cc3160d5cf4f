"""Parts of numbers rounded to the codes of a float type."""

from __future__ import annotations

import numpy as np

from tilevm.types.codec.arrays import Array, bits, code_dtype
from tilevm.types.codec.fields import Fields, fields
from tilevm.types.codec.parts import LEAD, Parts
from tilevm.types.codec.rounding import ROUNDINGS, Cut, cut
from tilevm.types.dtype import DType


def float_codes(parts: Parts, dtype: DType, rounding: str, saturate: bool, draws: Array | None) -> Array:
    """The codes of some numbers in a float type, each rounded once."""
    form = fields(dtype)
    code = magnitudes(parts, form, rounding, draws)
    over = code > form.top
    if saturate:
        code = np.minimum(code, form.top)
    elif rounding == "toward_zero":  # a finite number is never rounded to infinity (IEEE 754, 7.4)
        code = np.where(over, np.where(parts.infinite, form.beyond, form.top), code)
    else:
        code = np.where(over, form.beyond, code)
    code = np.maximum(code, 0)  # what lies below the smallest number of a type without zero
    negative = parts.negative
    if form.nan is None:
        code = np.where(parts.nan, 0, code)
        negative = negative & ~parts.nan
    else:
        code = np.where(parts.nan, form.nan, code)
    return signed(bits(code), negative, parts.nan, form).astype(code_dtype(dtype))


def magnitudes(parts: Parts, form: Fields, rounding: str, draws: Array | None) -> Array:
    """The magnitudes as i64, as if exponents had no upper end; below zero where a type without zero would need it."""
    exponent = parts.exponent + form.bias
    shift = np.maximum(form.lowest - exponent, 0) + (LEAD - form.mantissa_bits)
    kept, left = cut(parts.significand, shift)
    # The hidden one of a normal number adds 1 to the exponent field, hence the -1.
    code = ((np.maximum(exponent, form.lowest) - 1) << form.mantissa_bits) + kept.view(np.int64)
    odd = bits(code) & np.uint64(1)
    return np.asarray(code + ROUNDINGS[rounding](Cut(kept, left, shift, odd, draws)))


def signed(code: Array, negative: Array, nan: Array, form: Fields) -> Array:
    """Magnitudes (u64) with their signs. Negative numbers of unsigned types become the smallest number."""
    if not form.sign:
        return np.where(negative & ~nan, np.uint64(0), code)
    if not form.negative_zero:
        negative = negative & (code != 0)
    code |= negative.astype(np.uint64) * np.uint64(form.sign)
    return code << np.uint64(form.padding)
