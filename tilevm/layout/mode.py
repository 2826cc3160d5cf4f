"""One mode of a layout, and how runs of modes merge and split."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from math import gcd, prod
from typing import TypeAlias

from tilevm.layout.error import LayoutError, told

THREAD, REG, BLOCK, MEM = "thread", "reg", "block", "mem"
DENSE = (THREAD, REG, BLOCK)  # every coordinate below the cosize is taken, exactly once
REPLICATED = (THREAD, BLOCK)  # where an element may be held several times
COMMON = frozenset((THREAD, REG, BLOCK, MEM))
LARGEST = 2**1024  # no layout counts so far; ints below it are quickly multiplied and can be printed
AXIS = re.compile(r"thread|reg|block|mem|d(0|[1-9][0-9]*)")


@dataclass(frozen=True, slots=True)
class Mode:
    """A digit of ``extent`` values, each step worth ``stride`` on ``axis``.

    Axes are ``thread``, ``reg`` (element slots), ``block`` (in a cluster), ``mem`` (elements), and ``d0``, ``d1``, …
    (dims of an index, for inverses). Raises LayoutError unless 1 ≤ extent and 0 ≤ stride, both below 2**1024.
    """

    extent: int
    axis: str
    stride: int

    def __post_init__(self) -> None:
        extent, stride = self.extent, self.stride
        sound = type(extent) is int and type(stride) is int and 1 <= extent < LARGEST and 0 <= stride < LARGEST
        if not (sound and self.axis in COMMON):  # made by the thousand: what is wrong is looked for only where it is
            self.check()

    def check(self) -> None:
        """Raises LayoutError for what is no mode."""
        check_axis(self.axis)
        if not (isinstance(self.extent, int) and isinstance(self.stride, int)):
            raise LayoutError(f"{told(self.extent)}:{told(self.stride)}@{self.axis}: extent and stride must be ints")
        if max(abs(self.extent), abs(self.stride)) >= LARGEST:
            raise LayoutError(f"a mode on {self.axis} has an extent or a stride of 2**1024 or more")
        if self.extent < 1:
            raise LayoutError(f"{self}: the extent must be at least 1")
        if self.stride < 0:
            raise LayoutError(f"{self}: the stride must not be negative")

    def __str__(self) -> str:
        return f"{self.extent}:{self.stride}@{self.axis}"


Modes: TypeAlias = tuple[Mode, ...]


def check_axis(axis: str) -> None:
    """Raises LayoutError unless ``axis`` is the name of one."""
    if axis not in COMMON and not (isinstance(axis, str) and AXIS.fullmatch(axis)):
        raise LayoutError(f"{told(axis)} is not an axis: thread, reg, block, mem, d0, d1, …")


def extent_of(modes: Modes) -> int:
    """How many index values the modes count together."""
    return prod(mode.extent for mode in modes)


def spell(modes: Modes) -> str:
    """The text of a run of modes, as in ``(8,2):(4@thread,2@reg)``; without modes, ``1:0``."""
    if not modes:
        return "1:0"
    if len(modes) == 1:
        return str(modes[0])
    extents = ",".join(str(mode.extent) for mode in modes)
    strides = ",".join(f"{mode.stride}@{mode.axis}" for mode in modes)
    return f"({extents}):({strides})"


def merge(modes: Iterable[Mode]) -> Modes:
    """The fewest modes with the same map, fastest first.

    Units vanish, and a neighbour on the same axis joins when its stride continues the run: s' = e·s. For one dim the
    result is unique, because the first index whose step differs from the stride before it must begin a new mode.
    """
    merged: list[Mode] = []
    for mode in modes:
        if mode.extent == 1:
            continue
        if merged and continues(merged[-1], mode):
            mode = Mode(merged[-1].extent * mode.extent, mode.axis, merged.pop().stride)
        merged.append(mode)
    return tuple(merged)


def continues(low: Mode, high: Mode) -> bool:
    """Whether ``high`` counts on where ``low`` ends."""
    return low.axis == high.axis and high.stride == low.extent * low.stride


def cut(modes: Iterable[Mode], extent: int) -> tuple[Modes, Modes]:
    """The modes of ``i mod extent`` and of ``i div extent``, merged; splits a mode where that divides.

    Merged first, so that every cut that exists is found. Raises LayoutError where a mode straddles the cut.
    """
    low: list[Mode] = []
    high: list[Mode] = []
    room = extent
    for mode in merge(modes):
        fit = gcd(room, mode.extent)
        room //= fit
        if room > 1 and fit < mode.extent:
            raise LayoutError(f"{mode} straddles a cut at extent {extent}")
        if fit == mode.extent:
            low.append(mode)
        elif fit == 1:
            high.append(mode)
        else:
            low.append(Mode(fit, mode.axis, mode.stride))
            high.append(Mode(mode.extent // fit, mode.axis, mode.stride * fit))
    if room > 1:
        raise LayoutError(f"an extent of {extent // room} cannot be cut at {extent}")
    return merge(low), merge(high)
