"""Lowering of what kernels tell: assertions, which each thread checks for what it holds.

Lines that kernels print are left out: they are for machines on which programs run one after another.
"""

from __future__ import annotations

from collections.abc import Sequence

from tilevm.ir import Value, ops, threads
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
        holds = folded(low, holds)
    low.do(ops.Assert, condition=holds, message=op.message)
    return ()


@lower.rule(ops.Print)
def _(op: ops.Print, low: Lowering) -> Sequence[Value]:
    return ()


def folded(low: Lowering, x: Value) -> Value:
    """Whether all registers hold true."""
    while size(x) > 1:
        half = size(x) // 2
        made = low.both(ops.And, low.take(x, range(half)), low.take(x, range(half, 2 * half)))
        rest = [low.take(x, [2 * half])] if size(x) % 2 else []
        x = low.add(threads.Join, xs=(made, *rest)) if rest else made
    return low.add(threads.Register, x=x, at=0)
