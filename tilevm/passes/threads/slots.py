"""Slots of rings, compared: each is so many further round than a value, and a loop's back edge renames values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tilevm.ir import Block, Value
from tilevm.ir.ops import Constant, If
from tilevm.ir.rewrite import walk
from tilevm.ir.threads import Ring
from tilevm.types import Scalar, i32

Name = tuple[Value | None, int]  # the slot so many further round than a value; None: than slot 0
SLOT = Scalar(i32)
Names = frozenset[Name]  # all true of one slot; of none where nothing is known


def names_of(slot: Value | None, slots: int) -> Names:
    """What is known of a slot of a ring of ``slots``."""
    return frozenset() if slot is None else frozenset({name_of(slot, slots)})


def name_of(slot: Value, slots: int) -> Name:
    """How far round from where a slot is. What both sides of a branch yield alike is that, whichever is taken."""
    by = 0
    while isinstance(slot.owner, Ring) and slot.owner.slots == slots:
        by, slot = by + slot.owner.by, slot.owner.slot
    if isinstance(slot.owner, Constant):
        return None, (int(slot.owner.value) + by) % slots
    if isinstance(slot.owner, If):
        place = slot.owner.results.index(slot)
        yielded = {name_of(side.end.operands[place], slots) for side in slot.owner.regions}
        if len(yielded) == 1:
            ((base, further),) = yielded
            return base, (further + by) % slots
    return slot, by % slots


def apart(a: Names, b: Names, slots: int) -> bool:
    """Whether the slots certainly differ."""
    return any(base is other and (by - further) % slots for base, by in a for other, further in b)


def renamed(names: Names, slots: int, to: Sequence[Value], given: Sequence[Value], gone: frozenset[Value]) -> Names:
    """What is known of a slot once ``to`` stand for ``given`` and the values ``gone`` are those of another trip."""
    if not names:
        return names
    kept = {(base, by) for base, by in names if base not in gone}
    for value, before in zip(to, given, strict=True):
        if value.type == SLOT:
            origin, further = name_of(before, slots)
            kept |= {(value, (by - further) % slots) for base, by in names if base is origin}
    return frozenset(kept)


def inside(blocks: Iterable[Block]) -> frozenset[Value]:
    """The values that blocks, and those in them, are given or make."""
    found: set[Value] = set()
    for block in blocks:
        found.update(block.params)
        for op in walk(block):
            found.update(op.results, *(inner.params for inner in op.regions))
    return frozenset(found)
