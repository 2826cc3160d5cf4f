"""Random numbers that a counter and a key decide: Philox4x32-10, as the IR's ``philox`` describes it."""

from __future__ import annotations

from collections.abc import Sequence

from tilevm.ir import ops
from tilevm.types import DType, u32, u64
from tilevm.types.philox import FACTORS, ROUNDS, WEYL

from .casts import registers_of
from .elements import Element, Elements, Known, Reg, operand
from .elementwise import select
from .integers import add, bitwise, compare
from .state import State, dtype_of, spell
from .text import Text
from .words import halves

xor, both = bitwise("xor", int.__xor__, None, 0), bitwise("and", int.__and__, 0, -1)


@spell.rule(ops.Philox)
def _(op: ops.Philox, s: State) -> Sequence[Elements]:
    key = wide(s.t, s.number(op.seed), dtype_of(op.seed))
    kind = dtype_of(op.index)
    return [tuple(word(s.t, key, wide(s.t, x, kind)) for x in s.values[op.index])]


def wide(t: Text, x: Element, dtype: DType) -> tuple[Element, Element]:
    """An integer as 64 bits, in two words; the sign is extended."""
    if isinstance(x, Known):
        return Known(x.value & 0xFFFFFFFF), Known(x.value >> 32 & 0xFFFFFFFF)
    return halves(t, registers_of(t, x, dtype, 64), u64)


def word(t: Text, key: tuple[Element, Element], index: tuple[Element, Element]) -> Element:
    """One word of the stream."""
    low, high = (operand(t, x, u32) for x in index)
    number = Reg(t.pure("r", "shf.r.wrap.b32", low, high, "2")), Reg(t.pure("r", "shr.u32", high, "2"))
    found = rounds(t, [*number, Known(0), Known(0)], key)
    one, two = (compare(t, u32, "ne", both(t, u32, index[0], Known(bit)), Known(0)) for bit in (1, 2))
    pairs = [select(t, u32, one, found[i + 1], found[i]) for i in (0, 2)]
    return select(t, u32, two, pairs[1], pairs[0])


def rounds(t: Text, counter: list[Element], key: tuple[Element, Element]) -> list[Element]:
    """The block of four words at a counter."""
    a, b, c, d = counter
    for n in range(ROUNDS):
        first, second = (add(t, u32, k, Known(n * w & 0xFFFFFFFF)) for k, w in zip(key, WEYL, strict=True))
        (x_low, x_high), (y_low, y_high) = (product(t, v, int(f)) for v, f in zip((a, c), FACTORS, strict=True))
        a, c = xor(t, u32, xor(t, u32, y_high, b), first), xor(t, u32, xor(t, u32, x_high, d), second)
        b, d = y_low, x_low
    return [a, b, c, d]


def product(t: Text, x: Element, factor: int) -> tuple[Element, Element]:
    """Both words of a product."""
    if isinstance(x, Known):
        whole_product = x.value * factor
        return Known(whole_product & 0xFFFFFFFF), Known(whole_product >> 32)
    return halves(t, Reg(t.pure("rd", "mul.wide.u32", operand(t, x, u32), str(factor))), u64)
