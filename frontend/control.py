"""Branches, and the statements that leave early."""

from __future__ import annotations

import ast
from functools import partial

from tilevm.ir import Value

from .dispatch import expression, statement
from .exits import BREAK, CONTINUE, GONE, RESULT, RETURN, gone, holds_exit
from .frame import Frame
from .logic import truth
from .sequence import conditional, prolong, run, side


@statement.rule(ast.If)
def branch(node: ast.If, frame: Frame) -> None:
    """A compile-time condition traces one side; a run-time one both, and carries out what they assign.

    Where one side leaves early, what follows the if belongs to the other side alone and is traced there.
    """
    with frame.at(node.test):
        condition = truth(frame.builder, expression(node.test, frame))
    if not isinstance(condition, Value):
        chosen = node.body if condition else node.orelse
        run([*chosen, *frame.take_rest()] if holds_exit(chosen) else chosen, frame)
        return
    names = frame.changed([*node.body, *node.orelse])
    last: ast.stmt = node
    then, otherwise = (side(partial(run, body, frame), frame, frame.names) for body in (node.body, node.orelse))
    if gone(then.names) is not gone(otherwise.names) and (rest := frame.take_rest()):
        names, last = list(dict.fromkeys((*names, *frame.changed(rest)))), rest[-1]
        prolong(otherwise if gone(then.names) else then, frame, rest)
    conditional(frame, condition, then, otherwise, names, frame.flow.after[last])


@statement.rule(ast.Break)
def leave_loop(node: ast.Break, frame: Frame) -> None:
    frame.names |= {BREAK: True, GONE: True}


@statement.rule(ast.Continue)
def next_pass(node: ast.Continue, frame: Frame) -> None:
    frame.names |= {CONTINUE: True, GONE: True}


@statement.rule(ast.Return)
def give_back(node: ast.Return, frame: Frame) -> None:
    value = None if node.value is None else expression(node.value, frame)
    if frame.caller is None and value is not None:
        raise frame.error("a kernel returns nothing", help="write results with a.store(offsets, tile)")
    frame.names |= {RETURN: True, GONE: True}
    if frame.caller is not None:
        frame.names[RESULT], frame.places[RESULT] = value, frame.span(node)
