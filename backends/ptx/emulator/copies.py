"""Asynchronous copies under way: they land when the thread that began them waits for their group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .kinds import Array
from .records import Instruction


@dataclass(frozen=True)
class Copy:
    """One ``cp.async`` of some threads: what goes where, and the group of each thread that it belongs to."""

    at: Instruction
    threads: Array
    places: Array
    data: Array
    known: Array
    group: Array

    def part(self, chosen: Array) -> Copy:
        """The copies of some of its threads."""
        own = (self.threads, self.places, self.data, self.known, self.group)
        return Copy(self.at, *(array[chosen] for array in own))


class Copies:
    """Copies under way, and how many groups each thread has closed."""

    def __init__(self, threads: int) -> None:
        self.closed = np.zeros(threads, np.int64)
        self.flying: list[Copy] = []

    def begin(self, at: Instruction, threads: Array, places: Array, data: Array, known: Array) -> None:
        """Copies join the open group of their threads. ``places`` and ``data`` are (threads, bytes)."""
        self.flying.append(Copy(at, threads, places, data, known, self.closed[threads]))

    def commit(self, threads: Array) -> None:
        """These threads close their group."""
        self.closed[threads] += 1

    def landed(self, threads: Array, pending: int | None) -> list[Copy]:
        """Copies that these threads have waited for, leaving the last ``pending`` closed groups; all if None."""
        waiting = np.zeros(self.closed.shape, bool)
        waiting[threads] = True
        done, left = [], []
        for copy in self.flying:
            ready = waiting[copy.threads]
            if pending is not None:
                ready = ready & (copy.group < self.closed[copy.threads] - pending)
            if ready.any():
                done.append(copy if ready.all() else copy.part(ready))
            if not ready.all():
                left.append(copy if not ready.any() else copy.part(~ready))
        self.flying = left
        return done
