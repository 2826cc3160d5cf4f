"""A sorting network on integers in scratch: bitonic, every comparison in rising order.

Batcher 1968, in the form that mirrors the first step of each merge, so that no comparison runs backwards.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .context import Context
from .emit import I1, I32, LLVM, lanes_of, vector_of


class Network:
    """Sorts ``size`` numbers of an integer type at ``base``; size is a power of two, at least ``lanes``."""

    def __init__(self, c: Context, base: LLVM, element: Any, size: int, lanes: int) -> None:
        self.e, self.base, self.element, self.size, self.lanes = c.e, base, element, size, max(lanes, 1)
        self.vector = lanes if lanes > 1 else 0  # one lane stands as a scalar

    def sort(self) -> None:
        levels = (self.size // self.lanes).bit_length() - 1
        self.each_vector([mirror for k in self.powers(2) for mirror in (k - 1, *self.halves(k // 4))])

        def merge(level: LLVM, _: list[LLVM]) -> list[LLVM]:
            half = self.e.b.shl(self.e.i64(self.lanes), level)
            self.pairs(half, mirrored=True)
            self.e.loop(level, [], lambda step, _: self.narrower(half, step))
            self.each_vector(list(self.halves(self.lanes // 2)))
            return []

        self.e.loop(levels, [], merge)

    def powers(self, start: int) -> Sequence[int]:
        """``start``, doubled up to the lanes."""
        return [start << n for n in range(self.lanes.bit_length() - 1)]

    def halves(self, start: int) -> Sequence[int]:
        """``start``, halved down to 1."""
        return [start >> n for n in range(start.bit_length())]

    def narrower(self, half: LLVM, step: LLVM) -> list[LLVM]:
        self.pairs(self.e.b.lshr(half, self.e.b.add(step, self.e.i64(1))), mirrored=False)
        return []

    def each_vector(self, distances: Sequence[int]) -> None:
        """Compare lanes within every vector: lane n with lane n xor distance, for each distance in turn."""
        if not distances:
            return

        def one(n: LLVM, _: list[LLVM]) -> list[LLVM]:
            at = self.e.b.mul(n, self.e.i64(self.lanes))
            x = self.load(at)
            for distance in distances:
                x = self.exchange(x, distance)
            self.store(x, at)
            return []

        self.e.loop(self.size // self.lanes, [], one)

    def pairs(self, distance: LLVM, mirrored: bool) -> None:
        """Compare vectors ``distance`` elements apart in blocks of twice that; ``mirrored``: first with last."""
        b, e = self.e.b, self.e

        def one(n: LLVM, _: list[LLVM]) -> list[LLVM]:
            at = b.mul(n, e.i64(self.lanes))
            within = b.and_(at, b.sub(distance, e.i64(1)))
            block = b.shl(b.sub(at, within), e.i64(1))
            first = b.add(block, within)
            end = b.add(block, b.sub(b.shl(distance, e.i64(1)), e.i64(self.lanes)))
            other = b.sub(end, within) if mirrored else b.add(first, distance)
            turn: Callable[[LLVM], LLVM] = self.reversed if mirrored else lambda x: x
            x, y = self.load(first), turn(self.load(other))
            low, high = self.ordered(x, y)
            self.store(low, first)
            self.store(turn(high), other)
            return []

        e.loop(self.size // self.lanes // 2, [], one)

    def ordered(self, x: LLVM, y: LLVM) -> tuple[LLVM, LLVM]:
        less = self.e.b.icmp_unsigned("<", x, y)
        return self.e.b.select(less, x, y), self.e.b.select(less, y, x)

    def exchange(self, x: LLVM, distance: int) -> LLVM:
        """Each lane the lesser or the greater of itself and its partner."""
        lanes = lanes_of(x)
        low, high = self.ordered(x, self.shuffled(x, [n ^ distance for n in range(lanes)]))
        upper = self.e.constant_vector(vector_of(I1, lanes), [int(n > n ^ distance) for n in range(lanes)])
        return self.e.b.select(upper, high, low)

    def reversed(self, x: LLVM) -> LLVM:
        return self.shuffled(x, list(reversed(range(lanes_of(x))))) if lanes_of(x) else x

    def shuffled(self, x: LLVM, order: list[int]) -> LLVM:
        mask = self.e.constant_vector(vector_of(I32, len(order)), order)
        return self.e.b.shuffle_vector(x, self.e.undefined(x.type), mask)

    def load(self, at: LLVM) -> LLVM:
        return self.e.load(self.e.at(self.base, at, self.element), self.element, self.vector)

    def store(self, x: LLVM, at: LLVM) -> None:
        self.e.store(x, self.e.at(self.base, at, self.element))
