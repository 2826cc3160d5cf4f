"""Functions of floats as polynomials on vectors.

f32 computes exp and exp2 in f32, the others in f64 lanes with one rounding at the end; f64 calls the C library a
lane at a time. Coefficients come from Chebyshev interpolation when first needed, so none is typed in by hand.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np
from llvmlite import ir

from .emit import DOUBLE, FLOAT, I16, I32, I64, LLVM, Emitter, lanes_of, vector_of

LN2, LOG2E = math.log(2.0), 1.0 / math.log(2.0)


@cache
def polynomial(function: Callable[[float], float], low: float, high: float, degree: int) -> tuple[float, ...]:
    """Coefficients, lowest first, of the interpolant of ``function`` at Chebyshev points of [low, high]."""
    sample = np.vectorize(function, otypes=[float])
    fitted = np.polynomial.Chebyshev.interpolate(sample, degree, domain=[low, high])
    return tuple(float(c) for c in fitted.convert(kind=np.polynomial.Polynomial, domain=[-1, 1]).coef)


def horner(e: Emitter, x: LLVM, coefficients: tuple[float, ...]) -> LLVM:
    total = e.like(x, coefficients[-1])
    for c in reversed(coefficients[:-1]):
        total = e.fma(total, x, e.like(x, c))
    return total


def held(e: Emitter, x: LLVM, low: float, high: float) -> LLVM:
    """``x`` held to a range; NaN stays."""
    x = e.b.select(e.b.fcmp_ordered(">", x, e.like(x, high)), e.like(x, high), x)
    return e.b.select(e.b.fcmp_ordered("<", x, e.like(x, low)), e.like(x, low), x)


def whole_part(e: Emitter, x: LLVM, scale: float, magic: float, bits: int) -> tuple[LLVM, LLVM]:
    """``x * scale`` rounded to a whole number, as a float and as an integer.

    Adding ``magic`` = 1.5 * 2**mantissa leaves the number in the low bits, and no NaN meets a conversion.
    """
    kind = vector_of(I32 if bits == 32 else I64, lanes_of(x))
    shifted = e.fma(x, e.like(x, scale), e.like(x, magic))
    number = e.b.sub(e.b.bitcast(shifted, kind), e.b.bitcast(e.like(x, magic), kind))
    return e.b.fsub(shifted, e.like(x, magic)), number


def scaled(e: Emitter, x: LLVM, power: LLVM) -> LLVM:
    """``x * 2**power`` in f32, in two steps so that the ends of the range come out right."""
    half = e.b.ashr(power, e.like(power, 1))
    for n in (half, e.b.sub(power, half)):
        bits = e.b.shl(e.b.add(n, e.like(n, 127)), e.like(n, 23))
        x = e.b.fmul(x, e.b.bitcast(bits, x.type))
    return x


MAGIC32, MAGIC64 = 1.5 * 2.0**23, 1.5 * 2.0**52


Scale = Callable[[LLVM], LLVM]  # a number times a power of two


def split(e: Emitter, x: LLVM, scale: float) -> tuple[LLVM, Scale]:
    """``x * scale`` rounded to a whole number n, and what multiplies by 2**n, in f32.

    AVX-512 does each in one instruction, with the same results.
    """
    if lanes_of(x) == 16 and e.host.has("avx512f"):
        whole = e.intrinsic("roundeven", x if scale == 1.0 else e.b.fmul(x, e.like(x, scale)))
        return whole, lambda y: scalef(e, y, whole)
    whole, power = whole_part(e, x, scale, MAGIC32, 32)
    return whole, lambda y: scaled(e, y, power)


def scalef(e: Emitter, x: LLVM, power: LLVM) -> LLVM:
    everywhere, as_set = ir.Constant(I16, -1), e.index(4)  # all lanes; rounding as the control register says
    return e.call("llvm.x86.avx512.mask.scalef.ps.512", x.type, [x, power, e.zero(x.type), everywhere, as_set])


def exp2_f32(e: Emitter, x: LLVM) -> LLVM:
    inner = held(e, x, -126.0, 129.0)
    whole, scale = split(e, inner, 1.0)
    found = scale(horner(e, e.b.fsub(inner, whole), polynomial(_exp2, -0.5, 0.5, 6)))
    return flushed(e, x, -126.0, found)


def exp_f32(e: Emitter, x: LLVM) -> LLVM:
    lowest = -126.0 * LN2
    inner = held(e, x, lowest, 89.5)
    whole, scale = split(e, inner, LOG2E)
    high = float(np.float32(LN2) - np.float32(LN2) % np.float32(2.0**-12))  # whole * high is exact
    rest = e.fma(whole, e.like(x, -high), inner)
    rest = e.fma(whole, e.like(x, high - LN2), rest)
    return flushed(e, x, lowest, scale(horner(e, rest, polynomial(math.exp, -0.35, 0.35, 6))))


def flushed(e: Emitter, x: LLVM, lowest: float, found: LLVM) -> LLVM:
    """``found``, and 0 where the result lies below the normal range: a subnormal costs some 150 cycles to make."""
    return e.b.select(e.b.fcmp_ordered("<", x, e.like(x, lowest)), e.like(x, 0.0), found)


def _exp2(x: float) -> float:
    return math.exp2(x)


def exp_f64(e: Emitter, x: LLVM) -> LLVM:
    """e**x of f64 lanes to about 1e-12, for |x| <= 200."""
    whole, power = whole_part(e, x, LOG2E, MAGIC64, 64)
    rest = e.fma(whole, e.like(x, -LN2), x)
    bits = e.b.shl(e.b.add(power, e.like(power, 1023)), e.like(power, 52))
    return e.b.fmul(horner(e, rest, polynomial(math.exp, -0.35, 0.35, 9)), e.b.bitcast(bits, x.type))


def sigmoid_f64(e: Emitter, x: LLVM) -> LLVM:
    one = e.like(x, 1.0)
    return e.b.fdiv(one, e.b.fadd(one, exp_f64(e, e.b.fneg(held(e, x, -120.0, 120.0)))))


def tanh_f64(e: Emitter, x: LLVM) -> LLVM:
    """(e**2x - 1) / (e**2x + 1); near 0, where that cancels, x - x**3 / 3."""
    one = e.like(x, 1.0)
    power = exp_f64(e, e.b.fmul(held(e, x, -20.0, 20.0), e.like(x, 2.0)))
    far = e.b.fdiv(e.b.fsub(power, one), e.b.fadd(power, one))
    cube = e.b.fmul(e.b.fmul(x, x), x)
    near = e.fma(cube, e.like(x, -1.0 / 3.0), x)
    small = e.b.fcmp_ordered("<", e.intrinsic("fabs", x), e.like(x, 2.0**-10))
    return e.b.select(small, near, far)


ERF_ONE = 4.0  # from here on erf rounds to 1 in f32


def erf_f64(e: Emitter, x: LLVM) -> LLVM:
    """x P(x**2): erf(x) / x is smooth in x**2."""
    inner = held(e, x, -ERF_ONE, ERF_ONE)
    half = ERF_ONE**2 / 2
    centred = e.fma(e.b.fmul(inner, inner), e.like(x, 1.0 / half), e.like(x, -1.0))
    return e.b.fmul(inner, horner(e, centred, polynomial(_erf_ratio, -1.0, 1.0, 17)))


def _erf_ratio(u: float) -> float:
    x = math.sqrt((u + 1.0) * ERF_ONE**2 / 2)
    return math.erf(x) / x if x > 1e-9 else 2.0 / math.sqrt(math.pi)


def log_f64(e: Emitter, x: LLVM, scale: float) -> LLVM:
    """``scale * log(x)`` of f64 lanes that hold f32 numbers: x = 2**n (1 + z), z in [-0.3, 0.42]."""
    kind = vector_of(I64, lanes_of(x))
    bits = e.b.bitcast(x, kind)
    middle = e.b.bitcast(e.like(x, math.sqrt(0.5)), kind)
    power = e.b.ashr(e.b.sub(bits, middle), e.like(bits, 52))
    mantissa = e.b.bitcast(e.b.sub(bits, e.b.shl(power, e.like(bits, 52))), x.type)
    z = e.b.fsub(mantissa, e.like(x, 1.0))
    ratio = horner(e, z, polynomial(_log_ratio, math.sqrt(0.5) - 1.0, math.sqrt(2.0) - 1.0, 13))
    number = e.b.sitofp(power, x.type)
    found = e.fma(number, e.like(x, LN2 * scale), e.b.fmul(e.b.fmul(z, ratio), e.like(x, scale)))
    found = e.b.select(e.b.fcmp_unordered("<", x, e.like(x, 0.0)), e.like(x, math.nan), found)
    found = e.b.select(e.b.fcmp_ordered("==", x, e.like(x, 0.0)), e.like(x, -math.inf), found)
    return e.b.select(e.b.fcmp_ordered("==", x, e.like(x, math.inf)), x, found)


def _log_ratio(z: float) -> float:
    return math.log1p(z) / z if abs(z) > 1e-12 else 1.0


def in_f64(function: Callable[[Emitter, LLVM], LLVM]) -> Callable[[Emitter, LLVM], LLVM]:
    """A function of f64 lanes as one of f32."""

    def wrapped(e: Emitter, x: LLVM) -> LLVM:
        wide = function(e, e.b.fpext(x, vector_of(DOUBLE, lanes_of(x))))
        return e.b.fptrunc(wide, x.type)

    return wrapped


def library(name: str) -> Callable[[Emitter, LLVM], LLVM]:
    """The C library's function, a lane at a time."""

    def wrapped(e: Emitter, x: LLVM) -> LLVM:
        if not lanes_of(x):
            return e.call(name, DOUBLE, [x])
        out = e.undefined(x.type)
        for i in range(lanes_of(x)):
            one = e.call(name, DOUBLE, [e.b.extract_element(x, e.index(i))])
            out = e.b.insert_element(out, one, e.index(i))
        return out

    return wrapped


def intrinsic(name: str) -> Callable[[Emitter, LLVM], LLVM]:
    return lambda e, x: e.intrinsic(name, x)


def rsqrt(e: Emitter, x: LLVM) -> LLVM:
    return e.b.fdiv(e.like(x, 1.0), e.intrinsic("sqrt", x))


def sigmoid_by_library(e: Emitter, x: LLVM) -> LLVM:
    one = e.like(x, 1.0)
    return e.b.fdiv(one, e.b.fadd(one, library("exp")(e, e.b.fneg(x))))


Function = Callable[[Emitter, LLVM], LLVM]
EVERY: dict[str, Function] = {"rsqrt": rsqrt, **{n: intrinsic(n) for n in ("sqrt", "floor", "ceil")}}
SINGLE: dict[str, Function] = EVERY | {
    "exp": exp_f32,
    "exp2": exp2_f32,
    "log": in_f64(lambda e, x: log_f64(e, x, 1.0)),
    "log2": in_f64(lambda e, x: log_f64(e, x, LOG2E)),
    "tanh": in_f64(tanh_f64),
    "erf": in_f64(erf_f64),
    "sigmoid": in_f64(sigmoid_f64),
}
DOUBLE_PRECISION: dict[str, Function] = EVERY | {n: library(n) for n in ("exp", "exp2", "log", "log2", "tanh", "erf")}
DOUBLE_PRECISION["sigmoid"] = sigmoid_by_library


def apply(e: Emitter, name: str, x: LLVM) -> LLVM:
    """The function called ``name`` of f32 or f64 numbers."""
    element = x.type.element if lanes_of(x) else x.type
    return (SINGLE if element == FLOAT else DOUBLE_PRECISION)[name](e, x)
