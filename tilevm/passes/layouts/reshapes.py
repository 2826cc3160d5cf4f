"""Layouts that go through reshapes: what becomes of one, and one that any reshape leaves in place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from tilevm.layout import Layout, LayoutError
from tilevm.passes.layouts.room import Room, next_power

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Run:
    """Neighbouring dims before a reshape, and those that they become; the fewest together."""

    before: tuple[int, ...]
    after: tuple[int, ...]


def runs(before: Shape, after: Shape) -> Iterator[Run]:
    """The dims of both shapes, in runs; unit dims go with others where there are any."""
    ends = [0, 0]
    while ends[0] < len(before) or ends[1] < len(after):
        starts, sizes = list(ends), [1, 1]
        while starts == ends or sizes[0] != sizes[1]:
            side = 0 if sizes[0] <= sizes[1] and ends[0] < len(before) else 1
            sizes[side] *= (before, after)[side][ends[side]]
            ends[side] += 1
        yield Run(tuple(range(starts[0], ends[0])), tuple(range(starts[1], ends[1])))


def proper(shape: Shape, dims: tuple[int, ...]) -> tuple[int, ...]:
    """The dims that are no unit dims."""
    return tuple(dim for dim in dims if shape[dim] > 1)


def reshaped(layout: Layout, before: Shape, after: Shape) -> Layout:
    """The layout of a reshaped tile. Raises LayoutError where a mode would straddle two dims.

    Where the layout exceeds the tile along a dim, that dim has to stay: elements beyond have no place in others.
    """
    wide = list(after)
    for run in runs(before, after):
        over = tuple(dim for dim in run.before if layout.shape[dim] > before[dim])
        if not over:
            continue
        kept = proper(after, run.after)
        if len(kept) != 1 or over != proper(before, run.before):
            raise LayoutError(f"{layout} exceeds the tile {list(before)}, which cannot become {list(after)} in place")
        wide[kept[0]] = layout.shape[over[0]]
    return layout.reshape(tuple(wide))


def followed(room: Room, before: Shape, after: Shape, vector: int) -> Layout:
    """A layout of the tile ``before`` that a reshape to ``after`` leaves in place, shared out among the threads.

    Dims that stay may be exceeded. Others are cut where both shapes cut them; where one cuts across the other, each
    thread holds all of such a run.
    """
    shape: list[int] = []
    stay, whole = set[int](), set[int]()
    for run in runs(before, after):
        old, new = (
            [each[dim] for dim in proper(each, dims)] for each, dims in ((before, run.before), (after, run.after))
        )
        cuts = common(old, new)
        numbers = range(len(shape), len(shape) + len(old if cuts is None else cuts))
        shape += old if cuts is None else cuts
        if cuts is None:
            whole.update(numbers)
        elif len(old) == len(new) == 1:
            stay.update(numbers)

    def exact(dim: int, left: int) -> int:
        return 1 if dim in whole else left

    def padded(dim: int, left: int) -> int:
        return next_power(left) if dim in stay else exact(dim, left)

    order = list(reversed(range(len(shape))))
    vector = 1 if len(shape) - 1 in whole else vector
    ways = [room.shared_out(tuple(shape), order, vector, lanes_of) for lanes_of in (exact, padded)]
    return reshaped(min(ways, key=lambda way: way.registers), tuple(shape), before)


def common(before: list[int], after: list[int]) -> list[int] | None:
    """The extents that are left where the cuts of both are made; None where one is within a part of the other."""
    ends = sorted({1, *partial(before), *partial(after)})
    if any(end % last for last, end in pairwise(ends)):
        return None
    return [end // last for last, end in pairwise(ends)][::-1]


def partial(extents: list[int]) -> Iterator[int]:
    """The products of the last one, the last two, …."""
    size = 1
    for extent in reversed(extents):
        size *= extent
        yield size
