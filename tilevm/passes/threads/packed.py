"""Lowering of accesses to packed tensors: whole words where elements fill them, else the bytes around each element."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from tilevm.ir import Value, ops, threads
from tilevm.passes.threads import by_byte
from tilevm.passes.threads.globals import Box, Groups, box_mask, element_offsets, inverse, power_in, vectors_of
from tilevm.passes.threads.lowering import Lowering, dtype_of, size
from tilevm.types import DType, i64, integer, u8, u32, u64

UNITS = (32, 16, 8)  # bits that are moved at once
LONGEST = 128  # bits of elements side by side


@dataclass(frozen=True)
class Words:
    """Vectors of elements that fill ``count`` units each."""

    groups: Groups
    unit: DType
    count: int


def load(low: Lowering, box: Box, other: Value | None) -> Value:
    """The elements of a box, those outside as ``other`` or 0."""
    words = whole(low, box)
    groups = words.groups if words else vectors_of(box.at, None, 1)
    mask = box_mask(low, box, groups)
    found = by_words(low, box, words, mask) if words else by_bytes(low, box, groups, mask)
    if other is not None and mask is not None:
        every = low.take(mask, [v for v in range(size(mask)) for _ in range(groups.width)])
        found = low.add(ops.Select, condition=every, a=found, b=low.splat(other, size(found)))
    return low.take(found, inverse(groups.order))


def store(low: Lowering, box: Box, value: Value, once: Value | None) -> None:
    """Write a box: whole words, or where elements may share bytes with others, their bits alone."""
    words = whole(low, box)
    if words is None:
        by_byte.store(low, box, value)
        return
    groups = words.groups
    mask = low.all(box_mask(low, box, groups), None if once is None else low.splat(once, len(groups.first)))
    held = low.add(ops.View, x=low.take(value, groups.order), to=words.unit)
    low.do(
        threads.GlobalStore,
        memory=box.tensor,
        value=held,
        offsets=unit_offsets(low, box, words),
        mask=repeated(low, mask, words),
        width=step(words),
        of=words.unit,
    )


# whole words --------------------------------------------------------------------------------------------------


def whole(low: Lowering, box: Box) -> Words | None:
    """The longest vectors of neighbours that begin and end where a unit does, in every thread; None where none do."""
    kind, fast = box.type, len(box.shape) - 1
    bits = kind.dtype.bits
    sure = power_in(LONGEST, low.facts.multiple(low.facts.linear(box.offsets[fast])))
    for dim in range(fast):  # a row begins so many elements after the one before
        if box.shape[dim] > 1 or low.facts.multiple(low.facts.linear(box.offsets[dim])):
            sure = power_in(sure, prod(kind.dims[d].multiple_of for d in range(dim + 1, len(kind.dims))))
    if not box.sure(fast):
        sure = power_in(sure, kind.dims[fast].multiple_of)
    if fast in box.at.exceeds(box.shape):
        sure = power_in(sure, box.shape[fast])
    for digit in box.at.digits[fast]:
        sure = power_in(sure, digit.weight)
    width = sure
    while width:
        unit = next((u for u in UNITS if width * bits % u == 0 and kind.align % (u // 8) == 0), None)
        if unit is not None and width * bits <= LONGEST:
            groups = vectors_of(box.at, fast, width)
            if groups.width == width:
                return Words(groups, integer(unit, signed=False), width * bits // unit)
        width //= 2
    return None


def step(words: Words) -> int:
    """How many units one access moves: a power of two."""
    return words.count & -words.count


def unit_offsets(low: Lowering, box: Box, words: Words) -> Value:
    """For each access the units from the beginning of the tensor: so many of a vector, for every vector before it."""
    elements = element_offsets(low, box, words.groups)
    of = dtype_of(elements)
    before = low.both(ops.Shr, elements, low.number(words.groups.width.bit_length() - 1, of))
    first = low.both(ops.Mul, before, low.number(words.count, of))
    parts = words.count // step(words)
    if parts == 1:
        return first
    further = low.numbers([part * step(words) for _ in words.groups.first for part in range(parts)], of)
    return low.both(ops.Add, low.take(first, [v for v in range(size(first)) for _ in range(parts)]), further)


def repeated(low: Lowering, mask: Value | None, words: Words) -> Value | None:
    """The mask of vectors as that of their accesses."""
    parts = words.count // step(words)
    return None if mask is None else low.take(mask, [v for v in range(size(mask)) for _ in range(parts)])


def by_words(low: Lowering, box: Box, words: Words, mask: Value | None) -> Value:
    found = low.add(
        threads.GlobalLoad,
        memory=box.tensor,
        offsets=unit_offsets(low, box, words),
        mask=repeated(low, mask, words),
        width=step(words),
        of=words.unit,
    )
    dtype = box.type.dtype
    return found if words.unit == dtype else low.add(ops.View, x=found, to=dtype)


# bytes --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bits:
    """Where elements lie: their first and last byte, i64, and how far up the first bit is in the first byte."""

    first: Value
    last: Value
    shift: Value


def bits_of(low: Lowering, box: Box, groups: Groups) -> Bits:
    bits = box.type.dtype.bits
    start = low.both(ops.Mul, low.cast(element_offsets(low, box, groups), i64), low.number(bits, i64))
    first, last = (
        low.both(ops.Shr, bit, low.number(3, i64))
        for bit in (start, low.both(ops.Add, start, low.number(bits - 1, i64)))
    )
    return Bits(first, last, low.cast(low.both(ops.And, start, low.number(7, i64)), carrier(bits)))


def carrier(bits: int) -> DType:
    """A word that holds an element wherever it begins in a byte; of 58 bits and more, all but the last byte."""
    return u32 if bits + 7 <= 32 else u64


def touched(bits: int) -> int:
    """The most bytes that an element lies in."""
    return (bits + 14) // 8


def by_bytes(low: Lowering, box: Box, groups: Groups, mask: Value | None) -> Value:
    """Each element out of the bytes that it touches, none of them beyond its last."""
    dtype, at = box.type.dtype, bits_of(low, box, groups)
    wide = carrier(dtype.bits)
    total: Value | None = None
    for number in range(touched(dtype.bits)):
        place = low.both(ops.Minimum, low.both(ops.Add, at.first, low.number(number, i64)), at.last)
        byte = low.add(threads.GlobalLoad, memory=box.tensor, offsets=place, mask=mask, of=u8)
        total = low.plus(total, placed(low, low.cast(byte, wide), number, at.shift, dtype.bits))
    assert total is not None
    code = low.cast(total, integer(dtype.bits, signed=False))
    return code if dtype_of(code) == dtype else low.add(ops.View, x=code, to=dtype)


def placed(low: Lowering, byte: Value, number: int, shift: Value, bits: int) -> Value:
    """Byte ``number`` of those around an element, its bits where the element has them, 0 where they are not of it.

    A byte that was read twice, as the element ends before it, is moved out of the element's bits.
    """
    wide = dtype_of(byte)
    if not number:
        return low.both(ops.Shr, byte, shift)
    up = low.both(ops.Sub, low.number(8 * number, wide), shift)
    moved = low.both(ops.Shl, byte, up)
    beyond = low.compare(ops.Ge, up, low.number(bits, wide))
    return low.add(ops.Select, condition=beyond, a=low.full(0, wide, size(moved)), b=moved)
