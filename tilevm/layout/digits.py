"""Two layouts of one tile cut into the same digits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from tilevm.layout.error import LayoutError
from tilevm.layout.form import Form
from tilevm.layout.mode import BLOCK, MEM, REG, THREAD, Mode, Modes, extent_of, merge

HELD = (THREAD, REG, BLOCK)


@dataclass(frozen=True, slots=True)
class Digit:
    """(index of ``dim`` div ``weight``) mod ``extent``, and where each of two layouts keeps it."""

    dim: int
    weight: int
    extent: int
    first: Mode
    second: Mode


Digits: TypeAlias = tuple[Digit, ...]
Halves: TypeAlias = tuple[Digits, Digits]  # digits of two, and what is left of extents that are no power of two


def check_pair(first: Form, second: Form, shape: tuple[int, ...] | None = None) -> None:
    """Raises LayoutError unless both lie on threads, blocks and registers and hold a tile of ``shape``.

    Without it, they must be of one shape, which is the tile's.
    """
    if shape is None and first.shape != second.shape:
        raise LayoutError(f"layouts of shapes {first.shape} and {second.shape} hold different tiles")
    for form in (first, second):
        if shape is not None and not holds(form, shape):
            raise LayoutError(f"a layout of shape {form.shape} does not hold a tile of shape {tuple(shape)}")
    for form in (first, second):
        for axis in form.axes:
            if axis not in HELD:
                raise LayoutError(f"{form} lies on {axis}: only layouts on {', '.join(HELD)} can be compared")


def holds(form: Form, shape: tuple[int, ...]) -> bool:
    """Whether a layout has a place for every element of a tile: its extents may exceed the tile's."""
    return form.rank == len(shape) and all(a >= b for a, b in zip(form.shape, shape, strict=True))


def common_digits(first: Form, second: Form) -> Digits | None:
    """The coarsest digits that no mode of either layout is cut by; None where modes straddle, as 2·3 and 3·2 do."""
    found: list[Digit] = []
    for dim, pair in enumerate(zip(first.key[0], second.key[0], strict=True)):
        points = sorted({point for modes in pair for point in cut_points(modes)} | {extent_of(pair[0])})
        if any(after % before for before, after in pairwise(points)):
            return None
        try:
            pieces = [split(modes, points) for modes in pair]
        except LayoutError:
            return None
        for weight, one, two in zip(points, *pieces, strict=False):
            found.append(Digit(dim, weight, one.extent, one, two))
    return tuple(digit for digit in found if digit.extent > 1)


def cut_points(modes: Modes) -> Iterable[int]:
    """The weight of each mode in its dim."""
    weight = 1
    for mode in modes:
        yield weight
        weight *= mode.extent
    yield weight


def split(modes: Modes, points: list[int]) -> list[Mode]:
    """The single mode between each two neighbours of ``points``, which hold every weight of ``modes``."""
    found: list[Mode] = []
    pending = iter(modes)
    left, stride, axis = 1, 0, MEM
    for before, after in pairwise(points):
        if left == 1:
            mode = next(pending)
            left, stride, axis = mode.extent, mode.stride, mode.axis
        step = after // before
        if left % step:
            raise LayoutError(f"a cut at extent {after} straddles a mode on {axis}")
        found.append(Mode(step, axis, stride))
        left, stride = left // step, stride * step
    return found


def binary(digits: Iterable[Digit]) -> Halves:
    """``digits`` with every factor of two as a digit of its own, and what odd extents are left, above them."""
    twos: list[Digit] = []
    odd: list[Digit] = []
    for digit in digits:
        step = 1
        while digit.extent // step % 2 == 0:
            twos.append(part(digit, step, 2))
            step *= 2
        if step < digit.extent:
            odd.append(part(digit, step, digit.extent // step))
    return tuple(twos), tuple(odd)


def part(digit: Digit, step: int, extent: int) -> Digit:
    """The part of a digit that counts ``extent`` in steps of ``step``."""
    first, second = (Mode(extent, mode.axis, mode.stride * step) for mode in (digit.first, digit.second))
    return Digit(digit.dim, digit.weight * step, extent, first, second)


def merged_dims(rank: int, placed: Iterable[tuple[Digit, Mode]]) -> tuple[Modes, ...]:
    """Dims whose digits lie where the modes beside them say."""
    runs: list[list[tuple[int, Mode]]] = [[] for _ in range(rank)]
    for digit, mode in placed:
        runs[digit.dim].append((digit.weight, mode))
    return tuple(merge(mode for _, mode in sorted(run, key=lambda entry: entry[0])) for run in runs)
