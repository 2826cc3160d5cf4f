"""The threads that a block has, and what the machine under them makes cheap."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from math import gcd

from tilevm.layout import Layout, local, replicate, spatial
from tilevm.layout.convert import Banks
from tilevm.target import Target

WIDEST = 128  # bits of the widest access of a thread


@dataclass(frozen=True)
class Room:
    """``warps`` of ``target``: where the tiles of one block lie."""

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
        return self.target.round_trip

    def blocked(self, shape: tuple[int, ...], fast: Iterable[int], vector: int) -> Layout:
        """A layout in which neighbours along the ``fast`` dims, fastest first, lie in one thread, then in the next.

        ``vector`` elements of the first dim are a thread's. What the threads do not cover in one go they hold in
        further registers; where they are more than elements, they hold replicas.
        """
        order = [*fast, *(dim for dim in reversed(range(len(shape))) if dim not in fast)]
        inner, lanes, left = [1] * len(shape), [1] * len(shape), self.threads
        if order:
            inner[order[0]] = min(vector, low_power(shape[order[0]]))
        for dim in order:
            lanes[dim] = gcd(left, shape[dim] // inner[dim])
            left //= lanes[dim]
        outer = [extent // (a * b) for extent, a, b in zip(shape, inner, lanes, strict=True)]
        slowest_first = tuple(reversed(order))
        return replicate(left) * local(*outer) * spatial(*lanes, order=slowest_first) * local(*inner)

    def whole(self, shape: tuple[int, ...]) -> Layout:
        """Every thread holds every element, in row-major registers: what any reshape can follow."""
        return replicate(self.threads) * local(*shape)


def low_power(number: int) -> int:
    """The largest power of two that divides ``number``."""
    return number & -number
