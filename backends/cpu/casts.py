"""Conversions between number types, exact as SEMANTICS says."""

from __future__ import annotations

from tilevm.ir import ops
from tilevm.types import DType, Kind, bf16, f16, f32, f64

from .emit import DOUBLE, FLOAT, HALF, I16, I32, LLVM, Emitter, lanes_of, register_type, vector_of


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


def cast(op: ops.Cast, e: Emitter, x: LLVM, source: DType) -> LLVM:
    """``x`` of dtype ``source`` as ``op.to``."""
    return convert(e, x, source, op.to, op.saturate)


def convert(e: Emitter, x: LLVM, source: DType, to: DType, saturate: bool = False) -> LLVM:
    if source == to:
        return x
    if to.is_bool:
        return nonzero(e, x, source)
    if source.is_bool:
        x, source = e.b.zext(x, vector_of(I32, lanes_of(x))), DType("i32", 32, Kind.SIGNED)
        if source == to:
            return x
    pair = (source.is_float, to.is_float)
    if pair == (True, True):
        return float_to_float(e, x, source, to)
    if pair == (True, False):
        return float_to_int(e, x, source, to)
    if pair == (False, True):
        return int_to_float(e, x, source, to)
    return int_to_int(e, x, source, to, saturate)


def nonzero(e: Emitter, x: LLVM, source: DType) -> LLVM:
    if source.is_float:
        x = widen(e, x, source)
        return e.b.fcmp_unordered("!=", x, e.like(x, 0.0))
    return e.b.icmp_signed("!=", x, e.like(x, 0))


def float_to_float(e: Emitter, x: LLVM, source: DType, to: DType) -> LLVM:
    if source == f64:
        return e.b.fptrunc(x, vector_of(FLOAT, lanes_of(x))) if to == f32 else narrow(e, to_odd(e, x), to)
    x = widen(e, x, source)
    return e.b.fpext(x, vector_of(DOUBLE, lanes_of(x))) if to == f64 else narrow(e, x, to)


def float_to_int(e: Emitter, x: LLVM, source: DType, to: DType) -> LLVM:
    """Truncated, saturated, NaN to 0."""
    x = widen(e, x, source)
    kind = vector_of(register_type(to), lanes_of(x))
    which = "fptosi" if to.kind is Kind.SIGNED else "fptoui"
    lanes = f"v{lanes_of(x)}" if lanes_of(x) else ""
    element = x.type.element if lanes else x.type
    name = f"llvm.{which}.sat.{lanes}i{to.bits}.{lanes}{'f64' if element == DOUBLE else 'f32'}"
    return e.call(name, kind, [x])


def int_to_float(e: Emitter, x: LLVM, source: DType, to: DType) -> LLVM:
    signed = source.kind is Kind.SIGNED
    make = e.b.sitofp if signed else e.b.uitofp
    lanes = lanes_of(x)
    if to in (f32, f64):
        return make(x, vector_of(register_type(to), lanes))
    if source.bits <= 16:
        return narrow(e, make(x, vector_of(FLOAT, lanes)), to)
    if source.bits == 64:
        if not signed:  # the top bit would read as a sign: keep it as a sticky bit instead
            low = e.b.and_(x, e.like(x, 1))
            half = e.b.or_(e.b.lshr(x, e.like(x, 1)), low)
            large = e.b.icmp_signed("<", x, e.like(x, 0))
            halved = e.b.sitofp(sticky(e, half), vector_of(DOUBLE, lanes))
            whole = e.b.sitofp(sticky(e, x), vector_of(DOUBLE, lanes))
            wide = e.b.select(large, e.b.fmul(halved, e.like(halved, 2.0)), whole)
            return narrow(e, to_odd(e, wide), to)
        x = sticky(e, x)
    return narrow(e, to_odd(e, make(x, vector_of(DOUBLE, lanes))), to)


def int_to_int(e: Emitter, x: LLVM, source: DType, to: DType, saturate: bool) -> LLVM:
    kind = vector_of(register_type(to), lanes_of(x))
    if saturate:
        x = clamp(e, x, source, to)
    if to.bits < source.bits:
        return e.b.trunc(x, kind)
    if to.bits == source.bits:
        return x
    return (e.b.sext if source.kind is Kind.SIGNED else e.b.zext)(x, kind)


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
