"""Functions of f64 from fused multiply-adds and bits, at most 4 ulp off.

Where a series converges fast its own coefficients serve: they are exact, which fitted ones would not be.
"""

from __future__ import annotations

import math

from tilevm.ir import Value, ops
from tilevm.passes.threads.expand.lanes import Lanes, chebyshev, code
from tilevm.types import f64, i64

LN2, LOG2E = 0.6931471805599453, 1.4426950408889634
LN2_LOW, LOG2E_LOW = 2.3190468138462996e-17, 2.0355273740931033e-17  # what those lack
MAGIC = 1.5 * 2.0**52
SMALLEST = 2.0**-1022


def rounded(e: Lanes, x: Value, scale: float) -> tuple[Value, Value]:
    """``x * scale`` rounded to a whole number, as f64 and as i64: adding 1.5 * 2**52 leaves it in the low bits."""
    shifted = e.fma(x, scale, MAGIC)
    return e.sub(shifted, MAGIC), e.sub(e.view(shifted, i64), code(MAGIC, f64))


def scaled(e: Lanes, x: Value, power: Value) -> Value:
    """``x * 2**power``, in two steps so that the ends of the range come out right."""
    half = e.right(power, 1)
    for n in (half, e.sub(power, half)):
        x = e.mul(x, e.view(e.left(e.add(n, 1023), 52), f64))
    return x


def series(first: int, last: int) -> tuple[float, ...]:
    """1 / k! for k from ``first`` to ``last``."""
    return tuple(1.0 / math.factorial(k) for k in range(first, last + 1))


def exp_near(e: Lanes, x: Value) -> Value:
    """e**x for |x| up to 0.35."""
    return e.add(e.fma(e.mul(x, x), e.horner(x, series(2, 13)), x), 1.0)


def exp(e: Lanes, x: Value) -> Value:
    inner = e.held(x, -746.0, 710.0)
    whole, power = rounded(e, inner, LOG2E)
    rest = e.fma(whole, -LN2_LOW, e.fma(whole, -LN2, inner))
    return scaled(e, exp_near(e, rest), power)


def exp2(e: Lanes, x: Value) -> Value:
    inner = e.held(x, -1076.0, 1025.0)
    whole, power = rounded(e, inner, 1.0)
    part = e.sub(inner, whole)
    high = e.mul(part, LN2)
    low = e.fma(part, LN2_LOW, e.fma(part, LN2, e.negated(high)))
    near = exp_near(e, high)
    return scaled(e, e.fma(near, low, near), power)


def log_parts(e: Lanes, x: Value) -> tuple[Value, Value, Value]:
    """n, z and log(1 + z) - z + z**2 / 2, where x = 2**n (1 + z) and 1 + z lies between the roots of 1/2 and 2.

    With s = z / (2 + z), log(1 + z) = 2 atanh s = z - h + s (h + R(s**2)), h = z**2 / 2.
    """
    tiny = e.below(x, SMALLEST)
    bits = e.view(e.choose(tiny, e.mul(x, 2.0**54), x), i64)
    power = e.right(e.sub(bits, code(math.sqrt(0.5), f64)), 52)
    z = e.sub(e.view(e.sub(bits, e.left(power, 52)), f64), 1.0)
    n = e.cast(power, f64)
    n = e.choose(tiny, e.sub(n, 54.0), n)
    s = e.div(z, e.add(z, 2.0))
    square = e.mul(s, s)
    tail = e.mul(square, e.horner(square, [2.0 / (2 * k + 1) for k in range(1, 12)]))
    return n, z, e.mul(s, e.add(e.mul(e.mul(z, z), 0.5), tail))


def log(e: Lanes, x: Value) -> Value:
    n, z, rest = log_parts(e, x)
    half = e.mul(e.mul(z, z), 0.5)
    low = e.sub(half, e.fma(n, LN2_LOW, rest))
    return special_of_log(e, x, e.fma(n, LN2, e.sub(z, low)))


def log2(e: Lanes, x: Value) -> Value:
    """log(1 + z) in two parts, times log2(e) in two parts."""
    n, z, rest = log_parts(e, x)
    half = e.mul(e.mul(z, z), 0.5)
    high = e.sub(z, half)
    low = e.add(e.sub(e.sub(z, high), half), rest)
    large = e.mul(high, LOG2E)
    small = e.fma(high, LOG2E, e.negated(large))
    small = e.fma(high, LOG2E_LOW, e.fma(low, LOG2E, small))
    total = e.add(n, large)
    small = e.add(small, e.add(e.sub(n, total), large))
    return special_of_log(e, x, e.add(total, small))


def special_of_log(e: Lanes, x: Value, found: Value) -> Value:
    """NaN below 0, -inf at 0, inf at inf."""
    found = e.choose(e.compare(ops.Ge, x, 0.0), found, e.like(x, math.nan))
    found = e.choose(e.equal(x, 0.0), -math.inf, found)
    return e.choose(e.equal(x, math.inf), x, found)


def sigmoid(e: Lanes, x: Value) -> Value:
    """t / (1 + t) below 0 and 1 / (1 + t) above, with t = e**-|x|: nothing overflows."""
    power = exp(e, e.negated(e.size(x)))
    above = e.choose(e.below(x, 0.0), power, e.like(x, 1.0))
    return e.div(above, e.add(power, 1.0))


TANH_NEAR, TANH_ONE = 0.55, 20.0  # up to where e**2x - 1 is summed; from where on tanh rounds to 1


def tanh(e: Lanes, x: Value) -> Value:
    """1 - 2 / (e**2x + 1); near 0, where that cancels, m / (m + 2) with m = e**2x - 1."""
    size = e.size(x)
    held = e.choose(e.above(size, TANH_ONE), TANH_ONE, size)
    far = e.sub(e.like(x, 1.0), e.div(e.like(x, 2.0), e.add(exp(e, e.add(held, held)), 1.0)))
    twice = e.choose(e.above(size, TANH_NEAR), TANH_NEAR, size)
    twice = e.add(twice, twice)
    less = e.fma(e.mul(twice, twice), e.horner(twice, series(2, 20)), twice)
    near = e.div(less, e.add(less, 2.0))
    return e.signed(e.choose(e.below(size, TANH_NEAR), near, far), x)


ERF_NEAR, ERF_ONE = 1.0, 6.0  # up to where the series serves; from where on erf rounds to 1
FITTED, ERF_DEGREE = (0.5, 6.5), 34  # wider than needed: sums of Chebyshev's are least exact at the ends
ERF_SERIES = tuple(2.0 / math.sqrt(math.pi) * (-1) ** k / (math.factorial(k) * (2 * k + 1)) for k in range(20))


def erf(e: Lanes, x: Value) -> Value:
    """The series up to 1; further out 1 - e**-x**2 C(x), C by its Chebyshev series."""
    size = e.size(x)
    held = e.held(size, ERF_NEAR, ERF_ONE)
    fall = exp(e, e.negated(e.mul(held, held)))
    low, high = FITTED
    place = e.mul(e.sub(held, (high + low) / 2), 2.0 / (high - low))
    cover = clenshaw(e, place, chebyshev(_erfc_scaled, low, high, ERF_DEGREE))
    far = e.fma(e.negated(fall), cover, 1.0)
    square = e.mul(x, x)
    near = e.mul(size, e.horner(square, ERF_SERIES))
    found = e.choose(e.below(size, ERF_NEAR), near, far)
    return e.signed(e.choose(e.compare(ops.Ne, x, x), x, found), x)


def clenshaw(e: Lanes, x: Value, coefficients: tuple[float, ...]) -> Value:
    """The sum of Chebyshev polynomials with these coefficients."""
    twice = e.add(x, x)
    now, before = e.like(x, coefficients[-1]), e.like(x, 0.0)
    for c in reversed(coefficients[1:-1]):
        now, before = e.fma(twice, now, e.sub(e.like(x, c), before)), now
    return e.fma(x, now, e.sub(e.like(x, coefficients[0]), before))


def _erfc_scaled(x: float) -> float:
    return math.erfc(x) * math.exp(x * x)
