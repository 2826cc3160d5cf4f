"""Lines combined from left to right, all lines of a tile at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tilevm.ir import Value, ops
from tilevm.types import f32

from .instructions import dtype_of
from .machine import Program, step
from .rounding import Array
from .values import Held, Poison, fit


def element(held: Held, axis: int, k: int) -> Held:
    """Element ``k`` of every line."""
    poison = held.poison and Poison(np.take(held.poison.where, k, axis), held.poison.origin)
    return Held(np.take(held.data, k, axis), poison)


def stacked(parts: Sequence[Held], axis: int) -> Held:
    """Elements of lines put together again."""
    data = np.stack([p.data for p in parts], axis)
    known = next((p.poison for p in parts if p.poison is not None), None)
    if known is None:
        return Held(data)
    clean = np.zeros(parts[0].data.shape, bool)
    where = [np.broadcast_to(p.poison.where if p.poison else clean, clean.shape) for p in parts]
    return Held(data, Poison(np.stack(where, axis), known.origin))


@step.rule(ops.Cumulative)
def _(op: ops.Cumulative, p: Program) -> Sequence[Held]:
    held, dtype = p.values[op.x], dtype_of(op.x)
    wide = f32 if dtype.is_float and dtype.bits < 32 else dtype
    combine = np.add if isinstance(op, ops.CumSum) else np.multiply
    x = np.flip(held.data, op.axis) if op.reverse else held.data
    parts: list[Array] = []
    with np.errstate(all="ignore"):
        for k in range(x.shape[op.axis]):
            one = np.take(x, k, op.axis)
            parts.append(fit(wide, combine(parts[-1], one)) if parts else one)
        found = fit(dtype, np.stack(parts, op.axis))
    poison = held.poison and Poison(unknown(held.poison.where, op.axis, op.reverse), held.poison.origin)
    return [Held(np.flip(found, op.axis) if op.reverse else found, poison)]


def unknown(where: Array, axis: int, reverse: bool) -> Array:
    """Everything behind an unknown element."""
    turned = np.flip(where, axis) if reverse else where
    spread = np.logical_or.accumulate(turned, axis)
    return np.flip(spread, axis) if reverse else spread


def steps(op: ops.Scan | ops.Fold, p: Program, order: Sequence[int]) -> list[list[Held]]:
    """What was combined after each element, in this order."""
    xs = [p.values[x] for x in op.xs]
    found = [[element(x, op.axis, order[0]) for x in xs]]
    for k in order[1:]:
        made = p.block(op.combine, [*found[-1], *(element(x, op.axis, k) for x in xs)])
        found.append([filling(m, v.data, x) for m, v, x in zip(made, found[0], op.xs, strict=True)])
    return found


def filling(made: Held, like: Array, x: Value) -> Held:
    """A combined value for every line, where the block gave one for all."""
    data = fit(dtype_of(x), np.broadcast_to(made.data, like.shape))
    poison = made.poison and Poison(np.broadcast_to(made.poison.where, like.shape), made.poison.origin)
    return Held(data, poison)


def length(op: ops.Scan | ops.Fold, p: Program) -> int:
    return int(p.values[op.xs[0]].data.shape[op.axis])


@step.rule(ops.Scan)
def _(op: ops.Scan, p: Program) -> Sequence[Held]:
    order = range(length(op, p))
    found = steps(op, p, order[::-1] if op.reverse else order)
    placed = found[::-1] if op.reverse else found
    return [stacked(parts, op.axis) for parts in zip(*placed, strict=True)]


@step.rule(ops.Fold)
def _(op: ops.Fold, p: Program) -> Sequence[Held]:
    return steps(op, p, range(length(op, p)))[-1]
