"""The threads that a block has, and what the machine under them makes cheap."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import gcd

from tilevm.layout import Layout, local, replicate, spatial
from tilevm.layout.convert import Banks
from tilevm.layout.convert.memory import Service, in_turn
from tilevm.layout.gf2 import echelon
from tilevm.target import Target
from tilevm.target.banks import Access

WIDEST = 128  # bits of the widest access of a thread
Lanes = Callable[[int, int], int]


@dataclass(frozen=True, eq=False)
class Room:
    """``warps`` of ``target``: where the tiles of one block lie. ``room`` gives the one object for each pair."""

    target: Target
    warps: int

    @property
    def lanes(self) -> int:
        return self.target.lanes

    @property
    def threads(self) -> int:
        return self.warps * self.lanes

    @cached_property
    def banks(self) -> Banks:
        """Shared memory as conversions ask for it."""
        return Banks(tuple(self.served("write")), tuple(self.served("read")))

    def served(self, access: Access) -> Iterator[Service]:
        """Each size of access. Where nobody knows which lanes go together, neighbours are assumed to."""
        for banks in self.target.banks:
            if banks.access == access and banks.width == low_power(banks.width):
                line = banks.count * banks.bank_bytes
                lanes = spanned(banks.phases[0]) if banks.phases else in_turn(line, self.lanes, (banks.width,))[0].lanes
                yield Service(banks.width, line, lanes)

    def blocked(self, shape: tuple[int, ...], fast: Iterable[int], vector: int) -> Layout:
        """A layout in which neighbours along the ``fast`` dims, fastest first, lie in one thread, then in the next.

        ``vector`` elements of the first dim are a thread's. What the threads do not cover in one go they hold in
        further registers; where they are more than elements, they hold replicas. Extents are exceeded where that
        leaves each thread fewer registers: 1000 elements on 128 threads are 1024, not 8 rows of 125 sixteen times.
        """
        fastest = list(fast)
        order = [*fastest, *(dim for dim in reversed(range(len(shape))) if dim not in fastest)]
        ways: tuple[Lanes, ...] = (lambda dim, left: left, lambda dim, left: next_power(left))
        exact, padded = (self.shared_out(shape, order, vector, lanes_of) for lanes_of in ways)
        return padded if padded.registers < exact.registers else exact

    def shared_out(self, shape: tuple[int, ...], order: list[int], vector: int, lanes_of: Lanes) -> Layout:
        """The same, with as many lanes along a dim as ``lanes_of`` it and what is left of its extent, while there are
        any."""
        inner, lanes, left = [1] * len(shape), [1] * len(shape), self.threads
        if order:
            inner[order[0]] = min(vector, low_power(shape[order[0]]))
        for dim in order:
            lanes[dim] = gcd(left, lanes_of(dim, shape[dim] // inner[dim]))
            left //= lanes[dim]
        outer = [-(-extent // (a * b)) for extent, a, b in zip(shape, inner, lanes, strict=True)]
        slowest_first = tuple(reversed(order))
        return replicate(left) * local(*outer) * spatial(*lanes, order=slowest_first) * local(*inner)

    def whole(self, shape: tuple[int, ...]) -> Layout:
        """Every thread holds every element, in row-major registers: what any reshape can follow."""
        return replicate(self.threads) * local(*shape)


@lru_cache
def room(target: Target, warps: int) -> Room:
    """The threads of a block."""
    return Room(target, warps)


def spanned(lanes: Iterable[int]) -> tuple[int, ...]:
    """Lane numbers that make the phase of lane 0 by ^, a power of two of lanes."""
    found = tuple(reversed(echelon(lanes)))
    assert 1 << len(found) == len(set(lanes)), "phases of every machine are spans"
    return found


def low_power(number: int) -> int:
    """The largest power of two that divides ``number``."""
    return number & -number


def next_power(number: int) -> int:
    """The least power of two that is not less."""
    return 1 << (number - 1).bit_length()
