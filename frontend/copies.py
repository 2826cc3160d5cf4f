"""Loops at compile time: the body once for each part of a tuple or list."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from functools import partial

from tilevm.source import Note

from .exits import BREAK, CONTINUE, GONE, flag, gone, perhaps
from .frame import Frame
from .reading import stores
from .sequence import guarded, run
from .statements import bind
from .values import List, same

MOST = 100_000  # copies in one kernel


def copies(node: ast.For, over: tuple[object, ...], frame: Frame) -> None:
    """The body of ``node`` for each part. Where a run may have left, the copies that follow stand under an if."""
    target = frame.flow.targets[node]
    watched = list(walked(node.iter, frame))
    with frame.loop(node):
        for at, part in enumerate(over):
            if gone(frame.names):
                break
            work = partial(copy, node, part, over[at + 1 :], frame)
            if perhaps(frame.names):
                names = [*stores(node.target), *frame.changed(node.body)]
                guarded(frame, work, names, target.after | target.again)
            else:
                work()
            refuse_changes(node, watched, at + 1, frame)
        frame.names[GONE] = gone(frame.names) and flag(frame.names, BREAK) is False
        frame.names[BREAK] = False


def copy(node: ast.For, part: object, ahead: tuple[object, ...], frame: Frame) -> None:
    """One copy; whoever continues goes on after it. ``ahead`` are the parts still to come."""
    count(node, frame)
    frame.ahead.append(ahead)
    bind(node.target, part, frame)
    run(node.body, frame)
    frame.ahead.pop()
    frame.names[GONE] = gone(frame.names) and flag(frame.names, CONTINUE) is False
    frame.names[CONTINUE] = False


def count(node: ast.For, frame: Frame) -> None:
    """Raises TileError where loops inside loops repeat too much."""
    *_, kernel = frame.stack()
    kernel.copies += 1
    if kernel.copies > MOST:
        raise frame.error(
            f"loops repeat their bodies more than {MOST} times while compiling", node, help="use range or tv.range"
        )


Watched = tuple[str, List, Callable[[int, int], range]]


def walked(over: ast.expr, frame: Frame, backwards: bool = False) -> Iterator[Watched]:
    """The lists that a loop goes over itself, by name, and which of n elements are not yet done after k passes."""
    if isinstance(over, ast.Name) and isinstance(held := frame.names.get(over.id), List):
        yield over.id, held, (lambda k, n: range(n - k)) if backwards else range
    elif isinstance(over, ast.Call) and isinstance(over.func, ast.Name):
        if over.func.id in ("enumerate", "zip", "reversed"):
            for inner in over.args:
                yield from walked(inner, frame, backwards is not (over.func.id == "reversed"))


def refuse_changes(node: ast.For, watched: list[Watched], done: int, frame: Frame) -> None:
    """Raises TileError where the body changes elements that Python's loop would still come to."""
    for name, held, left in watched:
        now = frame.names.get(name)
        if not isinstance(now, List) or not now.origins & held.origins or now is held:
            continue
        message = (
            f"{name} had {len(held)} parts when this loop began to go over it, and has {len(now)} after pass {done}"
        )
        if len(now) == len(held):
            late = [i for i in left(done, len(held)) if not same(held[i], now[i])]
            if not late:
                continue
            message = f"{name}[{late[0]}] changes in pass {done}, before the loop comes to it"
        notes = [Note("it changes here", frame.places[name])] if name in frame.places else []
        raise frame.error(message, node.iter, notes, f"go over a copy: list({name})")
