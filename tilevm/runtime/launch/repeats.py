"""Calls that come again and again, taken over by native code."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from tilevm.abi import pad_grid
from tilevm.backend import Artifact, starter
from tilevm.compiling import COMPILING
from tilevm.debug import debugging
from tilevm.runtime.arguments import Seen
from tilevm.runtime.grid import COUNT_LIMIT, Grid
from tilevm.runtime.launch import plan
from tilevm.runtime.launch.counting import frozen, recipe
from tilevm.runtime.launch.objects import native
from tilevm.runtime.launch.program import OWN, Chain, Counts, finder
from tilevm.runtime.launch.sketch import Call, Launchable

WORTH = frozenset(8**n for n in range(1, 7))  # calls alike, after as many of which they are prepared, or prepared anew
LAUNCHERS = 1024  # grids of a kernel that are kept
KINDS = 4096  # kinds of calls that are counted: functions that close over ever other numbers make ever new ones
Launcher = Callable[..., None]


class Repeats:
    """What was prepared of one kernel's calls, and how often Python took one that was not."""

    def __init__(self, name: str, otherwise: Callable[[Grid | None], Launcher]) -> None:
        """``otherwise`` gives what takes the calls on a grid, None for the kernel's own, the long way."""
        self._name, self._otherwise = name, otherwise
        self._times: dict[Hashable, int] = {}
        self._chains: dict[Hashable, Chain] = {}  # by what decides the counts of a grid; None: numbers, or its own
        self._functions: dict[Hashable, object] = {}  # what the keys of chains were taken of
        self._launchers: dict[Any, Launcher] = {}  # those that are native, by grid
        self.find: Callable[[Grid], Launcher | None] = nothing  # the one that is kept for a grid of Python's own ints

    def own(self) -> Launcher:
        """What to call on the kernel's own grid."""
        return self._native(None, None, None, OWN)

    def launcher(self, grid: Grid) -> Launcher:
        """What to call on a grid: native code, once calls like these were prepared. A function is taken as it is now:
        functions that are alike share a launcher, and cannot do so with what each of them becomes."""
        if callable(grid):
            which = recipe(grid)
            return self._otherwise(frozen(grid)) if which is None else self._native(grid, which, which, OWN)
        counts = plain(grid)
        if counts is None:
            return self._otherwise(grid)
        return self._native(grid, None, grid if exact(grid) else counts, counts)

    def _native(self, grid: Grid | None, which: Hashable, place: Hashable, counts: Counts) -> Launcher:
        """The launcher that is kept at a place, or a new one; of the chain for what decides the counts."""
        chain, found = self._chains.get(which), self._launchers.get(place)
        if chain is None:
            return self._otherwise(frozen(grid))
        return found or self._keep(place, chain.launcher(self._otherwise(frozen(grid)), counts))

    def _keep(self, place: Hashable, made: Launcher) -> Launcher:
        if len(self._launchers) >= LAUNCHERS:
            self._launchers.clear()
        return self._launchers.setdefault(place, made)

    def often(self, which: Hashable, grid: Grid | None, args: Sequence[Any], keywords: Mapping[str, Any]) -> bool:
        """Whether calls like this one, of the kernel compiled as ``which``, have come so often that they should be
        prepared."""
        key = which, recipe(grid) if callable(grid) else None, tuple(map(type, args)), tuple(keywords)
        if len(self._times) >= KINDS:
            self._times.clear()
        times = self._times[key] = self._times.get(key, 0) + 1
        return times in WORTH

    def prepare(
        self,
        artifact: Artifact,
        kernel: Launchable,
        grid: Grid | None,
        call: Call,
        seen: Sequence[Seen],
    ) -> bool:
        """Prepare calls like this one, if they can be; whether there are native launchers that know of it now."""
        if debugging() or not native():
            return False
        found = starter(artifact)
        if found is None:
            return False
        with COMPILING:  # no fork in between: a child would have half a chain
            program = plan.program(kernel, found, call, seen)
            if program is None:
                return False
            which = recipe(grid) if callable(grid) else None
            if which not in self._chains and len(self._chains) >= LAUNCHERS:
                return False
            self._functions.setdefault(which, grid)
            if self.find is nothing:
                self.find = finder(self._launchers)
            return self._chains.setdefault(which, Chain(self._name)).add(program)


def nothing(grid: Grid) -> None:
    """What is found before anything is prepared."""


def plain(grid: Grid) -> Counts | None:
    """The counts of a grid that is one to three whole numbers, of Python or numpy, and not too many; None for any
    other: what else stands for a number may stand for another the next time, as a tensor of one element does."""
    parts = grid if isinstance(grid, tuple) else (grid,)
    whole = 1 <= len(parts) <= 3 and all(type(n) is int or isinstance(n, np.integer) for n in parts)
    return pad_grid(parts) if whole and max(parts) < COUNT_LIMIT else None


def exact(grid: Grid) -> bool:
    """Whether all of a grid are Python's own ints, in a tuple of this very class: what does not change."""
    return type(grid) is int or (type(grid) is tuple and all(type(n) is int for n in grid))
