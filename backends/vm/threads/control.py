"""Loops, branches and barriers of a block; all threads go the same way."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tilevm.ir import ops, threads
from tilevm.types import Scalar

from ..values import Held, container
from .block import State, ThreadBlock, act


@act.rule(ops.For)
def _(op: ops.For, b: ThreadBlock) -> Sequence[State]:
    lower, upper, step = (
        b.uniform(v, op, what) for v, what in ((op.lower, "the start"), (op.upper, "the end"), (op.step, "the step"))
    )
    assert isinstance(op.lower.type, Scalar)
    kind = container(op.lower.type.dtype)
    carried: Sequence[State] = [b.values[v] for v in op.carried]
    for i in range(lower, upper, step) if step else ():
        carried = b.run(op.body, [b.spread(Held(np.asarray(i, kind))), *carried])
    return carried


@act.rule(ops.While)
def _(op: ops.While, b: ThreadBlock) -> Sequence[State]:
    carried: Sequence[State] = [b.values[v] for v in op.carried]
    while goes_on(op, b, b.run(op.condition, carried)[0]):
        carried = b.run(op.body, carried)
    return carried


def goes_on(op: ops.While, b: ThreadBlock, found: State) -> bool:
    """Whether there is one more turn; none where threads do not agree, which was reported."""
    assert isinstance(found, Held)
    if found.poison is not None and found.poison.where.any():
        b.poisoned(op, found.poison, found.poison.where, "the condition")
        return False
    return bool(b.alike(found.data, op, "the condition")) and bool(found.data.all())


@act.rule(ops.If)
def _(op: ops.If, b: ThreadBlock) -> Sequence[State]:
    return b.run(op.then if b.uniform(op.condition, op, "the condition") else op.otherwise)


@act.rule(threads.Barrier)
def _(op: threads.Barrier, b: ThreadBlock) -> Sequence[State]:
    b.machine.clocks.meet()
    return ()
