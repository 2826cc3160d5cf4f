"""f16 and bf16: two at a time in a word where the machine can, else computed in f32, from words and back to them."""

from __future__ import annotations

from collections.abc import Sequence

from tilevm.types import DType, bf16, f16, f32, u32

from .elements import Element, Elements, Known, Part, Reg, operand, register
from .text import Text
from .words import unpacked, words

ONES, MINUS_ONES, MINUS_ZEROS = "0x3f803f80", "0xbf80bf80", "0x80008000"  # pairs of bf16
SIGNS, MAGNITUDES = "0x80008000", "0x7fff7fff"
PAIRED: dict[str, str] = {  # instructions on words; bf16 adds and multiplies by fma alone
    **{f"{name} f16": f"{name}.rn.f16x2 {{0}}, {{1}}" for name in ("add", "sub", "mul")},
    "add bf16": f"fma.rn.bf16x2 {{0}}, {ONES}, {{1}}",
    "sub bf16": f"fma.rn.bf16x2 {{1}}, {MINUS_ONES}, {{0}}",
    "mul bf16": f"fma.rn.bf16x2 {{0}}, {{1}}, {MINUS_ZEROS}",
    **{f"minimum {kind}": f"min.{kind}x2 {{0}}, {{1}}" for kind in ("f16", "bf16")},
    **{f"maximum {kind}": f"max.{kind}x2 {{0}}, {{1}}" for kind in ("f16", "bf16")},
    **{f"neg {kind}": f"xor.b32 {{0}}, {SIGNS}" for kind in ("f16", "bf16")},
    **{f"abs {kind}": f"and.b32 {{0}}, {MAGNITUDES}" for kind in ("f16", "bf16")},
}


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


def in_pairs(t: Text, form: str, dtype: DType, given: Sequence[Elements]) -> Elements:
    """A function of ``PAIRED``, a word of two at a time."""
    op, _, places = form.partition(" ")
    found = []
    for held in zip(*(words(t, xs, dtype) for xs in given), strict=True):
        operands = places.format(*(register(t, x, u32) for x in held)).split(", ")
        if not op.endswith(".b32"):  # arithmetic takes no constant pairs
            operands = [o if o.startswith("%") else t.pure("r", "mov.b32", o) for o in operands]
        found.append(Reg(t.pure("r", op, *operands)))
    return unpacked(t, found, dtype, len(given[0]))
