"""Numbers rounded to the codes of an integer type, and to bool."""

from __future__ import annotations

import numpy as np

from tilevm.types.codec.arrays import Array, code_dtype
from tilevm.types.codec.parts import LEAD, Parts, apart
from tilevm.types.codec.rounding import ROUNDINGS, Cut, cut
from tilevm.types.dtype import DType


def from_parts(parts: Parts, dtype: DType, rounding: str, saturate: bool, draws: Array | None) -> Array:
    """Floats rounded to whole numbers, then fitted. NaN is 0; infinities have no low bits and saturate in any case."""
    shift = LEAD - parts.exponent
    kept, left = cut(parts.significand, np.maximum(shift, 0))
    up = ROUNDINGS[rounding](Cut(kept, left, shift, kept & np.uint64(1), draws))
    whole = (kept + up) << np.maximum(-shift, 0).view(np.uint64)  # exact modulo 2**64: nothing is left of large ones
    codes = fitted(parts.negative, whole, shift < 0, dtype, saturate)
    if not saturate:
        codes = np.where(parts.infinite, fitted(parts.negative, whole, shift < 0, dtype, True), codes)
    return np.where(parts.nan, 0, codes).astype(code_dtype(dtype))


def from_integers(x: Array, dtype: DType, saturate: bool) -> Array:
    """Integers (i64 or u64) fitted into an integer type."""
    negative, magnitude = apart(x)
    return fitted(negative, magnitude, np.zeros(x.shape, bool), dtype, saturate).astype(code_dtype(dtype))


def fitted(negative: Array, magnitude: Array, huge: Array, dtype: DType, saturate: bool) -> Array:
    """Whole numbers as codes in u64: clamped, or their low bits. ``huge``: 2**64 and more, known modulo 2**64."""
    if saturate:
        limit = np.where(negative, np.uint64(-int(dtype.min)), np.uint64(int(dtype.max)))
        magnitude = np.where(huge, limit, np.minimum(magnitude, limit))
    return np.where(negative, np.uint64(0) - magnitude, magnitude) & np.uint64((1 << dtype.bits) - 1)


WHOLE = {"nearest_even": np.rint, "toward_zero": np.trunc}  # as numpy rounds to whole numbers
SMALL = 16  # bits: f32 holds every such integer


def is_small(dtype: DType, rounding: str, saturate: bool) -> bool:
    """Whether :func:`small` makes codes of such a type."""
    return dtype.bits <= SMALL and saturate and rounding in WHOLE


def small(x: Array, dtype: DType, rounding: str) -> Array:
    """Floats (f32 or f64) rounded and clamped to integers of few bits, by float arithmetic, which is exact here."""
    whole = np.clip(WHOLE[rounding](x), x.dtype.type(dtype.min), x.dtype.type(dtype.max))
    whole[np.isnan(whole)] = 0
    held = code_dtype(dtype)
    return np.asarray(whole.astype(np.int32).astype(held) & held((1 << dtype.bits) - 1))


def truths(x: Array, dtype: DType) -> Array:
    """1 where a number is not zero, NaN among them, as Python's ``bool`` has it."""
    return np.asarray(x != 0).astype(code_dtype(dtype))
