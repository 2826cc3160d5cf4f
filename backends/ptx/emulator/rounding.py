"""Rounding float64 to the float types of PTX, in its four directions, and sums that keep what was lost.

Written apart from the rest of the compiler on purpose: this machine is to find its faults, not to share them.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from .kinds import Array


class Format(NamedTuple):
    """Bits of the mantissa without the hidden one, the least exponent, the largest number, whether it has inf."""

    mantissa: int
    least: int
    largest: float
    has_inf: bool = True


FORMATS = {
    "f32": Format(23, -126, float(np.finfo(np.float32).max)),
    "tf32": Format(10, -126, (2 - 2.0**-10) * 2.0**127),
    "bf16": Format(7, -126, (2 - 2.0**-7) * 2.0**127),
    "f16": Format(10, -14, 65504.0),
    "e5m2": Format(2, -14, 57344.0),
    "e4m3": Format(3, -6, 448.0, has_inf=False),
}
AWAY = 0.5


def away(x: Array) -> Array:
    """To the nearest integer, halves away from zero."""
    return np.asarray(np.trunc(x + np.copysign(AWAY, x)))


DIRECTIONS: dict[str, Callable[[Array], Array]] = {
    "rn": np.rint,
    "rz": np.trunc,
    "rm": np.floor,
    "rp": np.ceil,
    "rna": away,
}
OVERFLOWS: dict[str, Callable[[Array], Array]] = {  # whether what is too large becomes infinite, by its sign
    "rn": lambda x: np.ones(x.shape, bool),
    "rna": lambda x: np.ones(x.shape, bool),
    "rz": lambda x: np.zeros(x.shape, bool),
    "rm": lambda x: np.asarray(x < 0),
    "rp": lambda x: np.asarray(x > 0),
}


def narrow(x: Array, kind: str, direction: str = "rn") -> Array:
    """Float64 numbers rounded once to a type, as float64; subnormals kept."""
    if kind == "f64":
        return x
    if direction == "rn" and kind in ("f32", "f16"):
        return x.astype(np.float32 if kind == "f32" else np.float16).astype(np.float64)
    form = FORMATS[kind]
    _, exponent = np.frexp(x)
    step = np.maximum(exponent - 1, form.least) - form.mantissa
    rounded = np.ldexp(DIRECTIONS[direction](np.ldexp(x, -step)), step)
    infinite = np.inf if form.has_inf else np.nan
    limit = np.where(OVERFLOWS[direction](x), infinite, form.largest)
    rounded = np.where(np.abs(rounded) > form.largest, np.copysign(limit, x), rounded)
    return np.where(np.isfinite(x) & (x != 0), rounded, x)


def two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    """The float64 sum and what rounding took from it (Knuth)."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def to_odd(total: Array, lost: Array) -> Array:
    """``total + lost`` rounded to odd, so that rounding once more to fewer bits is right in any direction."""
    total, lost = np.broadcast_arrays(np.atleast_1d(total), np.atleast_1d(lost))
    bits = np.ascontiguousarray(total).view(np.int64)
    inexact = (lost != 0) & np.isfinite(total) & np.isfinite(lost) & ((bits & 1) == 0)
    return np.where(inexact, np.nextafter(total, np.where(lost > 0, np.inf, -np.inf)), total)


def add(a: Array, b: Array, kind: str, direction: str) -> Array:
    """The sum of two numbers of a type up to f32, held as float64, rounded once."""
    return narrow(to_odd(*two_sum(a, b)), kind, direction)


def fma(a: Array, b: Array, c: Array, kind: str, direction: str) -> Array:
    """``a * b + c`` of numbers of a type up to f32, held as float64, rounded once: the product is exact in float64."""
    return add(a * b, c, kind, direction)


def fma_one(a: float, b: float, c: float) -> float:
    """``a * b + c`` in float64, rounded once to nearest even, by fractions."""
    if not (np.isfinite(a) and np.isfinite(b) and np.isfinite(c)):
        return c if np.isfinite(a) and np.isfinite(b) else a * b + c
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    if not exact:
        return a * b + c if c == 0 or a * b == 0 else 0.0
    try:
        return float(exact)
    except OverflowError:
        return float("inf") if exact > 0 else -float("inf")


FMA: Any = np.frompyfunc(fma_one, 3, 1)


def fma64(a: Array, b: Array, c: Array) -> Array:
    """``a * b + c`` of float64 arrays, rounded once."""
    return np.asarray(FMA(a, b, c)).astype(np.float64)


def flush(x: Array) -> Array:
    """Subnormal f32 numbers as zeros with their sign (``.ftz``)."""
    return np.where(np.abs(x) < np.float32(2.0**-126), np.copysign(np.float32(0), x), x)


def brain(bits: Array) -> Array:
    """The numbers that bf16 bits stand for, as float32."""
    return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)


def to_brain(x: Array, direction: str = "rn") -> Array:
    """Numbers rounded to bf16, as its bits; NaN becomes 0x7fff."""
    held = np.atleast_1d(narrow(x.astype(np.float64), "bf16", direction).astype(np.float32))
    return np.where(np.isnan(held), np.uint16(0x7FFF), (held.view(np.uint32) >> np.uint32(16)).astype(np.uint16))
