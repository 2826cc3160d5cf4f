"""Codes looked up: numbers of 16 bits have one each, and a float type of few bits tells no more of f32 apart."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from tilevm.types.codec.arrays import Array, bits, own
from tilevm.types.codec.floats import float_codes
from tilevm.types.codec.integers import from_parts
from tilevm.types.codec.parts import of_floats
from tilevm.types.dtype import DType
from tilevm.types.named import bf16, f16, f32

WORTH = 1 << 14  # elements: fewer are encoded sooner than a table is made
HALF = np.uint32(16)
SPARE = 2  # bits of bf16 below those that a type keeps: for the middle of a step, and for what lies beside it


def has_table(array: Array, dtype: DType, rounding: str) -> bool:
    """Whether a table gives the same codes as arithmetic.

    f32 is looked up by its upper half, whose last bit is set where the lower half is not zero. That is f32 rounded to
    odd in bf16, and rounding once more is exact where bf16 has two bits to spare (Boldo and Melquiond 2008), below the
    smallest normal number as well.
    """
    source = own(array)
    if array.size < WORTH or rounding == "stochastic" or source not in (f16, bf16, f32):
        return False
    if source != f32:
        return True
    step = (0 if dtype.without_zero else 1) - dtype.bias - dtype.mantissa_bits  # 2**step: between the smallest numbers
    least = 1 - bf16.bias - bf16.mantissa_bits
    return dtype.is_float and dtype.mantissa_bits + SPARE <= bf16.mantissa_bits and step - SPARE >= least


def looked_up(x: Array, dtype: DType, rounding: str, saturate: bool) -> Array:
    """The codes of f16, bf16 or f32."""
    word = bits(x)
    source = "bfloat16" if x.dtype == np.float32 else x.dtype.name
    if x.dtype == np.float32:
        word = (word >> HALF).astype(np.uint16) | ((word & np.uint32(0xFFFF)) != 0)
    return np.take(table(source, dtype, rounding, saturate), word, mode="clip")


@lru_cache(maxsize=64)
def table(source: str, dtype: DType, rounding: str, saturate: bool) -> Array:
    """The code of every number of ``source``, float16 or bfloat16."""
    pattern = np.arange(1 << 16, dtype=np.uint16)
    number = pattern.view(np.float16) if source == "float16" else (pattern.astype(np.uint32) << HALF).view(np.float32)
    convert = float_codes if dtype.is_float else from_parts
    return convert(of_floats(number.astype(np.float64)), dtype, rounding, saturate, None)
