"""A composition from its values alone: complete, and as slow as the layout is large."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, product
from typing import TypeAlias

from tilevm.layout.cute.line import Digit, Line
from tilevm.layout.cute.outcome import RefutedError
from tilevm.layout.mode import Modes, extent_of

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
    for index, value in enumerate(values):
        due = sum_of(values, weights, index)
        if due != value:
            raise RefutedError(alone(index, dims, place), due)
    return weights


def sum_of(values: Sequence[Point], weights: Sequence[int], index: int) -> Point:
    """What a layout whose modes begin at ``weights`` gives."""
    total = times(values[0], 0)
    for weight in reversed(weights):
        total = plus(total, times(values[weight], index // weight))
        index %= weight
    return total


def check_sums(lines: Sequence[Line], reached: Sequence[Sequence[int]], points: Sequence[Sequence[Point]]) -> None:
    """Raises RefutedError where the dims together give another value than their sum."""
    for index in product(*(range(len(numbers)) for numbers in reached)):
        number = sum(numbers[i] for numbers, i in zip(reached, index, strict=True))
        due = tuple(0 for _ in lines)
        for values, i in zip(points, index, strict=True):
            due = plus(due, values[i])
        if due != tuple(line(number) for line in lines):
            raise RefutedError(index, due)


def alone(index: int, dims: Sequence[Modes], place: int) -> tuple[int, ...]:
    """An index that is zero in all other dims."""
    return tuple(index if dim == place else 0 for dim in range(len(dims)))


def times(point: Point, factor: int) -> Point:
    return tuple(value * factor for value in point)


def plus(first: Point, second: Point) -> Point:
    return tuple(a + b for a, b in zip(first, second, strict=True))
