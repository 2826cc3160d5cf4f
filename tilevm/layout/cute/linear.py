"""Whether a line is linear on a box of digits: the proof of a composition, or its counterexample."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import gcd
from typing import TypeAlias

from tilevm.layout.cute.line import Digit, Line
from tilevm.layout.cute.outcome import UndecidedError

MOST_TERMS = 40_000  # of sums, before a search gives up; some ten milliseconds

Corner: TypeAlias = tuple[int, ...]


@dataclass(frozen=True)
class Carries:
    """What sums of digits carry over the bends of a line: Σ change·(Σ digit·rest div period), 0 where it is linear.

    ``rests`` has one row a bend: the step of each digit modulo the period.
    """

    bends: tuple[tuple[int, int], ...]
    rests: tuple[tuple[int, ...], ...]

    def counts(self, corner: Corner) -> list[int]:
        """Carries over each bend; none falls when a digit grows."""
        return [
            sum(digit * rest for digit, rest in zip(corner, row, strict=True)) // period
            for (period, _), row in zip(self.bends, self.rests, strict=True)
        ]

    def error(self, counts: Sequence[int]) -> int:
        """A(Σ digit·step) − Σ digit·A(step)."""
        return sum(change * count for (_, change), count in zip(self.bends, counts, strict=True))

    def weight(self, digit: int) -> int:
        """How much a step of a digit moves towards the next carries, all bends together."""
        last = self.bends[-1][0]
        return sum(row[digit] * (last // period) for (period, _), row in zip(self.bends, self.rests, strict=True))


def counterexample(line: Line, digits: Sequence[Digit]) -> Corner | None:
    """Digits where A(Σ digit·step) ≠ Σ digit·A(step), or None when there are none.

    Raises UndecidedError after too many boxes; only where carries cancel in many places.
    """
    bends = tuple(bend for bend in line.bends if can_carry(bend[0], digits))
    if not bends:
        return None
    carries = Carries(bends, tuple(tuple(step % period for _, step in digits) for period, _ in bends))
    last = bends[-1][0]
    ends = []
    for place, (extent, step) in enumerate(digits):
        period = last // gcd(step, last)  # after so many steps the carries repeat, and the error has grown by this:
        whole = tuple(period if digit == place else 0 for digit in range(len(digits)))
        if extent > period and carries.error(carries.counts(whole)):
            return whole
        ends.append(min(extent, period) - 1)
    return search(carries, tuple(ends))


def can_carry(period: int, digits: Sequence[Digit]) -> bool:
    """Whether the digits, all at their ends, fill a period."""
    return sum((extent - 1) * (step % period) for extent, step in digits) >= period


def search(carries: Carries, ends: Corner) -> Corner | None:
    """A corner of error within 0 … ends. Carries only grow, so a box with equal carries at both ends has one error."""
    boxes = [((0,) * len(ends), ends)]
    for _ in range(100 + MOST_TERMS // (len(carries.bends) * len(ends))):
        if not boxes:
            return None
        low, high = boxes.pop()
        first, last = carries.counts(low), carries.counts(high)
        if carries.error(first):
            return low
        if carries.error(last):
            return high
        if first != last:
            boxes += reversed(list(halves(carries, low, high)))
    raise UndecidedError("composition: carries cancel in too many places for a proof, and no counterexample was found")


def halves(carries: Carries, low: Corner, high: Corner) -> Iterator[tuple[Corner, Corner]]:
    """The box cut across the digit that carries most."""
    widths = [(end - start) * carries.weight(place) for place, (start, end) in enumerate(zip(low, high, strict=True))]
    place = widths.index(max(widths))
    middle = (low[place] + high[place]) // 2
    yield low, (*high[:place], middle, *high[place + 1 :])
    yield (*low[:place], middle + 1, *low[place + 1 :]), high
