"""Vectors between memory and registers: how wide the instructions are, and what the elements become in memory.

In memory an element takes whole bytes: integers of few bits have their sign above them, bools are 0 or 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tilevm.types import DType, Kind, bool_, integer, u8

from .elements import Element, Elements, Known, Part, Reg, Whole, bits, condition, register
from .integers import chosen, compare, cut
from .text import Text
from .words import part, unpacked, words

MOST = 128  # bits that one instruction moves


@dataclass(frozen=True)
class Place:
    """Where a vector lies: a state space, and the address as a register and bytes to add; and whether to go there."""

    space: str
    address: Reg
    mask: Element | None = None

    @property
    def never(self) -> bool:
        return isinstance(self.mask, Known) and not self.mask.value

    def guard(self, t: Text) -> str:
        """The predicate that an access stands under; nothing where it always happens."""
        return "" if self.mask is None or isinstance(self.mask, Known) else condition(t, self.mask)

    def at(self, beyond: int = 0) -> str:
        """The address in brackets, some bytes further on."""
        return bracket(self.address, beyond)


def bracket(address: Reg, beyond: int = 0) -> str:
    plus = address.plus + beyond
    return f"[{address.name}{f'+{plus}' if plus else ''}]"


def stored_as(dtype: DType) -> DType:
    """The type whose numbers fill the bytes that an element takes."""
    size = 8 * dtype.numpy_bytes
    if dtype.bits == size:
        return dtype
    return u8 if dtype.is_bool else integer(size, signed=dtype.kind is Kind.SIGNED)


def load(t: Text, place: Place, dtype: DType, width: int, other: Element) -> Elements:
    """``width`` elements; ``other`` where the mask is false."""
    if place.never:
        return (other,) * width
    held = stored_as(dtype)
    instead = tuple(into_memory(t, dtype, [other] * width)) if place.guard(t) else ()
    total = held.bits * width
    if total < 32:
        return small(t, place, dtype, width, instead)
    if held.bits == 64:
        wide = [x for piece in pieces(t, place, "rd", 64, width, instead) for x in piece]
        return tuple(cut(t, x, dtype) if dtype.is_integer else x for x in wide)
    found = pieces(t, place, "r", 32, total // 32, words(t, instead, held))
    return from_words(t, [x for piece in found for x in piece], dtype, held, width)


def pieces(
    t: Text, place: Place, kind: str, size: int, count: int, instead: Sequence[Element]
) -> Iterator[tuple[Reg, ...]]:
    """Registers of ``size`` bits, as many to an instruction as it takes."""
    each, guard = min(count, MOST // size), place.guard(t)
    for first in range(0, count, each):
        names = [t.fresh(kind) for _ in range(each)]
        for name, x in zip(names, instead[first : first + each], strict=bool(instead)):
            t.line(f"mov.b{size} {name}, {bits(t, x, integer(size, signed=False))}")
        vector, target = (f".v{each}", f"{{{', '.join(names)}}}") if each > 1 else ("", names[0])
        t.line(f"ld.{place.space}{vector}.b{size} {target}, {place.at(first * size // 8)}", guard)
        yield tuple(map(Reg, names))


def small(t: Text, place: Place, dtype: DType, width: int, instead: Elements) -> Elements:
    """One or two bytes."""
    held = stored_as(dtype)
    name, guard = t.fresh("r"), place.guard(t)
    extended = width == 1 and held.kind is Kind.SIGNED
    if instead:
        first = register(t, instead[0], held) if width == 1 else bits(t, words(t, instead, held)[0], held)
        t.line(f"mov.b32 {name}, {first}")
    t.line(f"ld.{place.space}.{'s' if extended else 'u'}{held.bits * width} {name}, {place.at()}", guard)
    if width == 1 and dtype.bits == held.bits:
        return (Reg(name),)
    return from_words(t, [Reg(name)], dtype, held, width)


def from_words(t: Text, given: Sequence[Whole], dtype: DType, held: DType, width: int) -> Elements:
    """Elements out of the words of memory."""
    if dtype.bits == held.bits:
        return unpacked(t, given, dtype, width)
    each = 32 // held.bits
    places = [(given[i // each], i % each * held.bits) for i in range(width)]
    if dtype.is_bool:
        return tuple(compare(t, u8, "ne", part(u8, word, at), Known(0)) for word, at in places)
    return tuple(part(dtype, word, at) for word, at in places)


def into_memory(t: Text, dtype: DType, xs: Sequence[Element]) -> Iterator[Element]:
    """Elements as those of ``stored_as``."""
    for x in xs:
        if dtype.is_bool:
            yield x if isinstance(x, Known) else chosen(t, u8, register(t, x, bool_), Known(1), Known(0))
        elif isinstance(x, Part) and dtype.bits != stored_as(dtype).bits:
            yield Reg(register(t, x, dtype))
        else:
            yield x


def store(t: Text, place: Place, dtype: DType, xs: Sequence[Element]) -> None:
    """Elements to memory, where the mask is true."""
    if place.never:
        return
    held, guard = stored_as(dtype), place.guard(t)
    given, total = list(into_memory(t, dtype, xs)), held.bits * len(xs)
    if total < 32:
        word = given[0] if len(xs) == 1 else words(t, given, held)[0]
        t.line(f"st.{place.space}.b{total} {place.at()}, {bits(t, word, held)}", guard)
        return
    size, source = (64, held) if held.bits == 64 else (32, integer(32, signed=False))
    moved: Sequence[Element] = given if held.bits == 64 else words(t, given, held)
    each = min(len(moved), MOST // size)
    for first in range(0, len(moved), each):
        names = [bits(t, x, source) for x in moved[first : first + each]]
        vector, value = (f".v{each}", f"{{{', '.join(names)}}}") if each > 1 else ("", names[0])
        t.line(f"st.{place.space}{vector}.b{size} {place.at(first * size // 8)}, {value}", guard)
