"""Barriers of a block: who has come, who waits, and what happens when all are there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from .kinds import Array
from .records import Instruction

LANES = 32


class Block(Protocol):
    """What a barrier asks of the machine that it is in."""

    alive: Array
    warp: Array
    threads: int
    parked: dict[int, Array]
    barriers: dict[int, Barrier]


@dataclass
class Barrier:
    """Barrier ``number``, which ``count`` threads must reach; all of the block that still run if it is None.

    ``waits`` are the threads that go on when it opens, by ``next``, the place where; ``arrived`` has also those that
    only announced themselves. ``votes`` are the predicates they brought,
    ``learnt`` is what all of them knew (see ``clocks``).
    """

    number: int
    count: int | None
    at: Instruction
    arrived: Array
    waits: Array
    votes: Array
    learnt: Array
    next: dict[int, Array] = field(default_factory=dict)
    resumes: list[Callable[[Any, Barrier], None]] = field(default_factory=list)

    def complete(self, block: Block) -> bool:
        """Whether all have come. Lanes that a last warp lacks count as come with it."""
        if self.count is None:
            return bool((self.arrived | ~block.alive).all())
        present = np.unique(block.warp[self.arrived])
        whole = np.isin(block.warp, present) & ~block.alive
        return int((self.arrived | whole).sum()) >= self.count


def missing_threads(block: Block, at: Instruction) -> str:
    """Who keeps the others waiting, in words."""
    barriers = [b for b in block.barriers.values() if b.waits.any()]
    if not barriers:
        lanes = np.flatnonzero(np.logical_or.reduce(list(block.parked.values())))
        return f"{len(lanes)} threads wait at {at.text} for lanes of their warp that never come"
    barrier = barriers[0]
    came = int(barrier.arrived.sum())
    wanted = barrier.count or int(block.alive.sum())
    gone = block.threads - int(block.alive.sum())
    ended = f"; {gone} threads have ended" if gone else ""
    return f"barrier {barrier.number} waits for {wanted} threads, {came} have come{ended}"
