"""One register of a register array, as the emitter knows it.

An element is a constant, a register and a constant added to it, or some bits of a 32-bit word. So constants fold,
offsets travel to the addresses that they end in, and what is loaded and stored as words is never taken apart.

Numbers of up to 32 bits live in 32-bit registers: integers with their sign or zeros above them, floats as their code;
wider ones in 64-bit registers, bools in predicates. A constant float is its code, a constant bool 0 or 1.
"""

from __future__ import annotations

from dataclasses import dataclass

from tilevm.types import DType, Kind, bool_, u32

from .text import Text


@dataclass(frozen=True)
class Known:
    """A number known now."""

    value: int


@dataclass(frozen=True)
class Reg:
    """A register, plus a constant that wraps as the register does."""

    name: str
    plus: int = 0


Whole = Known | Reg


@dataclass(frozen=True)
class Part:
    """``bits`` bits of a word, from bit ``at`` on."""

    word: Whole
    at: int
    bits: int


Element = Known | Reg | Part
Elements = tuple[Element, ...]


def kind_of(dtype: DType) -> str:
    """The letter of the registers that hold a number."""
    return "p" if dtype.is_bool else "rd" if dtype.bits > 32 else "r"


def size_of(dtype: DType) -> int:
    """Bits of the register that holds a number: 32 or 64."""
    return 64 if dtype.bits > 32 else 32


def wrapped(dtype: DType, value: int) -> int:
    """An integer cut to the bits of a type; of other types, its code."""
    value &= (1 << dtype.bits) - 1
    signed = dtype.kind is Kind.SIGNED
    return value - (1 << dtype.bits) if signed and value >> (dtype.bits - 1) else value


def centred(bits: int, value: int) -> int:
    """A number of so many bits, read with a sign."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def literal(value: int, dtype: DType) -> str:
    """A constant as text: of f32 and f64 the bits, of others the integer."""
    if dtype.is_float and dtype.bits == 32:
        return f"0f{value:08X}"
    if dtype.is_float and dtype.bits == 64:
        return f"0d{value:016X}"
    return str(value)


def register(t: Text, x: Element, dtype: DType) -> str:
    """The name of a register that holds ``x`` as a number of ``dtype``."""
    if isinstance(x, Known):
        return t.pure(kind_of(dtype), "mov.pred" if dtype.is_bool else f"mov.b{size_of(dtype)}", raw(x.value, dtype))
    if isinstance(x, Part):
        return extracted(t, x, dtype)
    if x.plus:
        size = size_of(dtype)
        return t.pure(kind_of(dtype), f"add.s{size}", x.name, str(centred(size, x.plus)))
    return x.name


def raw(value: int, dtype: DType) -> str:
    """A constant as bits: floats in hexadecimal, integers plainly."""
    return f"0x{value:x}" if dtype.is_float and value > 9 else str(value)


def operand(t: Text, x: Element, dtype: DType) -> str:
    """``x`` where a register or a constant may stand, of an instruction on ``dtype``."""
    return literal(x.value, dtype) if isinstance(x, Known) else register(t, x, dtype)


def bits(t: Text, x: Element, dtype: DType) -> str:
    """``x`` where a register or a constant may stand, of an instruction on bits."""
    return raw(x.value, dtype) if isinstance(x, Known) else register(t, x, dtype)


def extracted(t: Text, x: Part, dtype: DType) -> str:
    """The register with a part of a word alone."""
    word = register(t, x.word, u32)
    if x.bits == 32:
        return word
    if dtype.kind is Kind.SIGNED:
        return t.pure("r", "bfe.s32", word, str(x.at), str(x.bits))
    if x.at == 0:
        return t.pure("r", "and.b32", word, str((1 << x.bits) - 1))
    if x.at + x.bits == 32:
        return t.pure("r", "shr.u32", word, str(x.at))
    return t.pure("r", "bfe.u32", word, str(x.at), str(x.bits))


def condition(t: Text, x: Element, yes: bool = True) -> str:
    """A predicate as a guard, or its opposite."""
    name = register(t, x, bool_)
    return name if yes else f"!{name}"
