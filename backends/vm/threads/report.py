"""Assertions, as threads check them."""

from __future__ import annotations

from collections.abc import Sequence

from tilevm.debug import failure
from tilevm.ir import ops

from .block import State, ThreadBlock, act


@act.rule(ops.Assert)
def _(op: ops.Assert, b: ThreadBlock) -> Sequence[State]:
    held = b.array(op.condition, op, "the condition")
    if not held.all():
        raise failure(op, b.place, ())
    return ()
