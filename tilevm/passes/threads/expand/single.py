"""Functions of f32 from fused multiply-adds, bits and ``exp2``, which the machines have."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from tilevm.ir import Value, ops
from tilevm.passes.threads.expand.lanes import Lanes, code, polynomial
from tilevm.types import f32, i32

LN2, LOG2E = math.log(2.0), 1.0 / math.log(2.0)
LOG2E_HIGH = float(np.float32(LOG2E))
LOG2E_LOW = LOG2E - LOG2E_HIGH
BELOW_128 = 128.0 - 2.0**-17  # the largest f32 below
SMALLEST = 2.0**-126


def exp(e: Lanes, x: Value) -> Value:
    """2**a * (1 + b ln 2), where a + b is x / ln 2 to more than f32's digits and b the little that a lacks.

    a stays below 128, where 2**a ends, and b takes up the rest; results below the normal range are 0.
    """
    whole = e.mul(x, LOG2E_HIGH)
    whole = e.choose(e.above(whole, BELOW_128), BELOW_128, whole)
    rest = e.fma(x, LOG2E_LOW, e.fma(x, LOG2E_HIGH, e.negated(whole)))
    power = e.apply(ops.Exp2, whole)
    found = e.fma(power, e.mul(rest, LN2), power)
    return e.choose(e.below(x, -126.0 * LN2), 0.0, found)


def log_of(scale: float, large: float, small: float) -> Callable[[Lanes, Value], Value]:
    """``scale * log(x)``: x = 2**n (1 + z) with z in [-0.3, 0.42]. ``large`` + ``small``: scale * log(2) in two parts.

    scale * log(1 + z) = c z + z (d + z R(z)), c + d = scale: one rounding of the leading term, and the rest small.
    """
    lead = float(np.float32(scale))

    def ratio(z: float) -> float:
        return (scale * math.log1p(z) / z - scale) / z if abs(z) > 1e-4 else scale * (-0.5 + z / 3)

    def made(e: Lanes, x: Value) -> Value:
        tiny = e.below(x, SMALLEST)
        n, z = parts(e, e.choose(tiny, e.mul(x, 2.0**24), x))
        n = e.choose(tiny, e.sub(n, 24.0), n)
        rest = e.horner(z, (scale - lead, *polynomial(ratio, math.sqrt(0.5) - 1.0, math.sqrt(2.0) - 1.0, 9)))
        found = e.fma(z, lead, e.fma(n, small, e.mul(z, rest)))
        return special_of_log(e, x, e.fma(n, large, found))

    return made


def parts(e: Lanes, x: Value) -> tuple[Value, Value]:
    """n and z of a normal x = 2**n (1 + z), 1 + z between the square roots of 1/2 and 2."""
    bits = e.view(x, i32)
    power = e.right(e.sub(bits, code(math.sqrt(0.5), f32)), 23)
    mantissa = e.view(e.sub(bits, e.left(power, 23)), f32)
    return e.cast(power, f32), e.sub(mantissa, 1.0)


def special_of_log(e: Lanes, x: Value, found: Value) -> Value:
    """NaN below 0, -inf at 0, inf at inf."""
    found = e.choose(e.compare(ops.Ge, x, 0.0), found, e.like(x, math.nan))
    found = e.choose(e.equal(x, 0.0), -math.inf, found)
    return e.choose(e.equal(x, math.inf), x, found)


LN2_LARGE = float(np.float32(LN2) - np.float32(LN2) % np.float32(2.0**-12))  # times an exponent it is exact
log = log_of(1.0, LN2_LARGE, LN2 - LN2_LARGE)
log2 = log_of(LOG2E, 1.0, 0.0)


def sigmoid(e: Lanes, x: Value) -> Value:
    """t / (1 + t) below 0 and 1 / (1 + t) above, with t = e**-|x|: nothing overflows."""
    power = exp(e, e.negated(e.size(x)))
    above = e.choose(e.below(x, 0.0), power, e.like(x, 1.0))
    return e.div(above, e.add(power, 1.0))


TANH_NEAR, TANH_ONE = 0.625, 9.1  # up to where the odd polynomial serves; from where on tanh rounds to 1


def tanh(e: Lanes, x: Value) -> Value:
    """1 - 2 / (e**2x + 1); near 0, where that cancels, x + x**3 P(x**2)."""
    size = e.size(x)
    held = e.choose(e.above(size, TANH_ONE), TANH_ONE, size)
    far = e.sub(e.like(x, 1.0), e.div(e.like(x, 2.0), e.add(exp(e, e.add(held, held)), 1.0)))
    square = e.mul(x, x)
    near = e.fma(e.mul(square, size), e.horner(square, polynomial(_tanh_rest, 0.0, TANH_NEAR**2, 5)), size)
    return e.signed(e.choose(e.below(size, TANH_NEAR), near, far), x)


def _tanh_rest(u: float) -> float:
    x = math.sqrt(u)
    return (math.tanh(x) - x) / (u * x) if x > 1e-2 else -1 / 3 + 2 * u / 15


ERF_NEAR, ERF_ONE = 0.92, 4.0  # up to where the odd polynomial serves; from where on erf rounds to 1


def erf(e: Lanes, x: Value) -> Value:
    """x P(x**2) near 0; further out 1 - 2**-Q(x), as the complement falls smoothly there."""
    size = e.size(x)
    held = e.choose(e.above(size, ERF_ONE), ERF_ONE, size)
    fall = e.horner(held, polynomial(_erf_fall, ERF_NEAR, ERF_ONE, 9))
    far = e.sub(e.like(x, 1.0), e.apply(ops.Exp2, e.negated(fall)))
    square = e.mul(x, x)
    near = e.fma(size, e.horner(square, polynomial(_erf_rest, 0.0, ERF_NEAR**2, 7)), size)
    return e.signed(e.choose(e.below(size, ERF_NEAR), near, far), x)


def _erf_rest(u: float) -> float:
    x = math.sqrt(u)
    return math.erf(x) / x - 1.0 if x > 1e-9 else 2.0 / math.sqrt(math.pi) - 1.0


def _erf_fall(x: float) -> float:
    return -math.log2(math.erfc(x))
