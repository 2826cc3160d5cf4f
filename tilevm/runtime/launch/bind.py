"""Launchers that are bound to their arguments: for loops that launch the same again and again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tilevm.backend import Argument, Array, packer, starter
from tilevm.runtime.compiled import Compiled
from tilevm.runtime.grid import Grid
from tilevm.runtime.launch.objects import native
from tilevm.runtime.launch.plan import bound, stream
from tilevm.runtime.launch.program import Chain
from tilevm.source import TileError


def bind(
    compiled: Compiled, grid: Grid | None, arguments: Sequence[Argument], given: object = None
) -> Callable[[], None]:
    """What launches ``compiled`` on these arguments whenever it is called.

    Types, extents and grid are looked at now and not again; memory is used where it is, and kept alive. Raises
    TileError for what the kernel's contract forbids, and for a stream where the device has none. ``given``: the
    stream, which is kept alive too; where it is None, the one that is current when the launcher is called.
    """
    compiled.refuse_stream(given)
    counts = compiled.counted(grid, arguments)
    arrays = [a for a in arguments if isinstance(a, Array)]
    here = all(a.device == compiled.device and not a.stream for a in arrays)
    found = starter(compiled.build.artifact) if native() and here else None
    program = None
    if found is not None and (given is None or found.lasting(given)):
        order, keep = stream(found, given, (a.owner for a in arrays)), (*arguments, given)
        if order is not None:
            program = bound(compiled, found, packer(compiled.abi)(arguments), counts, order, keep)
    if program is None:
        return lambda: compiled.run_counted(counts, arguments, given)
    name = compiled.abi.name
    chain = Chain(name)
    chain.add(program)

    def otherwise(*args: object, **keywords: object) -> None:
        raise TileError(
            f"{name} was prepared with its arguments, and takes no others",
            help="call the kernel itself, or prepare another launch",
        )

    return chain.launcher(otherwise)
