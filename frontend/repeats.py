"""Calls of a kernel that come again and again, taken over by native code."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from threading import RLock
from typing import Any, NamedTuple

from tilevm.abi import pad_grid
from tilevm.backend import starter
from tilevm.debug import debugging
from tilevm.runtime.arguments import Seen
from tilevm.runtime.compiled import Compiled
from tilevm.runtime.grid import Grid, is_whole
from tilevm.runtime.launch import plan
from tilevm.runtime.launch.objects import native
from tilevm.runtime.launch.program import OWN, Chain, Counts

from .call import Parameters
from .watch import Place, guards

WORTH = frozenset(8**n for n in range(1, 7))  # calls alike, after as many of which they are prepared, or prepared anew
LAUNCHERS = 1024  # grids of a kernel that are kept
Launcher = Callable[..., None]


class Made(NamedTuple):
    """A call that Python made."""

    compiled: Compiled
    args: Sequence[Any]
    keywords: Mapping[str, Any]
    seen: Sequence[Seen]
    outside: Sequence[Place]
    stream: object = None


class Repeats:
    """What was prepared for one kernel, and how often Python took a call that was not."""

    def __init__(self, parameters: Parameters, otherwise: Callable[[Grid | None], Launcher]) -> None:
        """``otherwise`` gives what takes the calls on a grid, None for the kernel's own, the long way."""
        self._parameters, self._otherwise = parameters, otherwise
        self._times: dict[Hashable, int] = {}
        self._chain: Chain | None = None
        self.launchers: dict[Grid | None, Launcher] = {}  # those that are native, by grid
        self._lock = RLock()

    def launcher(self, grid: Grid | None) -> Launcher:
        """What to call on a grid: native code, once some call was prepared and if the grid is numbers."""
        counts = OWN if grid is None else plain(grid)
        if self._chain is None or counts is None:
            return self._otherwise(grid)
        made = self._chain.launcher(self._otherwise(grid), counts)
        with self._lock:
            if len(self.launchers) >= LAUNCHERS:
                self.launchers.clear()
            return self.launchers.setdefault(grid, made)

    def often(self, compiled: Compiled, args: Sequence[Any], keywords: Mapping[str, Any]) -> bool:
        """Whether calls like this one have come so often that they should be prepared."""
        key = compiled, tuple(map(type, args)), tuple(keywords)
        times = self._times[key] = self._times.get(key, 0) + 1
        return times in WORTH

    def prepare(self, made: Made) -> bool:
        """Prepare calls like this one, if they can be; whether the kernel has native launchers now."""
        if debugging() or not native():
            return False
        found, watched = starter(made.compiled.build.artifact), guards(made.outside)
        if found is None or watched is None:
            return False
        with self._lock:
            program = plan.program(made.compiled, found, self._written(made, watched), made.seen)
            if program is None:
                return False
            self._chain = self._chain or Chain(self._parameters.kernel)
            return self._chain.add(program)

    def _written(self, made: Made, watched: Sequence[plan.Watched]) -> plan.Call:
        """The call as it was written."""
        number = {name: i for i, name in enumerate(self._parameters.runtime)}
        names = (*self._parameters.names[: len(made.args)], *made.keywords)
        values = (*made.args, *made.keywords.values())
        places = [number.get(name) for name in names]
        return plan.Call(values, tuple(made.keywords), places, watched, made.stream)


def plain(grid: Grid) -> Counts | None:
    """The counts of a grid that is one to three whole numbers; None for any other."""
    parts = grid if isinstance(grid, tuple) else (grid,)
    whole = 1 <= len(parts) <= 3 and all(map(is_whole, parts))
    return pad_grid(parts) if whole else None
