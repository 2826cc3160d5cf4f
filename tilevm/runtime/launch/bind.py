"""Launchers that are bound to their arguments: for loops that launch the same again and again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from tilevm.backend import Argument, Array, starter
from tilevm.runtime.compiled import Compiled
from tilevm.runtime.grid import Grid
from tilevm.runtime.launch.objects import native
from tilevm.runtime.launch.plan import bound, order
from tilevm.runtime.launch.program import Chain
from tilevm.source import TileError


def bind(
    compiled: Compiled, grid: Grid | None, arguments: Sequence[Argument], stream: object = None
) -> Callable[[], None]:
    """What launches ``compiled`` on these arguments whenever it is called.

    Types, extents and grid are looked at now and not again; memory is used where it is, and kept alive. Raises
    TileError for what the kernel's contract forbids.
    """
    counts = compiled.counted(grid, arguments)
    arrays = [a for a in arguments if isinstance(a, Array)]
    ordered = order(compiled, [a.device for a in arrays], stream, [a.owner for a in arrays])
    found = starter(compiled.build.artifact) if native() and ordered is not None else None
    if found is None or ordered is None:
        return partial(compiled.start, counts, arguments, stream)
    name = compiled.abi.name
    chain = Chain(name)
    chain.add(bound(compiled, found, arguments, counts, ordered))

    def otherwise(*args: object, **keywords: object) -> None:
        raise TileError(
            f"{name} was prepared with its arguments, and takes no others",
            help="call the kernel itself, or prepare another launch",
        )

    return chain.launcher(otherwise)
