"""The outer layout of a composition as a function of a number: one slope, and a bend where each mode ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import heapify, heapreplace
from itertools import groupby, pairwise
from math import gcd
from typing import TypeAlias

from tilevm.layout.cute.outcome import UndecidedError
from tilevm.layout.mode import Modes

MOST_CARRIES = 1000  # looked at before a search gives up; a few milliseconds

Digit: TypeAlias = tuple[int, int]  # how many values, and how far the inner layout moves with each


@dataclass(frozen=True, slots=True)
class Line:
    """The coordinate on ``axis`` of a run of modes: A(x) = slope·x + Σ change·(x div period).

    Follows from A(x) = Σ s_k·(q_k − e_k·q_{k+1}) with q_k = x div (e_0 … e_{k−1}): the change at mode k is
    s_k − e_{k−1}·s_{k−1}, zero where the two are one mode. So the last mode has no end, as in CuTe. Each period
    divides the next.
    """

    axis: str
    slope: int
    bends: tuple[tuple[int, int], ...]  # (period, change)

    def __call__(self, number: int) -> int:
        return self.slope * number + sum(change * (number // period) for period, change in self.bends)


def lines(modes: Modes) -> tuple[Line, ...]:
    """``modes`` as functions of the number that they count, one for each axis they move on."""
    return tuple(line(axis, modes) for axis in dict.fromkeys(mode.axis for mode in modes))


def line(axis: str, modes: Modes) -> Line:
    steps = [(mode.extent, mode.stride if mode.axis == axis else 0) for mode in modes]
    period, bends = 1, []
    for (extent, stride), (_, following) in pairwise(steps):
        period *= extent
        if following != extent * stride:
            bends.append((period, following - extent * stride))
    return Line(axis, steps[0][1], tuple(bends))


def first_break(found: Iterable[Line], digit: Digit) -> int:
    """The first multiple of a step where a line leaves its first slope; the extent where none does."""
    extent, step = digit
    for each in found:
        extent = min(extent, break_of(each, (extent, step)))
    return extent


def break_of(found: Line, digit: Digit) -> int:
    """The first m with A(m·step) ≠ m·A(step). Carries may cancel: the sum of the changes decides.

    From one common period of the carries to the next they repeat, so without a break in the first there is none.
    """
    extent, step = digit
    bends = [(period, step % period, change) for period, change in found.bends if step % period]
    if not bends:
        return extent
    end = min(extent, bends[-1][0] // gcd(step, bends[-1][0]) + 1)
    off = looked = 0
    for multiple, meeting in groupby(carries(bends), key=multiple_of):
        if multiple >= end:
            return extent
        off += sum(change for _, change in meeting)
        looked += 1
        if off:
            return multiple
        if looked > MOST_CARRIES:
            raise UndecidedError(
                f"composition: more than {MOST_CARRIES} carries of {step} cancel; no end was looked for"
            )
    raise AssertionError("carries never end")


def carries(bends: Iterable[tuple[int, int, int]]) -> Iterator[tuple[int, int]]:
    """(multiple, change) wherever a multiple of a step carries over a bend, in ascending order, without end."""
    heap = [(-(-period // rest), period, rest, change, 1) for period, rest, change in bends]
    heapify(heap)
    while True:
        multiple, period, rest, change, count = heap[0]
        yield multiple, change
        following = -(-(count + 1) * period // rest)
        heapreplace(heap, (following, period, rest, change, count + 1))


def multiple_of(carry: tuple[int, int]) -> int:
    return carry[0]
