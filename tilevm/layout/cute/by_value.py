"""A composition from its values alone: complete, and as slow as the layout is large."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias

from tilevm.layout.cute.line import Digit, Line
from tilevm.layout.cute.outcome import RefutedError
from tilevm.layout.mode import Modes, extent_of
from tilevm.layout.place import unravel

BEGINNING = 256  # values of a dim that are looked at where all are too many

Point: TypeAlias = tuple[int, ...]  # a coordinate a line


def fit(lines: Sequence[Line], dims: Sequence[Modes]) -> tuple[tuple[Digit, ...], ...]:
    """The digits of the only layout that can have the values, after a look at each. Raises RefutedError."""
    reached = [[reach(modes, i) for i in range(extent_of(modes))] for modes in dims]
    points = [[tuple(line(number) for line in lines) for number in numbers] for numbers in reached]
    found = []
    for place, values in enumerate(points):
        ends = pairwise([*weights_of(values, dims, place), len(values)])
        found.append(tuple((end // start, reached[place][start]) for start, end in ends))
    check_sums(lines, reached, points)
    return tuple(found)


def check_beginnings(lines: Sequence[Line], dims: Sequence[Modes]) -> None:
    """Raises RefutedError where already the first values of a dim are those of no layout."""
    for place, modes in enumerate(dims):
        numbers = (reach(modes, i) for i in range(min(BEGINNING, extent_of(modes))))
        weights_of([tuple(line(number) for line in lines) for number in numbers], dims, place)


def reach(modes: Modes, index: int) -> int:
    """What a merged run of modes on one axis makes of an index."""
    total = 0
    for mode in modes:
        index, digit = divmod(index, mode.extent)
        total += digit * mode.stride
    return total


def weights_of(values: Sequence[Point], dims: Sequence[Modes], place: int) -> list[int]:
    """Where modes begin in one dim, as far as its ``values`` are known.

    The first index whose step differs from those before begins the next mode. Raises RefutedError where that index
    does not divide the extent, or a later value is not the sum of its digits.
    """
    weights: list[int] = []
    weight, size = 1, extent_of(dims[place])
    while weight < len(values):
        weights.append(weight)
        multiple = 1
        while weight * multiple < len(values) and values[weight * multiple] == times(values[weight], multiple):
            multiple += 1
        if weight * multiple < len(values) and size % (weight * multiple):
            raise RefutedError(alone(weight * multiple, dims, place), times(values[weight], multiple))
        weight *= multiple
    for start, end in pairwise([*weights, len(values)]):
        for index in range(start, end):  # values below ``start`` are known to be sums of their digits
            due = plus(values[index % start], times(values[start], index // start))
            if due != values[index]:
                raise RefutedError(alone(index, dims, place), due)
    return weights


def check_sums(lines: Sequence[Line], reached: Sequence[Sequence[int]], points: Sequence[Sequence[Point]]) -> None:
    """Raises RefutedError where the dims together give another value than their sum."""
    sums = [(0, tuple(0 for _ in lines))]
    for numbers, values in zip(reached, points, strict=True):  # dim 0 fastest
        dim = list(zip(numbers, values, strict=True))
        sums = [(low + high, plus(near, far)) for high, far in dim for low, near in sums]
    for place, (number, due) in enumerate(sums):
        if due != tuple(line(number) for line in lines):
            raise RefutedError(unravel(place, [len(numbers) for numbers in reached]), due)


def alone(index: int, dims: Sequence[Modes], place: int) -> tuple[int, ...]:
    """An index that is zero in all other dims."""
    return tuple(index if dim == place else 0 for dim in range(len(dims)))


def times(point: Point, factor: int) -> Point:
    return tuple(value * factor for value in point)


def plus(first: Point, second: Point) -> Point:
    return tuple(a + b for a, b in zip(first, second, strict=True))
