"""Assertions: a thread that finds one false stops everything. They are there only in code for debugging."""

from __future__ import annotations

from collections.abc import Sequence

from tilevm.ir import ops

from .elements import Elements, condition
from .state import State, spell


@spell.rule(ops.Assert)
def _(op: ops.Assert, s: State) -> Sequence[Elements]:
    (holds,) = s.values[op.condition]
    s.t.line("trap", condition(s.t, holds, yes=False))
    return ()
