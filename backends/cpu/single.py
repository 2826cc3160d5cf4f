"""Functions of f32 in f32 lanes."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from llvmlite import ir

from .emit import I16, I32, LLVM, Emitter, lanes_of, vector_of
from .polynomial import held, horner, polynomial

LN2, LOG2E = math.log(2.0), 1.0 / math.log(2.0)
MAGIC = 1.5 * 2.0**23


def whole_part(e: Emitter, x: LLVM, scale: float) -> tuple[LLVM, LLVM]:
    """``x * scale`` rounded to a whole number, as a float and as an integer.

    Adding 1.5 * 2**23 leaves the number in the low bits, and no NaN meets a conversion.
    """
    kind = vector_of(I32, lanes_of(x))
    shifted = e.fma(x, e.like(x, scale), e.like(x, MAGIC))
    number = e.b.sub(e.b.bitcast(shifted, kind), e.b.bitcast(e.like(x, MAGIC), kind))
    return e.b.fsub(shifted, e.like(x, MAGIC)), number


def scaled(e: Emitter, x: LLVM, power: LLVM) -> LLVM:
    """``x * 2**power``, in two steps so that the ends of the range come out right."""
    half = e.b.ashr(power, e.like(power, 1))
    for n in (half, e.b.sub(power, half)):
        bits = e.b.shl(e.b.add(n, e.like(n, 127)), e.like(n, 23))
        x = e.b.fmul(x, e.b.bitcast(bits, x.type))
    return x


Scale = Callable[[LLVM], LLVM]  # a number times a power of two


def split(e: Emitter, x: LLVM, scale: float) -> tuple[LLVM, Scale]:
    """``x * scale`` rounded to a whole number n, and what multiplies by 2**n.

    AVX-512 does each in one instruction, with the same results.
    """
    if lanes_of(x) == 16 and e.host.has("avx512f"):
        whole = e.intrinsic("roundeven", x if scale == 1.0 else e.b.fmul(x, e.like(x, scale)))
        return whole, lambda y: scalef(e, y, whole)
    whole, power = whole_part(e, x, scale)
    return whole, lambda y: scaled(e, y, power)


def scalef(e: Emitter, x: LLVM, power: LLVM) -> LLVM:
    everywhere, as_set = ir.Constant(I16, -1), e.index(4)  # all lanes; rounding as the control register says
    return e.call("llvm.x86.avx512.mask.scalef.ps.512", x.type, [x, power, e.zero(x.type), everywhere, as_set])


def flushed(e: Emitter, x: LLVM, lowest: float, found: LLVM) -> LLVM:
    """``found``, and 0 where the result lies below the normal range: a subnormal costs some 150 cycles to make."""
    return e.b.select(e.b.fcmp_ordered("<", x, e.like(x, lowest)), e.like(x, 0.0), found)


def exp2(e: Emitter, x: LLVM) -> LLVM:
    inner = held(e, x, -126.0, 129.0)
    whole, scale = split(e, inner, 1.0)
    found = scale(horner(e, e.b.fsub(inner, whole), polynomial(_exp2, -0.5, 0.5, 6)))
    return flushed(e, x, -126.0, found)


def _exp2(x: float) -> float:
    return math.exp2(x)


def exp_within(e: Emitter, x: LLVM) -> LLVM:
    """e**x where the result is held in a range that f32 has, subnormals among it."""
    whole, scale = split(e, x, LOG2E)
    high = float(np.float32(LN2) - np.float32(LN2) % np.float32(2.0**-12))  # whole * high is exact
    rest = e.fma(whole, e.like(x, -high), x)
    rest = e.fma(whole, e.like(x, high - LN2), rest)
    return scale(horner(e, rest, polynomial(math.exp, -0.35, 0.35, 6)))


def exp(e: Emitter, x: LLVM) -> LLVM:
    lowest = -126.0 * LN2
    return flushed(e, x, lowest, exp_within(e, held(e, x, lowest, 89.5)))


def log_of(scale: float, large: float, small: float) -> Callable[[Emitter, LLVM], LLVM]:
    """``scale * log(x)``: x = 2**n (1 + z) with z in [-0.3, 0.42]. ``large`` + ``small``: scale * log(2) in two parts.

    scale * log(1 + z) = c z + z (d + z R(z)), c + d = scale: one rounding of the leading term, and the rest small.
    """
    lead = float(np.float32(scale))

    def ratio(z: float) -> float:
        return (scale * math.log1p(z) / z - scale) / z if abs(z) > 1e-4 else scale * (-0.5 + z / 3)

    def made(e: Emitter, x: LLVM) -> LLVM:
        tiny = e.b.fcmp_ordered("<", x, e.like(x, 2.0**-126))
        normal = e.b.select(tiny, e.b.fmul(x, e.like(x, 2.0**24)), x)
        n, z = parts(e, normal)
        n = e.b.select(tiny, e.b.fsub(n, e.like(n, 24.0)), n)
        rest = horner(e, z, (scale - lead, *polynomial(ratio, math.sqrt(0.5) - 1.0, math.sqrt(2.0) - 1.0, 9)))
        found = e.fma(n, e.like(x, small), e.b.fmul(z, rest))
        found = e.fma(z, e.like(x, lead), found)
        return special_of_log(e, x, e.fma(n, e.like(x, large), found))

    return made


def parts(e: Emitter, x: LLVM) -> tuple[LLVM, LLVM]:
    """n and z of a normal x = 2**n (1 + z), 1 + z between the square roots of 1/2 and 2."""
    kind = vector_of(I32, lanes_of(x))
    bits = e.b.bitcast(x, kind)
    middle = e.b.bitcast(e.like(x, math.sqrt(0.5)), kind)
    power = e.b.ashr(e.b.sub(bits, middle), e.like(bits, 23))
    mantissa = e.b.bitcast(e.b.sub(bits, e.b.shl(power, e.like(bits, 23))), x.type)
    return e.b.sitofp(power, x.type), e.b.fsub(mantissa, e.like(x, 1.0))


def special_of_log(e: Emitter, x: LLVM, found: LLVM) -> LLVM:
    """NaN below 0, -inf at 0, inf at inf."""
    found = e.b.select(e.b.fcmp_unordered("<", x, e.like(x, 0.0)), e.like(x, math.nan), found)
    found = e.b.select(e.b.fcmp_ordered("==", x, e.like(x, 0.0)), e.like(x, -math.inf), found)
    return e.b.select(e.b.fcmp_ordered("==", x, e.like(x, math.inf)), x, found)


LN2_LARGE = float(np.float32(LN2) - np.float32(LN2) % np.float32(2.0**-12))  # times an exponent it is exact
log = log_of(1.0, LN2_LARGE, LN2 - LN2_LARGE)
log2 = log_of(LOG2E, 1.0, 0.0)


def sigmoid(e: Emitter, x: LLVM) -> LLVM:
    """t / (1 + t) below 0 and 1 / (1 + t) above, with t = e**-|x|: no overflow, and the tail down to subnormals."""
    one = e.like(x, 1.0)
    size = e.intrinsic("fabs", x)
    power = exp_within(e, held(e, e.b.fneg(size), -105.0, 0.0))
    above = e.b.select(e.b.fcmp_ordered("<", x, e.like(x, 0.0)), power, one)
    return e.b.fdiv(above, e.b.fadd(one, power))


TANH_NEAR, TANH_ONE = 0.625, 9.1  # up to where the odd polynomial serves; from where on tanh rounds to 1


def tanh(e: Emitter, x: LLVM) -> LLVM:
    """1 - 2 / (e**2x + 1); near 0, where that cancels, x + x**3 P(x**2)."""
    one = e.like(x, 1.0)
    size = held(e, e.intrinsic("fabs", x), 0.0, TANH_ONE)
    power = exp_within(e, e.b.fadd(size, size))
    far = e.b.fsub(one, e.b.fdiv(e.like(x, 2.0), e.b.fadd(power, one)))
    far = e.b.select(e.b.fcmp_ordered("<", x, e.like(x, 0.0)), e.b.fneg(far), far)
    square = e.b.fmul(x, x)
    near = e.fma(e.b.fmul(square, x), horner(e, square, polynomial(_tanh_rest, 0.0, TANH_NEAR**2, 5)), x)
    return e.b.select(e.b.fcmp_ordered("<", e.intrinsic("fabs", x), e.like(x, TANH_NEAR)), near, far)


def _tanh_rest(u: float) -> float:
    x = math.sqrt(u)
    return (math.tanh(x) - x) / (u * x) if x > 1e-2 else -1 / 3 + 2 * u / 15


ERF_NEAR, ERF_ONE = 0.92, 4.0  # up to where the odd polynomial serves; from where on erf rounds to 1


def erf(e: Emitter, x: LLVM) -> LLVM:
    """x P(x**2) near 0; further out 1 - 2**-Q(x), as the complement falls smoothly there."""
    one = e.like(x, 1.0)
    size = held(e, e.intrinsic("fabs", x), 0.0, ERF_ONE)
    fall = horner(e, size, polynomial(_erf_fall, ERF_NEAR, ERF_ONE, 9))
    far = e.b.fsub(one, exp2(e, e.b.fneg(fall)))
    far = e.b.select(e.b.fcmp_ordered("<", x, e.like(x, 0.0)), e.b.fneg(far), far)
    square = e.b.fmul(x, x)
    near = e.fma(x, horner(e, square, polynomial(_erf_rest, 0.0, ERF_NEAR**2, 7)), x)
    return e.b.select(e.b.fcmp_ordered("<", e.intrinsic("fabs", x), e.like(x, ERF_NEAR)), near, far)


def _erf_rest(u: float) -> float:
    x = math.sqrt(u)
    return math.erf(x) / x - 1.0 if x > 1e-9 else 2.0 / math.sqrt(math.pi) - 1.0


def _erf_fall(x: float) -> float:
    return -math.log2(math.erfc(x))
