"""Assertions: a thread that finds one false stops everything. They are there only in code for debugging.

Lines that kernels print are left out: nothing here brings them to the host.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from tilevm.ir import ops, threads

from .booleans import LOGIC
from .elements import Element, Elements, condition
from .state import State, spell


@spell.rule(ops.Assert)
def _(op: ops.Assert, s: State) -> Sequence[Elements]:
    (holds,) = s.values[op.condition]
    s.t.line("trap", condition(s.t, holds, yes=False))
    return ()


@spell.rule(threads.Check)
def _(op: threads.Check, s: State) -> Sequence[Elements]:
    def both(a: Element, b: Element) -> Element:
        return LOGIC["and"](s.t, a, b)

    s.t.line("trap", condition(s.t, reduce(both, s.values[op.condition]), yes=False))
    return ()


@spell.rule(threads.Tell)
def _(op: threads.Tell, s: State) -> Sequence[Elements]:
    return ()
