"""Polynomials on vectors. Coefficients come from Chebyshev interpolation when first needed: none is typed in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np

from .emit import LLVM, Emitter


@cache
def polynomial(function: Callable[[float], float], low: float, high: float, degree: int) -> tuple[float, ...]:
    """Coefficients, lowest first, of the interpolant of ``function`` at Chebyshev points of [low, high]."""
    sample = np.vectorize(function, otypes=[float])
    fitted = np.polynomial.Chebyshev.interpolate(sample, degree, domain=[low, high])
    return tuple(float(c) for c in fitted.convert(kind=np.polynomial.Polynomial, domain=[-1, 1]).coef)


def horner(e: Emitter, x: LLVM, coefficients: Sequence[float]) -> LLVM:
    total = e.like(x, coefficients[-1])
    for c in reversed(coefficients[:-1]):
        total = e.fma(total, x, e.like(x, c))
    return total


def held(e: Emitter, x: LLVM, low: float, high: float) -> LLVM:
    """``x`` held to a range; NaN stays."""
    x = e.b.select(e.b.fcmp_ordered(">", x, e.like(x, high)), e.like(x, high), x)
    return e.b.select(e.b.fcmp_ordered("<", x, e.like(x, low)), e.like(x, low), x)
