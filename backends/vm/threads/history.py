"""Who reached a cell of memory and when, and what each warp knows of the others: how races are found.

Two accesses of different warps to one cell, one of them a write, race unless the later warp has waited for the earlier
one since (as in FastTrack, Flanagan and Freund 2009).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

from tilevm.ir import Op

from ..rounding import Array

ALWAYS = np.iinfo(np.int32).max


class Access(Enum):
    """Ways to reach memory. Atomic changes do not race with each other."""

    READ = "read"
    WRITE = "write"
    ATOMIC = "atomic change"


CLASHES = {
    Access.READ: (Access.WRITE, Access.ATOMIC),
    Access.WRITE: (Access.WRITE, Access.READ, Access.ATOMIC),
    Access.ATOMIC: (Access.WRITE, Access.READ),
}


class Clocks:
    """Moments of a launch, one an instruction that reaches memory. ``seen[w, u]``: up to when warp w knows warp u.

    A barrier lets all know all; what lets a warp wait for some alone would set some entries.
    """

    def __init__(self, warps: int) -> None:
        self.warps, self.now = warps, 0
        self.seen = np.zeros((warps, warps), np.int32)
        self.first, self.ops = 1, list[Op]()

    def tick(self, op: Op) -> int:
        """The moment of an instruction that begins."""
        self.ops.append(op)
        self.now += 1
        return self.now

    def meet(self) -> None:
        """All warps wait for all."""
        self.seen[...] = self.now
        np.fill_diagonal(self.seen, ALWAYS)  # a warp is in order with itself

    @property
    def known(self) -> int:
        """Up to when every warp knows every other."""
        return int(self.seen.min())

    def begin(self) -> None:
        """Another block: what came before is nobody's business."""
        self.meet()
        self.ops.clear()
        self.first = self.now + 1

    def op(self, moment: int) -> Op:
        """The instruction of a moment of this block."""
        return self.ops[moment - self.first]


@dataclass(frozen=True)
class Clash:
    """An access that races: ``at``, its place among those asked about; who is the other, and what it did."""

    at: tuple[int, int]
    warp: int
    other_warp: int
    other: Access
    op: Op


class History:
    """For each cell of a memory, when each warp last reached it in each way.

    ``replicas``: several warps may write one value to a cell, as the caller sees that it is one. Then a warp may read
    what it wrote itself, whoever else wrote the same.
    """

    def __init__(self, cells: int, clocks: Clocks, replicas: bool = False) -> None:
        self.clocks, self.replicas = clocks, replicas
        self.last = {way: np.zeros((cells, clocks.warps), np.int32) for way in Access}
        self.latest = dict.fromkeys(Access, 0)  # of all cells

    def record(self, way: Access, cells: Array, warps: Array) -> None:
        """``warps`` (n,) reach ``cells`` (n, k) now."""
        self.last[way][cells, warps[:, None]] = self.latest[way] = self.clocks.now

    def clash(self, way: Access, cells: Array, warps: Array, differs: Array | None = None) -> Clash | None:
        """An access by another warp that is not in order with this one; None where all are.

        ``differs`` (n, k): where a write changes what is there; elsewhere it does not collide with other writes.
        """
        known = self.clocks.known
        for other in CLASHES[way]:
            if self.latest[other] <= known:
                continue
            late = self.last[other][cells] > self.clocks.seen[warps][:, None, :]
            if other is Access.WRITE and late.any():
                late &= self.matters(way, cells, warps, differs)
            if late.any():
                n, k, warp = (int(i) for i in np.argwhere(late)[0])
                op = self.clocks.op(int(self.last[other][cells[n, k], warp]))
                return Clash((n, k), int(warps[n]), warp, other, op)
        return None

    def matters(self, way: Access, cells: Array, warps: Array, differs: Array | None) -> Array:
        """Where a write by another warp could have changed what this one sees or leaves; (n, k, warps) or alike."""
        if way is Access.WRITE and differs is not None:
            return differs[:, :, None]
        if way is Access.READ and self.replicas:
            own = self.last[Access.WRITE][cells, warps[:, None]]
            return np.asarray(own[:, :, None] <= self.clocks.seen[warps][:, None, :])
        return np.ones((1, 1, 1), bool)
