"""From a function to an artifact: the whole journey on one page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from tilevm.abi import KernelAbi
from tilevm.backend import PLACES, Artifact, Place, load, place, unrun
from tilevm.ir import Func
from tilevm.ir.verify import verify
from tilevm.passes import pipeline, run_passes, thread_pipeline
from tilevm.source import TileError, nearest
from tilevm.target import TARGETS
from tilevm.text import print_func


@dataclass(frozen=True, eq=False)
class Build:
    """A function made runnable at a place. ``again`` gives it as it came, and as the backend took it."""

    where: Place
    abi: KernelAbi
    artifact: Artifact
    again: Callable[[], tuple[Func, Func]]

    @cached_property
    def tile(self) -> Func:
        """The function as the frontend made it."""
        return self.again()[0]

    @cached_property
    def optimised(self) -> Func:
        """The function after the passes on tiles."""
        return self.again()[1]

    @cached_property
    def stages(self) -> Mapping[str, str]:
        """Name → text: "tile", "optimised", and the backend's own, in order."""
        return {"tile": print_func(self.tile), "optimised": print_func(self.optimised), **self.artifact.stages}


def compile_func(func: Func, where: Place, warps: int = 4) -> Build:
    """Verify, optimise, and have the backend of a place make code. Raises TileError for what it cannot do."""
    verify(func)
    optimised = run_passes(func, pipeline(where.target, warps)) if where.optimise else func
    abi = KernelAbi.of(optimised)
    threads = run_passes(optimised, thread_pipeline(where.target, warps))
    return Build(where, abi, load(where).compile(threads, abi), lambda: (func, optimised))


def choose(device: str | None, target: str | None) -> Place:
    """Where to run: ``device``, or the CPU when nobody says; nowhere when nobody says and ``target`` is a GPU.

    On ``vm`` with such a target, what its threads do is run.

    Raises TileError unless the device runs ``target``.
    """
    if device is None and target in TARGETS:
        return unrun(target)
    where = place("cpu" if device is None else device)
    found = where.running(target)
    if found is not None:
        return found
    assert target is not None, "a place runs its own target"
    known = sorted({*(p.target for p in PLACES.values()), *TARGETS})
    if target in known:
        runs = (where.target, *where.others)
        raise TileError(
            f"device {where.name!r} runs code for {', '.join(runs)}, not for {target}",
            help="leave out target=, or name one that it runs",
        )
    near = nearest(target, known)
    raise TileError(
        f"no target is called {target!r}", help=f"did you mean {near!r}?" if near else f"known: {', '.join(known)}"
    )
