"""Vectors that threads reach memory by: which of them are live, whose they are, and what is said when they collide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tilevm.ir import Op, Value

from ..rounding import Array
from ..values import UNSIGNED, Held, Poison
from .block import ThreadBlock
from .hazards import Hazard
from .history import Access, Clash

DOES = {Access.READ: "reads", Access.WRITE: "writes", Access.ATOMIC: "changes"}
FAR = 1 << 56  # beyond all memory, and no product with the bytes of a vector wraps
DID = {Access.READ: "read", Access.WRITE: "wrote", Access.ATOMIC: "changed"}


@dataclass(frozen=True)
class Vectors:
    """The live vectors of an instruction, n of them.

    ``live`` (threads, vectors) says which these are; ``index`` (n, width) their elements, counted as the memory does;
    ``cells`` (n, cells of a vector) where their history is kept; ``threads`` (n,) who asks.
    """

    live: Array
    index: Array
    cells: Array
    threads: Array

    @property
    def width(self) -> int:
        return int(self.index.shape[1])

    def of(self, data: Array) -> Array:
        """Registers (threads, vectors * width) as live vectors (n, width)."""
        return np.asarray(data.reshape(*self.live.shape, self.width)[self.live])

    def registers(self, data: Array, outside: Array) -> Array:
        """Vectors (n, width) as registers of each thread; ``outside`` (threads,) or one number in those not live."""
        threads, count = self.live.shape
        if self.live.all():
            return data.reshape(threads, -1)
        rest = np.broadcast_to(outside, (threads,))[:, None, None]
        out = np.broadcast_to(rest, (threads, count, self.width)).astype(data.dtype)
        out[self.live] = data
        return out.reshape(threads, -1)

    def held(self, data: Array, poison: Array | None, outside: Array, buffer: Op | None = None) -> Held:
        """The same with poison (n, width) that comes from a buffer."""
        out = self.registers(data, outside)
        if poison is None or not poison.any():
            return Held(out)
        return Held(out, Poison(self.registers(poison, np.zeros((), bool)), buffer.span if buffer else None))


def live_of(op: Op, b: ThreadBlock, mask: Value | None, count: int) -> Array:
    """Where vectors are reached, (threads, vectors)."""
    return np.ones((b.threads, count), bool) if mask is None else b.array(mask, op, "the mask")


def offsets_of(op: Op, b: ThreadBlock, value: Value, live: Array) -> Array:
    """Offsets as i64, of which those of live vectors must have been written; others are passed over."""
    held = b.held(value)
    if held.poison is not None and (bad := held.poison.where & live).any():
        b.poisoned(op, held.poison, bad, "an offset")
    return np.clip(held.data.astype(np.int64), -FAR, FAR)


def written(op: Op, b: ThreadBlock, held: Held, vectors: Vectors) -> None:
    """Reports poison among what goes to global memory."""
    if held.poison is not None and (bad := vectors.of(held.poison.where)).any():
        where = np.zeros(b.threads, bool)
        where[vectors.threads[bad.any(axis=1)]] = True
        b.poisoned(op, held.poison, where, "the value")


def refuse(op: Op, b: ThreadBlock, live: Array, wrong: Array, kind: Hazard, say: Sequence[str], first: Array) -> Array:
    """``live`` without those that are ``wrong``, which are reported: ``say`` stands around their first element."""
    bad = live & wrong
    if not bad.any():
        return live
    at = tuple(np.argwhere(bad)[0])
    b.report(kind, f"{op.name}: {b.who(int(at[0]))} reaches {say[0]}{first[at]}{say[1]}", op)
    return live & ~bad


def race(op: Op, b: ThreadBlock, way: Access, clash: Clash, place: str) -> None:
    """Reports two warps that reach one place, not in order."""
    if clash.op is op and clash.other is way:
        first, last = sorted((clash.warp, clash.other_warp))
        message = f"{op.name}: warps {first} and {last} {DOES[way][:-1]} {place} at once"
        b.report(Hazard.RACE, message, op)
        return
    told = f"warp {clash.other_warp} {DID[clash.other]} it here"
    message = (
        f"{op.name}: warp {clash.warp} {DOES[way]} {place}, which warp {clash.other_warp} {DID[clash.other]}, "
        "and no barrier stands between"
    )
    b.report(Hazard.RACE, message, op, other=(told, clash.op))


def bits(data: Array) -> Array:
    """Elements as their codes, so that equal means of equal bits."""
    return np.ascontiguousarray(data).view(UNSIGNED[data.dtype.itemsize])


def twice(op: Op, b: ThreadBlock, vectors: Vectors, lost: Array, place: str) -> None:
    """Reports an element (first of ``lost``, (n, width)) to which another thread gave another value at once."""
    n, k = (int(i) for i in np.argwhere(lost)[0])
    same = np.argwhere(vectors.index == vectors.index[n, k])[:, 0]
    last = int(vectors.threads[same[-1]])
    first = int(vectors.threads[n])
    message = f"{op.name}: threads {first} and {last} write different values to {place} at once"
    b.report(Hazard.RACE, message, op, help="let one thread alone write it, or all the same value")
