"""Printing and asserting, as the machine goes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tilevm.debug import failure, line
from tilevm.ir import ops

from .machine import Program, step
from .values import Held


@step.rule(ops.Print)
def _(op: ops.Print, p: Program) -> Sequence[Held]:
    print(line(op, p.place, [p.array(v, op, "a value") for v in op.values]))
    return ()


@step.rule(ops.Assert)
def _(op: ops.Assert, p: Program) -> Sequence[Held]:
    holds = p.array(op.condition, op, "the condition")
    if not holds.all():
        first = np.unravel_index(int(np.argmin(holds)), holds.shape)
        raise failure(op, p.place, [int(i) for i in first])
    return ()
