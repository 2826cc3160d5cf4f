"""Calls that come again and again, taken over by native code."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from threading import RLock
from typing import Any

from tilevm.abi import pad_grid
from tilevm.backend import Artifact, starter
from tilevm.debug import debugging
from tilevm.runtime.arguments import Seen
from tilevm.runtime.grid import Grid, is_whole
from tilevm.runtime.launch import plan
from tilevm.runtime.launch.counting import recipe
from tilevm.runtime.launch.objects import native
from tilevm.runtime.launch.program import OWN, Chain, Counts

WORTH = frozenset(8**n for n in range(1, 7))  # calls alike, after as many of which they are prepared, or prepared anew
LAUNCHERS = 1024  # grids of a kernel that are kept
Launcher = Callable[..., None]


class Repeats:
    """What was prepared of one kernel's calls, and how often Python took one that was not."""

    def __init__(self, name: str, otherwise: Callable[[Grid | None], Launcher]) -> None:
        """``otherwise`` gives what takes the calls on a grid, None for the kernel's own, the long way."""
        self._name, self._otherwise = name, otherwise
        self._times: dict[Hashable, int] = {}
        self._chains: dict[Hashable, Chain] = {}  # by what decides the counts of a grid; None: numbers, or its own
        self._functions: dict[Hashable, object] = {}  # what the keys of chains were taken of
        self.launchers: dict[Any, Launcher] = {}  # those that are native, by grid
        self._lock = RLock()

    def launcher(self, grid: Grid | None) -> Launcher:
        """What to call on a grid: native code, once calls like these were prepared."""
        if callable(grid):
            which = recipe(grid)
            found = None if which is None else self.launchers.get(which)
            return found or self._made(grid, which, which, None if which is None else OWN)
        return self._made(grid, None, grid, OWN if grid is None else plain(grid))

    def _made(self, grid: Grid | None, which: Hashable, place: Any, counts: Counts | None) -> Launcher:
        chain = None if counts is None else self._chains.get(which)
        if chain is None or counts is None:
            return self._otherwise(grid)
        return self._keep(place, chain.launcher(self._otherwise(grid), counts))

    def _keep(self, place: Hashable, made: Launcher) -> Launcher:
        with self._lock:
            if len(self.launchers) >= LAUNCHERS:
                self.launchers.clear()
            return self.launchers.setdefault(place, made)

    def often(self, which: Hashable, grid: Grid | None, args: Sequence[Any], keywords: Mapping[str, Any]) -> bool:
        """Whether calls like this one, of the kernel compiled as ``which``, have come so often that they should be
        prepared."""
        key = which, recipe(grid) if callable(grid) else None, tuple(map(type, args)), tuple(keywords)
        times = self._times[key] = self._times.get(key, 0) + 1
        return times in WORTH

    def prepare(
        self,
        artifact: Artifact,
        kernel: plan.Launchable,
        grid: Grid | None,
        call: plan.Call,
        seen: Sequence[Seen],
    ) -> bool:
        """Prepare calls like this one, if they can be; whether there are native launchers that know of it now."""
        if debugging() or not native():
            return False
        found = starter(artifact)
        if found is None:
            return False
        with self._lock:
            program = plan.program(kernel, found, call, seen)
            if program is None:
                return False
            which = recipe(grid) if callable(grid) else None
            if which not in self._chains and len(self._chains) >= LAUNCHERS:
                return False
            self._functions.setdefault(which, grid)
            return self._chains.setdefault(which, Chain(self._name)).add(program)


def plain(grid: Grid) -> Counts | None:
    """The counts of a grid that is one to three whole numbers; None for any other."""
    parts = grid if isinstance(grid, tuple) else (grid,)
    whole = 1 <= len(parts) <= 3 and all(map(is_whole, parts))
    return pad_grid(parts) if whole else None
