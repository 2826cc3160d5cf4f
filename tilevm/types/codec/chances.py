"""Stochastic rounding of f32 looked up: its upper half tells both codes between which it lies, and the draw picks one.

An f32 goes up where draw < part, the 32 bits that its significand has below the last that the type keeps. The upper
half holds 8 bits of the significand, so all that a type of few bits keeps. Numbers of 16 bits are f32 first, exactly.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from tilevm.types.codec.arrays import Array, bits, own
from tilevm.types.codec.fields import fields
from tilevm.types.codec.floats import float_codes
from tilevm.types.codec.integers import from_parts
from tilevm.types.codec.parts import of_floats
from tilevm.types.codec.tables import WORTH
from tilevm.types.dtype import DType
from tilevm.types.named import bf16, f16, f32

MANTISSA, BIAS = np.uint32(23), 127  # of f32
HIDDEN = np.uint32(1 << 23)
EXPONENTS, HALVES = 1 << 8, 1 << 16
KEPT = 8  # bits of a significand in the upper half
FAR = np.uint8(32)  # shifted so far nothing is left


def has_chances(array: Array, dtype: DType, saturate: bool) -> bool:
    """Whether :func:`drawn` gives the same codes as arithmetic, and sooner.

    Integers wrap at bits that the upper half does not hold where they do not saturate.
    """
    if array.size < WORTH or own(array) not in (f16, bf16, f32):
        return False
    return dtype.mantissa_bits < KEPT if dtype.is_float else dtype.bits <= KEPT and saturate


def drawn(x: Array, dtype: DType, saturate: bool, draws: Array) -> Array:
    """The codes of f16, bf16 or f32 by a random word (u32) each."""
    number = x.astype(np.float32, copy=False)
    word = bits(number)
    steps = np.take(shifts(dtype), word >> MANTISSA, mode="clip")
    part = word & (HIDDEN - np.uint32(1))
    part |= HIDDEN
    part <<= steps
    place = word >> np.uint32(16)
    place <<= np.uint32(1)
    place |= draws < part
    codes = np.take(both(dtype, saturate), place, mode="clip")
    if steps.max() >= FAR:
        rest = np.flatnonzero((steps >= FAR) & (word << np.uint32(1) != 0))
        codes[rest] = computed(number[rest], dtype, saturate, draws[rest])
    return codes


@lru_cache(maxsize=64)
def shifts(dtype: DType) -> Array:
    """How far left the kept bits of a significand leave 32, by sign and exponent of f32.

    ``FAR`` where the shift would go right, as below a 512th of the smallest step, and for infinity, NaN and the
    subnormals of f32. Zero comes out right with it, and the others are computed.
    """
    exponent = np.arange(EXPONENTS) - BIAS
    if dtype.is_float:
        form = fields(dtype)
        lowest = form.lowest - form.bias
        dropped = int(MANTISSA) - form.mantissa_bits + np.maximum(lowest - exponent, 0)
    else:
        dropped = int(MANTISSA) - np.minimum(exponent, KEPT)  # of larger ones all bits are above the type's
    found = np.where(dropped <= 32, 32 - dropped, FAR).astype(np.uint8)
    found[[0, -1]] = FAR
    return np.tile(found, 2)


@lru_cache(maxsize=64)
def both(dtype: DType, saturate: bool) -> Array:
    """For each upper half of an f32 its code where the rest is dropped, then where it goes up."""
    half = np.arange(HALVES, dtype=np.uint32) << np.uint32(16)
    down, up = ((half | np.uint32(n)).view(np.float32) for n in (0, 1))
    draws = np.zeros(HALVES, np.uint32)
    codes = [computed(down, dtype, saturate, ~draws), computed(up, dtype, saturate, draws)]
    return np.stack(codes, axis=-1).reshape(-1)


def computed(x: Array, dtype: DType, saturate: bool, draws: Array) -> Array:
    """The codes of f32, by arithmetic."""
    convert = float_codes if dtype.is_float else from_parts
    return convert(of_floats(x.astype(np.float64)), dtype, "stochastic", saturate, draws)
