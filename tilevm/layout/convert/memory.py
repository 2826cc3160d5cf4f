"""What a round trip must know of a shared memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Service:
    """How accesses of ``size`` bytes a lane are served: ``line`` bytes in one pass, all banks together, to the lanes
    that ``lanes`` span by ^, and likewise to each coset of them."""

    size: int
    line: int
    lanes: tuple[int, ...]


@dataclass(frozen=True)
class Banks:
    """A shared memory: how it serves writes and reads, by size."""

    writes: tuple[Service, ...]
    reads: tuple[Service, ...]

    @property
    def widest(self) -> int:
        """The most bytes of one access."""
        return max(service.size for service in (*self.writes, *self.reads))

    def sides(self) -> tuple[dict[int, Service], dict[int, Service]]:
        """Writes and reads by size."""
        return {one.size: one for one in self.writes}, {one.size: one for one in self.reads}


def in_turn(line: int, lanes: int, sizes: Iterable[int] = (1, 2, 4, 8, 16)) -> tuple[Service, ...]:
    """Neighbouring lanes are served together, as many as fill ``line`` bytes: how NVIDIA's machines do it."""
    found = []
    for size in sizes:
        together = min(lanes, line // size)
        found.append(Service(size, line, tuple(1 << bit for bit in range(together.bit_length() - 1))))
    return tuple(found)


NVIDIA = Banks(in_turn(128, 32), in_turn(128, 32))
