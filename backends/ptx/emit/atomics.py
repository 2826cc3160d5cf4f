"""Changes of global memory with nothing in between: the machine's own, or compare-and-swap in a loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tilevm.ir import threads
from tilevm.types import DType, Kind, f16, f32, f64, u64

from .access import Place, bracket
from .elements import Element, Elements, Known, Reg, kind_of, register, size_of
from .elementwise import FLOATS, INTEGERS
from .halves import is_half, narrowed, widened
from .memory import global_places, unit_of
from .state import State, spell
from .text import Text

Change = Callable[[Text, DType, Element, Element], Element]
BITWISE = ("and", "or", "xor")
ADDED = {f16: "add.noftz.f16", f32: "add.f32", f64: "add.f64"}
CHANGES = {"add": "add", "max": "maximum", "min": "minimum", "and": "and", "or": "or", "xor": "xor"}
EXCHANGED = 64, 32  # bits that the machine exchanges


def own(dtype: DType, change: str) -> str | None:
    """The machine's name of a change; None where it has none."""
    if change == "exchange":
        return f"exch.b{dtype.bits}" if dtype.bits in EXCHANGED else None
    if dtype.is_float:
        return ADDED.get(dtype) if change == "add" else None
    if dtype.bits not in (32, 64):
        return None
    if change in BITWISE:
        return f"{change}.b{dtype.bits}"
    letter = "s" if dtype.kind is Kind.SIGNED and (change != "add" or dtype.bits == 32) else "u"
    return f"{change}.{letter}{dtype.bits}"


@spell.rule(threads.GlobalAtomic)
def _(op: threads.GlobalAtomic, s: State) -> Sequence[Elements]:
    unit, used = unit_of(op.memory, op.of), s.uses.get(op.result, 0) > 0
    places = global_places(s, op.memory, op.offsets, op.mask, unit)
    named = own(unit, op.change)
    found: list[Element] = []
    for place, x in zip(places, s.values[op.value], strict=True):
        if place.never:
            found.append(Known(0))
        elif named is None:
            found.append(looped(s.t, place, unit, op.change, x))
        else:
            found.append(direct(s.t, place, unit, named, x, used or op.change == "exchange"))
    return [tuple(found)]


def direct(t: Text, place: Place, dtype: DType, name: str, x: Element, used: bool) -> Element:
    """One instruction, without a result where nobody asks for it."""
    short = dtype.bits == 16
    value = t.pure("h", "cvt.u16.u32", register(t, x, dtype)) if short else register(t, x, dtype)
    guard = place.guard(t)
    if not used:
        t.line(f"red.global.{name} {place.at()}, {value}", guard)
        return Known(0)
    kind = "h" if short else kind_of(dtype)
    old = t.fresh(kind)
    if guard:
        t.line(f"mov.b{dtype.bits} {old}, 0")
    t.line(f"atom.global.{name} {old}, {place.at()}, {value}", guard)
    return Reg(t.pure("r", "cvt.u32.u16", old)) if short else Reg(old)


@dataclass(frozen=True)
class Cell:
    """What is exchanged to change an element: itself, or the word of 32 bits that holds a byte.

    ``kind`` and ``size`` are those of its register; ``shift`` holds the bit where a byte begins.
    """

    address: Reg
    kind: str
    size: int
    shift: str | None = None

    @classmethod
    def of(cls, t: Text, place: Place, dtype: DType) -> Cell:
        if dtype.bits != 8:
            return cls(place.address, "h" if dtype.bits == 16 else kind_of(dtype), dtype.bits)
        whole = register(t, place.address, u64)
        low = t.pure("r", "and.b32", t.pure("r", "cvt.u32.u64", whole), "3")
        return cls(Reg(t.pure("rd", "and.b64", whole, "-4")), "r", 32, t.pure("r", "shl.b32", low, "3"))

    def taken(self, t: Text, word: str, dtype: DType) -> Element:
        """The element in what was read."""
        letter = "s" if dtype.kind is Kind.SIGNED else "u"
        if self.shift is not None:
            return Reg(t.pure("r", f"bfe.{letter}32", word, self.shift, "8"))
        return Reg(t.pure("r", f"cvt.{letter}32.{letter}16", word)) if self.size == 16 else Reg(word)

    def put(self, t: Text, word: str, x: Element, dtype: DType) -> str:
        """The same with another element in it."""
        name = register(t, x, dtype)
        if self.shift is not None:
            return t.pure("r", "bfi.b32", name, word, self.shift, "8")
        return t.pure("h", "cvt.u16.u32", name) if self.size == 16 else name


def looped(t: Text, place: Place, dtype: DType, change: str, x: Element) -> Element:
    """Read, change, and exchange if it is still what was read; again until it is."""

    def next_of(old: Element) -> Element:
        return x if change == "exchange" else changed(t, dtype, CHANGES[change], old, x)

    return exchanging(t, place, dtype, lambda old: (next_of(old), None))


def changed(t: Text, dtype: DType, name: str, old: Element, x: Element) -> Element:
    """The new element."""
    if is_half(dtype):
        (found,) = narrowed(t, [FLOATS[name](t, f32, widened(t, old, dtype), widened(t, x, dtype))], dtype)
        return found
    return (FLOATS if dtype.is_float else INTEGERS)[name](t, dtype, old, x)


def exchanging(
    t: Text, place: Place, dtype: DType, attempt: Callable[[Element], tuple[Element, str | None]]
) -> Element:
    """The loop around an exchange. ``attempt`` gives the new element, and a predicate where there may be none."""
    result, more = t.fresh(kind_of(dtype)), t.fresh("p")
    loop, end = t.label("change"), t.label("changed")
    t.line(f"mov.b{size_of(dtype)} {result}, 0")
    if guard := place.guard(t):
        t.line(f"bra {end}", f"!{guard}")
    with t.scope():
        cell = Cell.of(t, place, dtype)
        seen, word, size = t.fresh(cell.kind), t.fresh(cell.kind), cell.size
        t.line(f"ld.relaxed.gpu.global.b{size} {word}, {bracket(cell.address)}")
        t.mark(loop)
        with t.scope():
            old = cell.taken(t, word, dtype)
            new, goes = attempt(old)
            t.line(f"mov.b{size_of(dtype)} {result}, {register(t, old, dtype)}")
            if goes is not None:
                t.line(f"bra {end}", f"!{goes}")
            value = cell.put(t, word, new, dtype)
            t.line(f"atom.global.cas.b{size} {seen}, {bracket(cell.address)}, {word}, {value}")
            t.line(f"setp.ne.b{size} {more}, {seen}, {word}")
            t.line(f"mov.b{size} {word}, {seen}")
            t.line(f"bra {loop}", more)
    t.mark(end)
    return Reg(result)


@spell.rule(threads.GlobalAtomicCas)
def _(op: threads.GlobalAtomicCas, s: State) -> Sequence[Elements]:
    unit = unit_of(op.memory, None)
    places = global_places(s, op.memory, op.offsets, op.mask, unit)
    ends = zip(places, s.values[op.compare], s.values[op.value], strict=True)
    return [tuple(swapped(s.t, place, unit, wanted, value) for place, wanted, value in ends)]


def swapped(t: Text, place: Place, dtype: DType, wanted: Element, value: Element) -> Element:
    """An exchange where the bits are the wanted ones."""
    if place.never:
        return Known(0)
    if dtype.bits >= 32:
        old, guard = t.fresh(kind_of(dtype)), place.guard(t)
        if guard:
            t.line(f"mov.b{dtype.bits} {old}, 0")
        given = f"{register(t, wanted, dtype)}, {register(t, value, dtype)}"
        t.line(f"atom.global.cas.b{dtype.bits} {old}, {place.at()}, {given}", guard)
        return Reg(old)

    def attempt(old: Element) -> tuple[Element, str]:
        return value, t.pure("p", "setp.eq.s32", register(t, old, dtype), register(t, wanted, dtype))

    return exchanging(t, place, dtype, attempt)
