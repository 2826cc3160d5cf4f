"""Lowering of what kernels tell: lines and assertions, with where the tiles lie that they are about."""

from __future__ import annotations

from collections.abc import Sequence

from tilevm.ir import Value, ops, threads
from tilevm.ir.threads.report import written
from tilevm.passes.threads.lowering import Lowering, lower, size
from tilevm.passes.threads.numbers import shape_of
from tilevm.types import Tile, bool_


@lower.rule(ops.Assert)
def _(op: ops.Assert, low: Lowering) -> Sequence[Value]:
    holds = low[op.condition]
    if isinstance(op.condition.type, Tile):
        inside = low.within(low.places(op.condition), shape_of(op.condition), range(size(holds)))
        if inside is not None:
            every = low.full(True, bool_, size(holds))
            holds = low.add(ops.Select, condition=low.splat(inside, size(holds)), a=holds, b=every)
    low.do(threads.Check, condition=holds, lies=lies(low, op.condition), message=op.message)
    return ()


@lower.rule(ops.Print)
def _(op: ops.Print, low: Lowering) -> Sequence[Value]:
    values, where = tuple(low[v] for v in op.values), tuple(lies(low, v) for v in op.values)
    low.do(threads.Tell, values=values, text=op.text, lies=where)
    return ()


def lies(low: Lowering, value: Value) -> str:
    """Where a tile lies, in words; nothing for a number."""
    return written(shape_of(value), low.layout(value)) if isinstance(value.type, Tile) else ""
