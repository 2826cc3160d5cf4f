"""From offsets back to indices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from tilevm.layout.cute.coalesce import apart
from tilevm.layout.cute.runs import plain_run
from tilevm.layout.error import LayoutError
from tilevm.layout.form import Form
from tilevm.layout.mode import MEM, Mode, Modes, merge

F = TypeVar("F", bound=Form)


def right_inverse(layout: F) -> F:
    """The layout R on ``mem`` with L(R(i)) == i for every i below its size.

    No layout with this law is larger, if modes of nonzero stride never give two elements one offset; else others may
    be. Raises LayoutError for a layout on several axes or with replicas.
    """
    found, reach = [], 1
    for mode, weight in ascending(plain_run(layout, "right_inverse")):
        if mode.stride == reach:
            found.append(Mode(mode.extent, MEM, weight))
            reach *= mode.extent
    return type(layout)(apart(merge(found)))


def left_inverse(layout: F) -> F:
    """A layout R on ``mem`` with R(L(i)) == i for every i; its size is at least the cosize of ``layout``.

    Exists here where each stride is a multiple of the stride below it and no less than extent·stride of that mode.
    Offsets that ``layout`` leaves out are numbered after the others where they come in whole copies, as in CuTe, and
    share numbers elsewhere. Raises LayoutError, naming the mode, where this does not hold, with two indices of one
    offset where there are such; and for a layout on several axes or with replicas.
    """
    run = plain_run(layout, "left_inverse")
    check_nested(run)
    found: list[Mode] = []
    spare, reach = layout.size, 1
    for mode, weight in ascending(run):
        below = found.pop() if found and mode.stride % reach else None
        if below is not None:  # the gap holds no whole copies: the digit below counts on through it
            copies = mode.stride // (reach // below.extent)
            found.append(Mode(copies, MEM, below.stride))
        else:
            copies = mode.stride // reach
            found.append(Mode(copies, MEM, spare))
            spare *= copies
        found.append(Mode(mode.extent, MEM, weight))
        reach = mode.extent * mode.stride
    return type(layout)(apart(merge(found)))


def check_nested(run: Modes) -> None:
    """Raises LayoutError unless sorted strides are multiples of each other, with room for the digits between."""
    below: Mode | None = None
    for mode, weight in weighted(run):
        if not mode.stride:
            raise LayoutError(f"left_inverse: {mode} gives index 0 and index {weight} the same offset 0")
    for mode, _ in ascending(run):
        if below is not None and (mode.stride % below.stride or mode.stride < below.extent * below.stride):
            raise LayoutError(f"left_inverse: {mode} does not step over {below}{twice(run, below, mode)}")
        below = mode


def twice(run: Modes, low: Mode, high: Mode) -> str:
    """Two indices of one offset, where a multiple of the one stride is the other; else nothing."""
    if high.stride % low.stride:
        return ""
    weights = {id(mode): weight for mode, weight in weighted(run)}
    first, second = high.stride // low.stride * weights[id(low)], weights[id(high)]
    return f": index {first} and index {second} have the same offset {high.stride}"


def weighted(run: Modes) -> Sequence[tuple[Mode, int]]:
    """Each mode with what its digit is worth in the index."""
    found, weight = [], 1
    for mode in run:
        found.append((mode, weight))
        weight *= mode.extent
    return found


def ascending(run: Modes) -> Sequence[tuple[Mode, int]]:
    """``weighted``, ascending by stride."""
    return sorted(weighted(run), key=lambda pair: pair[0].stride)
