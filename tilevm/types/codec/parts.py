"""Numbers as sign, significand and exponent, in integers: nothing is rounded here."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tilevm.types.codec.arrays import Array, bits

LEAD = 63  # the bit of the leading one: the highest, so that integers of 64 bits fit
MANTISSA, BIAS = 52, 1023  # of f64


class Parts(NamedTuple):
    """Numbers with the value ±significand * 2**(exponent - LEAD); significands as u64, exponents as i64.

    The leading one of a significand is bit LEAD, but for zero and for the subnormals of f64, which are smaller. An
    infinity is 2**1024.
    """

    negative: Array
    significand: Array
    exponent: Array
    nan: Array
    infinite: Array


def of_floats(x: Array) -> Parts:
    """The parts of an array of f64, which every smaller float becomes exactly."""
    word = bits(x)
    field = ((word >> np.uint64(MANTISSA)) & np.uint64(0x7FF)).view(np.int64)
    significand = word & np.uint64((1 << MANTISSA) - 1)
    special = field == 0x7FF
    nan = special & (significand != 0)
    significand |= (field > 0).astype(np.uint64) << np.uint64(MANTISSA)
    significand <<= np.uint64(LEAD - MANTISSA)
    exponent = np.maximum(field, 1) - BIAS
    return Parts((word >> np.uint64(63)).astype(bool), significand, exponent, nan, special & ~nan)


def of_integers(x: Array) -> Parts:
    """The parts of an array of i64 or u64."""
    negative, magnitude = apart(x)
    exponent = (bits(magnitude.astype(np.float64)) >> np.uint64(MANTISSA)).view(np.int64) - BIAS
    # Where the float was rounded up to the next power of two, the exponent is one too high. Zero keeps that of f64.
    exponent -= (magnitude >> exponent.view(np.uint64)) == 0
    significand = magnitude << (LEAD - exponent).view(np.uint64)
    nothing = np.zeros(x.shape, bool)
    return Parts(negative, significand, exponent, nothing, nothing)


def apart(x: Array) -> tuple[Array, Array]:
    """Which of some i64 or u64 are negative, and their magnitudes as u64."""
    word = bits(x)
    if x.dtype.kind == "u":
        return np.zeros(x.shape, bool), word
    return x < 0, np.where(x < 0, np.uint64(0) - word, word)
