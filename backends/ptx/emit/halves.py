"""f16 and bf16 computed in f32: widened from words, and rounded back two at a time."""

from __future__ import annotations

from collections.abc import Sequence

from tilevm.types import DType, bf16, f16, f32, u32

from .elements import Element, Elements, Known, Part, Reg, operand, register
from .text import Text


def is_half(dtype: DType) -> bool:
    return dtype in (f16, bf16)


def widened(t: Text, x: Element, dtype: DType) -> Element:
    """A 16-bit float as f32; exact."""
    if dtype == bf16:
        return brain(t, x)
    if isinstance(x, Part):
        low, high = t.several(("h", "h"), "mov.b32", register(t, x.word, u32))
        return Reg(t.pure("r", "cvt.f32.f16", high if x.at else low))
    return Reg(t.pure("r", "cvt.f32.f16", register(t, x, f16)))


def brain(t: Text, x: Element) -> Element:
    """A bf16 as f32: its bits are the upper ones."""
    if isinstance(x, Known):
        return Known(x.value << 16)
    if isinstance(x, Part) and x.at:
        return Reg(t.pure("r", "and.b32", register(t, x.word, u32), "0xffff0000"))
    word = register(t, x.word, u32) if isinstance(x, Part) else register(t, x, bf16)
    return Reg(t.pure("r", "shl.b32", word, "16"))


def narrowed(t: Text, xs: Sequence[Element], dtype: DType, direction: str = "rn") -> Elements:
    """f32 numbers as 16-bit floats, in words of two."""
    found: list[Element] = []
    for i in range(0, len(xs), 2):
        low, high = xs[i], xs[i + 1] if i + 1 < len(xs) else Known(0)
        op = f"cvt.{direction}.{dtype}x2.f32"
        word = Reg(t.pure("r", op, operand(t, high, f32), operand(t, low, f32)))
        found += [Part(word, 0, 16), Part(word, 16, 16)][: len(xs) - i]
    return tuple(found)
