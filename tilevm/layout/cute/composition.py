"""One layout after another, exactly where that is a layout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, pairwise
from math import prod
from typing import NoReturn, TypeAlias, TypeVar

from tilevm.layout.cute.by_value import check_beginnings, fit, reach
from tilevm.layout.cute.line import Digit, Line, first_break, lines
from tilevm.layout.cute.linear import counterexample
from tilevm.layout.cute.outcome import RefutedError, UndecidedError
from tilevm.layout.cute.runs import check_plain, run_of
from tilevm.layout.error import LayoutError
from tilevm.layout.form import Form
from tilevm.layout.mode import DENSE, MEM, Mode, Modes, extent_of, merge

F = TypeVar("F", bound=Form)
Digits: TypeAlias = tuple[Digit, ...]  # of one dim, fastest first

SMALL = 2048  # elements of an inner layout that are looked at one by one where nothing faster decides


def composition(outer: F, inner: Form) -> F:
    """R(i) = outer(inner(i)), with the shape of ``inner``; ``outer`` counts its elements colexicographically.

    ``inner`` lies on any one axis, without replicas. ``outer`` may be any layout: the result has its axes and its
    replicas. On mem and d0, d1, … the last mode of ``outer`` has no end, as in CuTe; with replicas or on thread, reg
    or block, inner(i) must be an element of ``outer``. Raises LayoutError exactly where the map is no layout, naming
    two modes that do not divide each other and an index; and where ``inner`` has more than 2048 elements and carries
    cancel in so many places that neither a proof nor a counterexample was found.
    """
    check_plain(inner, "composition")
    return replace(outer, dims=composed(run_of(outer), inner.dims, bounded(outer)))


def bounded(outer: Form) -> bool:
    """Whether numbers beyond the size of ``outer`` mean nothing."""
    return bool(outer.key[1]) or any(axis in DENSE for axis in outer.axes)


def composed(run: Modes, inner: Sequence[Modes], end: bool = False) -> tuple[Modes, ...]:
    """The dims of a run of outer modes after inner ones; with ``end``, the last outer mode has one."""
    dims = tuple(merge(modes) for modes in inner)
    last = sum((mode.extent - 1) * mode.stride for modes in dims for mode in modes)
    if end and last >= extent_of(run):
        index = tuple(extent_of(modes) - 1 for modes in dims)
        raise LayoutError(
            f"composition: index {index} gives {last}, but the outer layout has {extent_of(run)} elements"
        )
    found = lines(run)
    try:
        digits = solved(found, dims)
    except RefutedError as refuted:
        refuse(run, dims, refuted)
    return tuple(tuple(mode_of(found, digit) for digit in each) for each in digits)


def solved(found: Sequence[Line], dims: tuple[Modes, ...]) -> tuple[Digits, ...]:
    """The digits of the composition. Raises RefutedError where there is none, UndecidedError where none was found."""
    small = prod(map(extent_of, dims)) <= SMALL
    try:
        return proved(found, dims)
    except UndecidedError:
        if not small:
            check_beginnings(found, dims)
            raise
    except RefutedError:
        if not small:
            raise
    return fit(found, dims)


def proved(found: Sequence[Line], dims: tuple[Modes, ...]) -> tuple[Digits, ...]:
    """``solved`` without looking at each element.

    A step of the inner layout is followed until a line bends; there the next mode must begin, so the digits are the
    only ones that are possible. That they add up is then proved, or a counterexample found.
    """
    digits = tuple(split(found, dims, place) for place in range(len(dims)))
    every = tuple(chain.from_iterable(digits))
    for line in found:
        corner = counterexample(line, every)
        if corner is not None:
            refute(found, dims, digits, corner)
    return digits


def refute(found: Sequence[Line], dims: Sequence[Modes], digits: Sequence[Digits], corner: Sequence[int]) -> NoReturn:
    """Raises RefutedError for digits at which a line is not the sum of their steps.

    UndecidedError where the digits of a dim may be others: two of its modes have one slope, so a mode might end
    elsewhere, and yet the dims add up.
    """
    index = indexed(digits, corner)
    numbers = [reach(modes, entry) for modes, entry in zip(dims, index, strict=True)]
    due = tuple(sum(line(number) for number in numbers) for line in found)
    if due != tuple(line(sum(numbers)) for line in found):
        raise RefutedError(index, due)
    for each in digits:
        check_forced(found, each)
    every = chain.from_iterable(digits)
    steps = [(digit, step) for digit, (_, step) in zip(corner, every, strict=True)]
    raise RefutedError(index, tuple(sum(digit * line(step) for digit, step in steps) for line in found))


def check_forced(found: Sequence[Line], digits: Sequence[Digit]) -> None:
    """Raises UndecidedError where a digit goes on with the slope of the one before: their mode might end elsewhere."""
    for (extent, low), (_, high) in pairwise(digits):
        if all(line(high) == extent * line(low) for line in found):
            raise UndecidedError(f"composition: undecided, for inner steps of {low} and {high} continue each other")


def split(found: Sequence[Line], dims: tuple[Modes, ...], place: int) -> Digits:
    """The digits of one dim: its modes, cut where a line bends. Raises RefutedError where the cut does not divide."""
    digits: list[Digit] = []
    weight, size = 1, extent_of(dims[place])
    for mode in dims[place]:
        rest, step = mode.extent, mode.stride
        while rest > 1:
            extent = first_break(found, (rest, step))
            digits.append((extent, step))
            weight *= extent
            if rest % extent:
                check_forced(found, digits)
                if size % weight == 0:
                    raise UndecidedError(f"composition: undecided, for a mode begins at index {weight}, within {mode}")
                index = tuple(weight if dim == place else 0 for dim in range(len(dims)))
                raise RefutedError(index, tuple(line(step) * extent for line in found))
            rest, step = rest // extent, step * extent
    return tuple(digits)


def indexed(digits: Sequence[Digits], corner: Sequence[int]) -> tuple[int, ...]:
    """The index, one entry a dim, whose digits are ``corner``."""
    rest = iter(corner)
    index = []
    for each in digits:
        total, weight = 0, 1
        for extent, _ in each:
            total += next(rest) * weight
            weight *= extent
        index.append(total)
    return tuple(index)


def mode_of(found: Sequence[Line], digit: Digit) -> Mode:
    """The mode of a digit. Raises LayoutError where it moves on two axes at once."""
    extent, step = digit
    moves = [(line.axis, line(step)) for line in found if line(step)]
    if len(moves) > 1:
        (first, near), (second, far) = moves[:2]
        raise LayoutError(
            f"composition: a step of {step} in the inner layout moves {near}@{first} and {far}@{second} at once, "
            "and no mode does both"
        )
    if moves:
        return Mode(extent, *moves[0])
    still = sorted((line.axis for line in found), key=lambda axis: axis in DENSE)  # two elements share no register
    return Mode(extent, still[0] if still else MEM, 0)


def refuse(run: Modes, dims: Sequence[Modes], refuted: RefutedError) -> NoReturn:
    """Raises the LayoutError for a composition that is no layout."""
    found = lines(run)
    number = sum(reach(modes, entry) for modes, entry in zip(dims, refuted.index, strict=True))
    is_at = " + ".join(f"{line(number)}@{line.axis}" for line in found)
    due = " + ".join(f"{value}@{line.axis}" for line, value in zip(found, refuted.due, strict=True))
    above, below = culprits(run, list(chain.from_iterable(dims)))
    raise LayoutError(
        f"composition: no layout, for {above} of the outer and {below} of the inner layout do not divide each other: "
        f"index {refuted.index} comes to {is_at}, where the steps before it lead to {due}"
    ) from None


def culprits(run: Modes, inner: Sequence[Mode]) -> tuple[Mode, Mode]:
    """The first outer mode that digits of the inner layout carry over, and the first inner mode that takes part."""
    period = 1
    for mode in run:
        period *= mode.extent
        if sum((each.extent - 1) * (each.stride % period) for each in inner) >= period:
            return mode, next(each for each in inner if each.stride % period)
    raise AssertionError("a line bent where nothing carries")
