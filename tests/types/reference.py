"""What the codes of small floats mean, written from the definition and without the codec: slow, and in order."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import numpy as np

from tilevm.source import TileError
from tilevm.types import NAMED, DType, float_

SPECIALS = ("ieee", "fn", "fnuz", "finite")
UNUSED = {"f8ue4m3": 0x80}  # bits of a code that mean nothing


@dataclass(frozen=True)
class Form:
    """The split of a float, and how it spends its codes; the bias follows."""

    exponent: int
    mantissa: int
    signed: bool
    specials: str

    @property
    def bias(self) -> int:
        return (2 ** (self.exponent - 1) - (self.specials != "fnuz")) if self.exponent else 0

    @property
    def zero(self) -> bool:
        return self.signed or self.mantissa > 0

    def value(self, magnitude: int) -> Fraction:
        """The number of a magnitude, the exponent unbounded."""
        field, part = divmod(magnitude, 2**self.mantissa)
        if field == 0 and self.zero:
            return Fraction(part) / 2**self.mantissa * Fraction(2) ** (1 - self.bias)
        return (1 + Fraction(part, 2**self.mantissa)) * Fraction(2) ** (field - self.bias)

    @property
    def count(self) -> int:
        """How many magnitudes are numbers."""
        every = 2 ** (self.exponent + self.mantissa)
        return every - {"ieee": 2**self.mantissa, "fn": 1, "fnuz": 0, "finite": 0}[self.specials]

    def decoded(self, code: int) -> float:
        """The number of a code."""
        sign = 2 ** (self.exponent + self.mantissa)
        negative, magnitude = self.signed and code & sign > 0, code & (sign - 1)
        if self.specials == "fnuz" and negative and magnitude == 0:
            return math.nan
        if magnitude >= self.count:
            infinite = self.specials == "ieee" and magnitude == self.count
            number = math.inf if infinite else math.nan
        else:
            number = float(self.value(magnitude))
            assert Fraction(number) == self.value(magnitude)
        return math.copysign(number, -1.0 if negative else 1.0)


def form(kind: DType) -> Form:
    return Form(kind.exponent_bits, kind.mantissa_bits, kind.signed, kind.specials.value)


@cache
def line(of: Form) -> np.ndarray:
    """The numbers from 0 up, and the one that would follow the largest: f64 holds them and the middles between."""
    return np.array([float(of.value(m)) for m in range(of.count + 1)])


def encoded(x: np.ndarray, kind: DType, rounding: str, saturate: bool) -> np.ndarray:
    """The codes of some f64, found among the sorted numbers. Deterministic roundings."""
    of = form(kind)
    numbers, top = line(of), of.count - 1
    size = np.where(np.isnan(x), 0.0, np.abs(x))
    if rounding == "toward_zero":
        code = np.searchsorted(numbers, size, side="right") - 1
    else:
        middles = (numbers[1:] + numbers[:-1]) / 2
        code = np.searchsorted(middles, size, side="left")
        tie = (code < len(middles)) & (size == middles[np.minimum(code, len(middles) - 1)])
        code = code + (tie & (code % 2 == 1))
    sign = 2 ** (of.exponent + of.mantissa)
    nan = {"ieee": of.count + 2**of.mantissa // 2, "fn": of.count, "fnuz": sign, "finite": None}[of.specials]
    beyond = {"ieee": of.count, "fn": nan, "fnuz": nan, "finite": top}[of.specials]
    over = code > top
    outside = top if saturate else beyond
    finite = top if rounding == "toward_zero" else outside
    code = np.where(over, np.where(np.isinf(x), outside, finite), np.maximum(code, 0))
    code = np.where(np.isnan(x), 0 if nan is None else nan, code)
    negative = np.signbit(x) & ~(np.isnan(x) & (nan is None))
    if not of.signed:
        return np.where(negative & ~np.isnan(x), 0, code)
    return np.where(negative & ~((of.specials == "fnuz") & (code == 0)), code | sign, code)


def rounded(x: Fraction, of: Form, rounding: str, draw: int = 0) -> int:
    """The magnitude of one positive number, the exponent unbounded; of types with a zero."""
    exponent = math.floor(math.log2(x)) if x else 0
    exponent += (Fraction(2) ** (exponent + 1) <= x) - (Fraction(2) ** exponent > x > 0)
    exponent = max(exponent, 1 - of.bias) if x else 1 - of.bias
    steps = x / Fraction(2) ** (exponent - of.mantissa)
    low = math.floor(steps)
    up = {
        "nearest_even": steps - low > Fraction(1, 2) or (steps - low == Fraction(1, 2) and low % 2 == 1),
        "toward_zero": False,
        "stochastic": Fraction(draw, 2**32) < steps - low,
    }[rounding]
    return (exponent - 1 + of.bias) * 2**of.mantissa + low + up


def splits(bits: int) -> list[DType]:
    """Every float of at most so many bits: all splits, with and without a sign, with all specials that fit."""
    found = []
    for signed in (True, False):
        for exponent in range(min(bits, 8) + 1):
            for mantissa in range(bits - exponent - signed + 1):
                for specials in SPECIALS:
                    try:
                        found.append(float_(exponent, mantissa, signed, specials))
                    except TileError:
                        continue
    return found


SMALL = splits(8)
NAMED_FLOATS = [kind for kind in NAMED.values() if kind.is_float]
SMALL_NAMED = [kind for kind in NAMED_FLOATS if kind.bits <= 16]
SPREAD = [*SMALL_NAMED, *SMALL[::9], *(float_(*s) for s in ((5, 9), (8, 2), (3, 10), (1, 10), (8, 6), (6, 9)))]
SPREAD += [float_(8, m, signed, s) for m in (1, 5) for signed, s in ((True, "fnuz"), (False, "fn"))]


def edges(kind: DType) -> np.ndarray:
    """f64 on and around every number of a type and every middle between two, of both signs."""
    numbers = line(form(kind))
    there = np.concatenate([numbers, (numbers[1:] + numbers[:-1]) / 2, [np.inf, np.nan, 1e-320, 1e300]])
    with np.errstate(all="ignore"):
        short = there.astype(np.float32)
        near = [np.nextafter(x, x.dtype.type(way)) for x in (there, short) for way in (0, np.inf)]
    every = np.concatenate([there, *(x.astype(np.float64) for x in near)])
    return np.concatenate([every, -every])
