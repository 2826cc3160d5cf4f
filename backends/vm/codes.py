"""Numbers of the machine as the bits that stand for them, by the codec."""

from __future__ import annotations

from tilevm.types import DType
from tilevm.types.codec import decode, encode

from .rounding import Array


def codes_of(dtype: DType, data: Array) -> Array:
    """The codes of numbers of ``dtype``, unsigned. NaN is the one code that the codec makes, with its sign."""
    return encode(data, dtype, saturate=False)


def numbers_of(dtype: DType, codes: Array) -> Array:
    """The numbers that codes stand for, whose bits above those of ``dtype`` are passed over."""
    return decode(codes & codes.dtype.type((1 << dtype.bits) - 1), dtype)
