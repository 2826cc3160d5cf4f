"""Arithmetic of one f32 or f64 element, each result rounded once, never joined, nothing flushed to zero but by exp2."""

from __future__ import annotations

import struct

from tilevm.types import DType, f32

from .elements import Element, Known, Reg, kind_of, literal, operand, register
from .text import Text

ROUNDED = {"add": "add.rn", "sub": "sub.rn", "mul": "mul.rn", "div": "div.rn", "minimum": "min", "maximum": "max"}
ROUNDED |= {"sqrt": "sqrt.rn", "fma": "fma.rn", "neg": "neg", "abs": "abs"}
WHOLE = {"floor": "rmi", "ceil": "rpi"}
COMPARED = {"eq": "eq", "ne": "neu", "lt": "lt", "le": "le", "gt": "gt", "ge": "ge"}
ONE, HALF = {32: 0x3F800000, 64: 0x3FF0000000000000}, {32: 0x3F000000, 64: 0x3FE0000000000000}
NAN, INFINITE = {32: 0x7FC00000, 64: 0x7FF8000000000000}, {32: 0x7F800000, 64: 0x7FF0000000000000}


def named(dtype: DType) -> str:
    """How an instruction calls the type."""
    return f"f{dtype.bits}"


def plain(t: Text, dtype: DType, name: str, *xs: Element) -> Reg:
    """The one instruction for a function that the machine has."""
    op = f"{ROUNDED[name]}.{named(dtype)}"
    return Reg(t.pure(kind_of(dtype), op, *(operand(t, x, dtype) for x in xs)))


def whole(t: Text, dtype: DType, name: str, x: Element) -> Reg:
    """The whole number next below or above."""
    kind = named(dtype)
    return Reg(t.pure(kind_of(dtype), f"cvt.{WHOLE[name]}.{kind}.{kind}", operand(t, x, dtype)))


def compare(t: Text, dtype: DType, how: str, a: Element, b: Element) -> Reg:
    """A bool; NaN compares unequal and unordered."""
    op = f"setp.{COMPARED[how]}.{named(dtype)}"
    return Reg(t.pure("p", op, operand(t, a, dtype), operand(t, b, dtype)))


def exp2(t: Text, dtype: DType, x: Element) -> Reg:
    """``2 ** x``; results below the normal range are zeros, which they may be, and two multiplications less."""
    assert dtype == f32, "exp2 of f64 was to be expanded"
    return Reg(t.pure("r", "ex2.approx.ftz.f32", operand(t, x, dtype)))


def rsqrt(t: Text, dtype: DType, x: Element) -> Element:
    """``1 / sqrt(x)``: the machine's guess, 2**-22.9 off at most, and one step of Newton's, within one ulp.

    The step gives NaN at 0 and inf, where the guess is right.
    """
    if dtype != f32:
        return plain(t, dtype, "div", Known(ONE[dtype.bits]), plain(t, dtype, "sqrt", x))
    guess = Reg(t.pure("r", "rsqrt.approx.f32", operand(t, x, dtype)))
    product = plain(t, dtype, "mul", x, guess)
    error = plain(t, dtype, "fma", plain(t, dtype, "neg", product), guess, Known(ONE[32]))
    better = plain(t, dtype, "fma", plain(t, dtype, "mul", guess, Known(HALF[32])), error, guess)
    lost = t.pure("p", "setp.nan.f32", error.name, error.name)
    return Reg(t.pure("r", "selp.b32", guess.name, better.name, lost))


def floordiv(t: Text, dtype: DType, a: Element, b: Element) -> Reg:
    """``floor(a / b)``, the quotient rounded before."""
    return whole(t, dtype, "floor", plain(t, dtype, "div", a, b))


def mod(t: Text, dtype: DType, a: Element, b: Element) -> Reg:
    """C's fmod, then b added where the signs differ."""
    rest = fmod(t, dtype, a, b)
    zero = Known(0)
    some = compare(t, dtype, "ne", rest, zero)
    crossed = t.pure("p", "xor.pred", *(compare(t, dtype, "lt", x, zero).name for x in (rest, b)))
    both = t.pure("p", "and.pred", some.name, crossed)
    turned = plain(t, dtype, "add", rest, b)
    return Reg(t.pure(kind_of(dtype), f"selp.b{dtype.bits}", turned.name, rest.name, both))


def fmod(t: Text, dtype: DType, a: Element, b: Element) -> Reg:
    """What remains of ``a``, with its sign: |b| is doubled while it fits, then taken away on the way back. Exact."""
    kind, size, f = kind_of(dtype), dtype.bits, named(dtype)
    rest, step = t.fresh(kind), t.fresh(kind)
    left, least = plain(t, dtype, "abs", a), plain(t, dtype, "abs", b)
    none, inf = literal(0, dtype), literal(INFINITE[size], dtype)
    finite = t.pure("p", f"setp.lt.{f}", left.name, inf)
    fits = t.pure("p", f"setp.gt.and.{f}", least.name, none, finite)
    start = t.pure(kind, f"selp.b{size}", left.name, hexadecimal(NAN[size]), fits)
    t.line(f"mov.b{size} {rest}, {start}")
    t.line(f"mov.b{size} {step}, {least.name}")
    enter, up, down, end = (t.label(s) for s in ("fmod", "double", "take", "fmod_end"))
    room, more, goes, on = (t.fresh("p") for _ in range(4))
    spare, less = t.fresh(kind), t.fresh(kind)
    t.mark(enter)
    t.line(f"setp.ge.{f} {on}, {rest}, {step}")
    t.line(f"bra {end}", f"!{on}")
    t.mark(up)
    t.line(f"sub.rn.{f} {spare}, {rest}, {step}")
    t.line(f"setp.ge.{f} {room}, {spare}, {step}")
    t.line(f"add.rn.{f} {step}, {step}, {step}", room)
    t.line(f"bra {up}", room)
    t.mark(down)
    t.line(f"setp.ge.{f} {goes}, {rest}, {step}")
    t.line(f"sub.rn.{f} {rest}, {rest}, {step}", goes)
    t.line(f"mul.rn.{f} {less}, {step}, {literal(HALF[size], dtype)}")
    t.line(f"setp.gt.{f} {more}, {step}, {least.name}")
    t.line(f"mov.b{size} {step}, {less}", more)
    t.line(f"bra {down}", more)
    t.mark(end)
    sign = t.pure(kind, f"and.b{size}", register(t, a, dtype), hexadecimal(1 << (size - 1)))
    return Reg(t.pure(kind, f"or.b{size}", rest, sign))


def hexadecimal(value: int) -> str:
    return f"0x{value:x}"


def float_bits(value: float, dtype: DType) -> int:
    """The code of a number in f32 or f64."""
    form, code = ("<f", "<I") if dtype.bits == 32 else ("<d", "<Q")
    found: int = struct.unpack(code, struct.pack(form, value))[0]
    return found
