"""Order within a tile: sorting, and the place of an extreme."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tilevm.ir import ops
from tilevm.types import DType

from .instructions import dtype_of
from .machine import Program, step
from .rounding import Array
from .values import Held, Poison


@step.rule(ops.Sort)
def _(op: ops.Sort, p: Program) -> Sequence[Held]:
    held, axis = p.values[op.x], op.axis
    order = ranked(held.data, dtype_of(op.x), axis, op.descending)
    order = np.take(order, np.arange(op.count), axis)
    poison = None
    if held.poison is not None:  # one element unknown, and no place in its line is known
        lines = np.asarray(held.poison.where.any(axis=axis, keepdims=True))
        poison = Poison(np.broadcast_to(lines, order.shape), held.poison.origin)
    return [Held(np.take_along_axis(held.data, order, axis), poison), Held(order.astype(np.int32), poison)]


def ranked(x: Array, dtype: DType, axis: int, descending: bool) -> Array:
    """The indices that sort ``x``: stable, NaN last."""
    last = np.isnan(x) if dtype.is_float else np.zeros(x.shape, bool)
    value = np.where(last, 0.0, x) if dtype.is_float else x
    if descending:
        value = np.negative(value) if dtype.is_float else np.invert(value)  # ~x counts down where x counts up
    return np.lexsort((value, last), axis=axis)


@step.rule(ops.ArgReduce)
def _(op: ops.ArgReduce, p: Program) -> Sequence[Held]:
    held, most = p.values[op.x], isinstance(op, ops.ArgMax)
    poison = held.poison and Poison(np.asarray(held.poison.where.any(axis=op.axis)), held.poison.origin)
    x = held.data
    best = (np.fmax if most else np.fmin).reduce(x, axis=op.axis, keepdims=True)
    found = np.argmax(x == best, axis=op.axis)  # the first true; where all are NaN none is, and that gives 0
    return [Held(np.asarray(found).astype(np.int32), poison)]
