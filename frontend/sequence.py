"""Statements one after another, up to where every run has left; what some runs have left stands under an if."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from tilevm.ir import Value
from tilevm.ir.build import block
from tilevm.ir.ops import If, Or

from .dispatch import statement
from .exits import BREAK, CONTINUE, GONE, STAYS, flag, gone, leaves, perhaps
from .frame import Frame
from .joined import Side, join

Names = frozenset[str]


def run(statements: Iterable[ast.stmt], frame: Frame) -> None:
    """Trace ``statements`` in order."""
    pending = list(statements)
    while pending and not gone(frame.names):
        if perhaps(frame.names):
            guarded(frame, partial(run, pending, frame), frame.changed(pending), frame.flow.after[pending[-1]])
            return
        node, *rest = pending
        frame.rests.append(rest)
        statement(node, frame)
        pending = frame.rests.pop()


def guarded(frame: Frame, work: Callable[[], None], names: Sequence[str], read: Names) -> None:
    """``work`` for the runs that have not left. ``read``: the names that are read after it."""
    flags = perhaps(frame.names)
    away = {**frame.names, GONE: True}
    if len(flags) == 1:
        away |= dict.fromkeys(flags, True)
    condition, *others = flags.values()
    for other in others:
        condition = frame.builder.add(Or, a=condition, b=other).result
    stays = side(work, frame, {**frame.names, **STAYS})
    conditional(frame, condition, Side([], away, frame.places), stays, names, read)


def side(work: Callable[[], None], frame: Frame, names: dict[str, object]) -> Side:
    """One side of a branch, traced."""
    before, frame.places = frame.places, dict(frame.places)
    with frame.region(names) as ops:
        work()
        made = Side(ops, frame.names, frame.places)
    frame.places = before
    return made


def prolong(given: Side, frame: Frame, statements: Sequence[ast.stmt]) -> None:
    """Trace more statements at the end of a side."""
    more = side(lambda: run(statements, frame), frame, given.names)
    given.ops += more.ops
    given.names, given.places = more.names, {**given.places, **more.places}


def conditional(frame: Frame, condition: Value, then: Side, otherwise: Side, names: Sequence[str], read: Names) -> None:
    """Join two sides. ``names`` are those that may differ, ``read`` those that are read after the branch."""
    early = leaves(then.names) or leaves(otherwise.names)
    needs = [needed(frame, s.names, read) for s in (then, otherwise)] if early else [None, None]
    joined = join(frame, names, (then, needs[0]), (otherwise, needs[1]))
    here = frame.builder.span
    made = frame.builder.add(
        If,
        condition=condition,
        then=block((), then.ops, joined.left, here),
        otherwise=block((), otherwise.ops, joined.right, here),
        hints=tuple(joined.hints),
    )
    joined.leave(frame, made.results)
    frame.places = {**then.places, **otherwise.places}


def needed(frame: Frame, names: dict[str, object], read: Names) -> Names:
    """The names whose values at the end of a side are read later, by whichever way runs go on from there."""
    found = frozenset() if gone(names) else read
    target = frame.targets[-1] if frame.targets else None
    for which in (BREAK, CONTINUE):
        if target and flag(names, which) is not False:
            found |= target.after if which == BREAK else target.again
    return found
