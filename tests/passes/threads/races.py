"""Races found by running: no analysis, only ways, numbers of slots, and which barriers were passed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.passes.threads.paths import MOST, Way, ways
from tilevm.ir import Func, Op, Value
from tilevm.ir.threads import (
    AsyncCommit,
    AsyncCopy,
    AsyncWait,
    Barrier,
    MatrixLoad,
    SharedBuffer,
    SharedLoad,
    SharedStore,
)

TRIPS = (0, 1, 3, 4, 5)  # a ring of three slots comes round to itself
Names = dict[Value, object]


@dataclass
class Touch:
    """One access of a run: bytes from ``start`` on, and what tells a thread's own places."""

    op: Op
    buffer: Value
    bytes: range
    own: tuple[object, int] | None
    writes: bool


def races(func: Func, most: int = MOST) -> Iterator[tuple[Op, Op]]:
    """Pairs of accesses of one place with no barrier between them, on at most ``most`` ways."""
    for way in ways(func, TRIPS, most):
        yield from races_of(way)


def races_of(way: Way) -> Iterator[tuple[Op, Op]]:
    since: list[Touch] = []
    begun: list[Touch] = []
    groups: list[list[Touch]] = []
    for op, names in way.met:
        if isinstance(op, Barrier):
            since = []
        elif isinstance(op, AsyncCommit):
            groups.append(begun)
            begun = []
        elif isinstance(op, AsyncWait):
            landed = groups[: max(0, len(groups) - op.pending)]
            groups = groups[len(landed) :]
            since += [touch for group in landed for touch in group]
        elif (touch := touch_of(op, names)) is not None:
            yield from ((old.op, op) for old in since if meet(old, touch))
            (begun if isinstance(op, AsyncCopy) else since).append(touch)


def touch_of(op: Op, names: Names) -> Touch | None:
    if not isinstance(op, SharedLoad | SharedStore | MatrixLoad | AsyncCopy):
        return None
    made = op.buffer.owner
    assert isinstance(made, SharedBuffer)
    size, at = made.count * made.of.bits // 8, made.at or 0
    slot = names.get(op.slot) if op.slot else None
    start, count = (at + slot * size, 1) if isinstance(slot, int) else (at, made.slots)
    own = None
    if isinstance(op, AsyncCopy | SharedLoad | SharedStore):
        offsets = op.to if isinstance(op, AsyncCopy) else op.offsets
        masked = isinstance(op, SharedStore) and op.mask is not None
        own = None if masked else (names.get(offsets, offsets), op.width)
    return Touch(op, op.buffer, range(start, start + count * size), own, not isinstance(op, SharedLoad | MatrixLoad))


def meet(old: Touch, new: Touch) -> bool:
    """Whether two threads may be at one place at once, one of them writing."""
    placed = all(isinstance(t.buffer.owner, SharedBuffer) and t.buffer.owner.at is not None for t in (old, new))
    if not (old.writes or new.writes) or not (placed or old.buffer is new.buffer):
        return False
    if old.bytes.start >= new.bytes.stop or new.bytes.start >= old.bytes.stop:
        return False
    same = old.buffer is new.buffer and old.bytes == new.bytes and old.own is not None and old.own == new.own
    return not (same and old.writes and not new.writes)
