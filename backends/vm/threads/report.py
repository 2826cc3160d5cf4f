"""Lines and assertions about tiles that lie in registers of all threads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tilevm.debug import failed, told
from tilevm.ir import Op, Value, ops, threads
from tilevm.ir.threads.op import numbers
from tilevm.ir.threads.report import read
from tilevm.passes.threads.coordinates import first_owners

from ..rounding import Array
from .block import State, ThreadBlock, act


@act.rule(ops.Assert)
def _(op: ops.Assert, b: ThreadBlock) -> Sequence[State]:
    if not b.array(op.condition, op, "the condition").all():
        raise failed(op.message, op.span, b.place, ())
    return ()


@act.rule(threads.Check)
def _(op: threads.Check, b: ThreadBlock) -> Sequence[State]:
    holds = whole(op, b, op.condition, op.lies, "the condition")
    if not holds.all():
        raise failed(op.message, op.span, b.place, np.argwhere(~holds)[0].tolist() if op.lies else ())
    return ()


@act.rule(threads.Tell)
def _(op: threads.Tell, b: ThreadBlock) -> Sequence[State]:
    shown = [
        (numbers(op, value)[0], whole(op, b, value, lies, "a value"))
        for value, lies in zip(op.values, op.lies, strict=True)
    ]
    kept = [held if lies else held[0] for (_, held), lies in zip(shown, op.lies, strict=True)]
    print(told(op.text, b.place, [(dtype, held) for (dtype, _), held in zip(shown, kept, strict=True)]))
    return ()


def whole(op: Op, b: ThreadBlock, value: Value, lies: str, what: str) -> Array:
    """A tile out of the registers of all threads; of a number, that of each thread. Poison in it is reported."""
    held = b.held(value)
    if not lies:
        return b.array(value, op, what)
    owners = first_owners(*read(lies))
    if held.poison is not None and held.poison.where[owners].any():
        here = np.zeros_like(held.poison.where)
        here[owners] = held.poison.where[owners]
        b.poisoned(op, held.poison, here, what)
    return held.data[owners]
