"""Pieces of tiles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tilevm.ir import ops

from .instructions import rearranged
from .machine import Program, step
from .values import Held, Poison


@step.rule(ops.Slice)
def _(op: ops.Slice, p: Program) -> Sequence[Held]:
    box = tuple(slice(at, at + size) for at, size in zip(op.starts, op.shape, strict=True))
    return [rearranged(p.values[op.x], lambda x: x[box])]


@step.rule(ops.Extract)
def _(op: ops.Extract, p: Program) -> Sequence[Held]:
    return [rearranged(p.values[op.x], lambda x: np.asarray(x[op.at]))]


@step.rule(ops.Concat)
def _(op: ops.Concat, p: Program) -> Sequence[Held]:
    parts = [p.values[x] for x in op.xs]
    data = np.concatenate([h.data for h in parts], op.axis)
    known = next((h.poison for h in parts if h.poison is not None), None)
    if known is None:
        return [Held(data)]
    where = [h.poison.where if h.poison else np.zeros(h.data.shape, bool) for h in parts]
    return [Held(data, Poison(np.concatenate(where, op.axis), known.origin))]
