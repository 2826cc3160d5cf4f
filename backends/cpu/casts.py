"""Conversions between number types, exact as SEMANTICS says."""

from __future__ import annotations

import math
from collections.abc import Sequence

from llvmlite import ir

from tilevm.ir import ops
from tilevm.types import DType, Kind, bf16, f16, f32, f64, i32, integer, tf32
from tilevm.types.codec.fields import fields

from .emit import DOUBLE, FLOAT, HALF, I16, I32, LLVM, Emitter, container_bits, lanes_of, register_type, vector_of
from .small import NATURAL, NEAREST, SINGLE, TWICE, Rounding, carrier, carrier_of, decode, encode, is_small


def widen(e: Emitter, x: LLVM, dtype: DType) -> LLVM:
    """A 16-bit float as f32; any other value as it is."""
    kind = vector_of(FLOAT, lanes_of(x))
    if dtype == f16:
        return e.b.fpext(x, kind)
    if dtype != bf16:
        return x
    bits = e.b.zext(x, vector_of(I32, lanes_of(x)))
    return e.b.bitcast(e.b.shl(bits, e.like(bits, 16)), kind)


def narrow(e: Emitter, x: LLVM, dtype: DType) -> LLVM:
    """An f32 as a 16-bit float, to nearest even; any other value as it is.

    The host's bf16 instruction flushes subnormals, so the rounding is spelled out on the bits.
    """
    if dtype == f16:
        return e.b.fptrunc(x, vector_of(HALF, lanes_of(x)))
    if dtype == tf32:
        return as_float(e, encode(e, x, tf32), tf32)
    if dtype != bf16:
        return x
    bits = e.b.bitcast(x, vector_of(I32, lanes_of(x)))
    odd = e.b.and_(e.b.lshr(bits, e.like(bits, 16)), e.like(bits, 1))
    rounded = e.b.add(bits, e.b.add(odd, e.like(bits, 0x7FFF)))
    quiet = e.b.or_(bits, e.like(bits, 0x400000))
    nan = e.b.fcmp_unordered("uno", x, x)
    kept = e.b.select(nan, quiet, rounded)
    return e.b.trunc(e.b.lshr(kept, e.like(kept, 16)), vector_of(I16, lanes_of(x)))


def to_odd(e: Emitter, x: LLVM) -> LLVM:
    """An f64 as f32, rounded to odd: a later rounding to fewer bits then acts as if it saw the f64."""
    lanes = lanes_of(x)
    near = e.b.fptrunc(x, vector_of(FLOAT, lanes))
    back = e.b.fpext(near, x.type)
    bits = e.b.bitcast(near, vector_of(I32, lanes))
    beyond = e.b.fcmp_ordered(">", e.intrinsic("fabs", back), e.intrinsic("fabs", x))
    truncated = e.b.sub(bits, e.b.zext(beyond, bits.type))
    inexact = e.b.fcmp_ordered("!=", back, x)
    return e.b.bitcast(e.b.or_(truncated, e.b.zext(inexact, bits.type)), vector_of(FLOAT, lanes))


def sticky(e: Emitter, x: LLVM) -> LLVM:
    """An i64 with bits below the 53 that f64 holds gathered into one, where it is that large."""
    low = e.b.and_(x, e.like(x, 0x7FF))
    mark = e.b.select(e.b.icmp_signed("!=", low, e.like(x, 0)), e.like(x, 0x800), e.like(x, 0))
    short = e.b.or_(e.b.and_(x, e.like(x, -0x800)), mark)
    top = e.b.ashr(x, e.like(x, 53))
    small = e.b.or_(e.b.icmp_signed("==", top, e.like(x, 0)), e.b.icmp_signed("==", top, e.like(x, -1)))
    return e.b.select(small, x, short)


def cast(op: ops.Cast, e: Emitter, xs: Sequence[LLVM], source: DType) -> LLVM:
    """The operands of ``op``, of which the first is of dtype ``source``, as ``op.to``."""
    x, *random = xs
    return convert(e, x, source, op.to, Rounding(op.rounding, op.saturate, random[0] if random else None))


def convert(e: Emitter, x: LLVM, source: DType, to: DType, how: Rounding = NATURAL) -> LLVM:
    if source == to:
        return x
    if is_small(source):
        x, source = decode(e, x, source), f32 if carrier(source) is SINGLE else f64
    if to.is_bool:
        return nonzero(e, x, source)
    if source.is_bool:
        x, source = e.b.zext(x, vector_of(I32, lanes_of(x))), i32
    if source == to and not how.saturate:  # a small float may have decoded to infinity
        return x
    return CONVERSIONS[source.is_float, to.is_float](e, x, source, to, how)


def nonzero(e: Emitter, x: LLVM, source: DType) -> LLVM:
    if source.is_float:
        x = widen(e, x, source)
        return e.b.fcmp_unordered("!=", x, e.like(x, 0.0))
    return e.b.icmp_signed("!=", x, e.like(x, 0))


def float_to_float(e: Emitter, x: LLVM, source: DType, to: DType, how: Rounding) -> LLVM:
    x = widen(e, x, source)
    if is_small(to) or how.name not in NEAREST or how.saturate:
        return coded(e, x, to, how)
    if carrier_of(x) is TWICE:
        return e.b.fptrunc(x, vector_of(FLOAT, lanes_of(x))) if to == f32 else narrow(e, to_odd(e, x), to)
    return e.b.fpext(x, vector_of(DOUBLE, lanes_of(x))) if to == f64 else narrow(e, x, to)


def coded(e: Emitter, x: LLVM, to: DType, how: Rounding) -> LLVM:
    """f32 or f64 numbers by way of the code, whatever the rounding."""
    wide = vector_of(DOUBLE, lanes_of(x))
    x = e.b.fpext(x, wide) if to in (f32, f64) and x.type != wide else x
    if to == f64:  # exact; infinity alone may be none
        infinite = e.b.fcmp_ordered("==", e.intrinsic("fabs", x), e.like(x, math.inf))
        most = e.intrinsic("copysign", e.like(x, float(f64.max)), x)
        return e.b.select(infinite, most, x) if how.saturate else x
    code = encode(e, x, to, how)
    return code if code.type == vector_of(register_type(to), lanes_of(x)) else as_float(e, code, to)


def as_float(e: Emitter, code: LLVM, to: DType) -> LLVM:
    """A code as the number that it is the bits of."""
    return e.b.bitcast(code, vector_of(register_type(to), lanes_of(code)))


def code_of(e: Emitter, x: LLVM, dtype: DType) -> LLVM:
    """The bits of a number as an integer of its container; those above a small type's are anything."""
    return e.b.bitcast(x, vector_of(ir.IntType(container_bits(dtype)), lanes_of(x)))


def number_of(e: Emitter, code: LLVM, dtype: DType) -> LLVM:
    """The number that the low bits of an integer are the code of; bits that the type does not use are dropped."""
    if not dtype.is_float:
        return wrapped(e, code, dtype)
    form = fields(dtype)
    used = (form.magnitude | form.sign) << form.padding
    if used != (1 << container_bits(dtype)) - 1:
        code = e.b.and_(code, e.like(code, used))
    return as_float(e, code, dtype)


def float_to_int(e: Emitter, x: LLVM, source: DType, to: DType, how: Rounding) -> LLVM:
    """Rounded, saturated, NaN to 0."""
    x = WHOLE[how.name](e, widen(e, x, source), how.draws)
    kind = vector_of(register_type(to), lanes_of(x))
    which = "fptosi" if to.kind is Kind.SIGNED else "fptoui"
    lanes = f"v{lanes_of(x)}" if lanes_of(x) else ""
    element = x.type.element if lanes else x.type
    name = f"llvm.{which}.sat.{lanes}i{container_bits(to)}.{lanes}{'f64' if element == DOUBLE else 'f32'}"
    return clamp(e, e.call(name, kind, [x]), whole_bytes(to), to)


def truncated(e: Emitter, x: LLVM, draws: LLVM | None) -> LLVM:
    """What the conversion itself does."""
    return x


def to_even(e: Emitter, x: LLVM, draws: LLVM | None) -> LLVM:
    return e.intrinsic("roundeven", x)


def drawn(e: Emitter, x: LLVM, draws: LLVM | None) -> LLVM:
    """Away from zero where draw / 2**32 is less than the part behind the point; every step is exact."""
    wide = vector_of(DOUBLE, lanes_of(x))
    x = e.b.fpext(x, wide) if x.type != wide else x
    whole = e.intrinsic("trunc", x)
    rest = e.intrinsic("fabs", e.b.fsub(x, whole))
    away = e.b.fcmp_ordered("<", e.b.uitofp(draws, wide), e.b.fmul(rest, e.like(x, 2.0**32)))
    return e.b.fadd(whole, e.b.select(away, e.intrinsic("copysign", e.like(x, 1.0), x), e.like(x, 0.0)))


WHOLE = {"natural": truncated, "toward_zero": truncated, "nearest_even": to_even, "stochastic": drawn}


def int_to_float(e: Emitter, x: LLVM, source: DType, to: DType, how: Rounding) -> LLVM:
    signed, lanes, size = source.kind is Kind.SIGNED, lanes_of(x), container_bits(source)
    make = e.b.sitofp if signed else e.b.uitofp
    if to in (f32, f64) and how.name in NEAREST:  # none lies beyond the largest f32
        return make(x, vector_of(register_type(to), lanes))
    if size <= 16:
        return float_to_float(e, make(x, vector_of(FLOAT, lanes)), f32, to, how)
    wide = long_to_odd(e, x, signed) if size == 64 else make(x, vector_of(DOUBLE, lanes))
    return float_to_float(e, wide, f64, to, how)


def long_to_odd(e: Emitter, x: LLVM, signed: bool) -> LLVM:
    """64-bit integers as f64; what that cannot hold is rounded to odd."""
    wide = vector_of(DOUBLE, lanes_of(x))
    whole = e.b.sitofp(sticky(e, x), wide)
    if signed:
        return whole
    low = e.b.and_(x, e.like(x, 1))  # the top bit would read as a sign: halve, and keep the low bit as a sticky one
    half = e.b.or_(e.b.lshr(x, e.like(x, 1)), low)
    halved = e.b.sitofp(sticky(e, half), wide)
    return e.b.select(e.b.icmp_signed("<", x, e.like(x, 0)), e.b.fmul(halved, e.like(halved, 2.0)), whole)


def int_to_int(e: Emitter, x: LLVM, source: DType, to: DType, how: Rounding) -> LLVM:
    kind = vector_of(register_type(to), lanes_of(x))
    if how.saturate:
        x = clamp(e, x, source, to)
    before, after = container_bits(source), container_bits(to)
    if after < before:
        x = e.b.trunc(x, kind)
    elif after > before:
        x = (e.b.sext if source.kind is Kind.SIGNED else e.b.zext)(x, kind)
    return wrapped(e, x, to)


CONVERSIONS = {
    (True, True): float_to_float,
    (True, False): float_to_int,
    (False, True): int_to_float,
    (False, False): int_to_int,
}


def whole_bytes(dtype: DType) -> DType:
    """The integer type of a container."""
    return integer(container_bits(dtype), dtype.signed)


def wrapped(e: Emitter, x: LLVM, dtype: DType) -> LLVM:
    """An integer of a container modulo the width of its type: bits above are those of the sign, or 0."""
    spare = container_bits(dtype) - dtype.bits
    if not spare:
        return x
    if dtype.kind is Kind.UNSIGNED:
        return e.b.and_(x, e.like(x, (1 << dtype.bits) - 1))
    return e.b.ashr(e.b.shl(x, e.like(x, spare)), e.like(x, spare))


def clamp(e: Emitter, x: LLVM, source: DType, to: DType) -> LLVM:
    """``x`` held to the range of ``to``, still of type ``source``."""
    compare = e.b.icmp_signed if source.kind is Kind.SIGNED else e.b.icmp_unsigned
    if to.max < source.max:
        top = e.like(x, int(to.max))
        x = e.b.select(compare(">", x, top), top, x)
    if to.min > source.min:
        bottom = e.like(x, int(to.min))
        x = e.b.select(compare("<", x, bottom), bottom, x)
    return x
