"""Exact rounding of float64 arrays to any float type.

A number of a float type is held as the float64 that equals it. Computing in float64 and rounding once gives the
correctly rounded + - * / and square root of every type up to f32, as 53 >= 2 * 24 + 2 bits (Figueroa 1995).
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from tilevm.types import DType
from tilevm.types.codec import decode, encode

Array = np.ndarray[Any, Any]


HELD = ("f64", "f32", "tf32", "f16", "bf16")  # rounded here; smaller floats by the codec


def is_small(dtype: DType) -> bool:
    """Whether a type is a float of few bits, rounded by the codec."""
    return dtype.is_float and dtype.name not in HELD


def round_to(dtype: DType, x: Array) -> Array:
    """``x`` rounded to nearest even in ``dtype``: subnormals kept; beyond the largest number inf, else NaN, else it."""
    if dtype.bits == 64:
        return x
    if is_small(dtype):
        return decode(encode(x, dtype, saturate=False), dtype)
    _, exponent = np.frexp(x)
    quantum = np.maximum(exponent - dtype.mantissa_bits - 1, 1 - dtype.bias - dtype.mantissa_bits)
    with np.errstate(all="ignore"):
        rounded = np.ldexp(np.rint(np.ldexp(x, -quantum)), quantum)
        beyond = np.abs(rounded) > dtype.max
        limit = np.copysign(np.inf if dtype.has_inf else float(dtype.max), x)
        rounded = np.where(beyond, limit, rounded)
        return np.where(np.isfinite(x) & (x != 0), rounded, x)


def to_odd(total: Array, error: Array) -> Array:
    """``total + error``, error less than half a step of total, as float64 rounded to odd.

    A later rounding to at most 51 bits then equals rounding the exact sum (Boldo and Melquiond 2008).
    """
    with np.errstate(all="ignore"):
        bits = np.atleast_1d(total).view(np.int64)
        even = (bits & 1) == 0
        inexact = np.atleast_1d((error != 0) & np.isfinite(total) & np.isfinite(error))
        toward = np.nextafter(total, np.where(error > 0, np.inf, -np.inf))
        moved = np.where(inexact & even, np.atleast_1d(toward), np.atleast_1d(total))
    return moved.reshape(np.shape(total))


def fma(dtype: DType, a: Array, b: Array, c: Array) -> Array:
    """``a * b + c`` with one rounding."""
    if dtype.bits == 64:
        return np.asarray(np.vectorize(fma_f64, otypes=[float])(a, b, c))
    with np.errstate(all="ignore"):
        product = a * b  # exact: 48 bits at most
        total = product + c
        part = total - product  # Knuth's two-sum
        error = (product - (total - part)) + (c - part)
    return round_to(dtype, to_odd(total, error))


def fma_f64(a: float, b: float, c: float) -> float:
    """Exact by fractions; what is not finite, and a zero's sign, by ordinary arithmetic."""
    if math.isfinite(a) and math.isfinite(b) and not math.isfinite(c):
        return c  # the product is finite, though float64 may not hold it
    if not (math.isfinite(a) and math.isfinite(b)):
        with np.errstate(all="ignore"):
            return float(np.float64(a) * np.float64(b) + np.float64(c))
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    if exact == 0:
        return math.copysign(0.0, a) * math.copysign(1.0, b) + c if c == 0 else 0.0
    try:
        return float(exact)
    except OverflowError:
        return math.inf if exact > 0 else -math.inf


def from_integers(dtype: DType, x: Array) -> Array:
    """Integers rounded once to a float type; of 64-bit ones, what float64 cannot hold rounds to odd first."""
    wide = x.astype(np.float64)
    if x.dtype.itemsize < 8 or dtype.bits == 64:
        return round_to(dtype, wide)
    exact = np.array([int(v) for v in x.ravel()], dtype=object).reshape(x.shape)
    error = np.array([int(e) - int(w) for e, w in zip(exact.ravel(), wide.ravel(), strict=True)], dtype=float)
    return round_to(dtype, to_odd(wide, error.reshape(x.shape)))
