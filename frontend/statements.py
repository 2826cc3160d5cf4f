"""Plain statements: assignments, expressions, assertions, return."""

from __future__ import annotations

import ast

from tilevm.ir import Value
from tilevm.types import Tensor, Tile

from .calls.arguments import counted
from .dispatch import expression, statement
from .frame import Frame
from .lists import assign_item, augment, augment_item, method_call, refuse_stream
from .logic import truth
from .values import List, describe, runtime_parts, shown


@statement.rule(ast.Pass)
def nothing(node: ast.Pass, frame: Frame) -> None:
    """``pass``."""


@statement.rule(ast.Expr)
def lone(node: ast.Expr, frame: Frame) -> None:
    """A call for its effect; a docstring, or another value that nobody takes."""
    if not (isinstance(node.value, ast.Call) and method_call(node.value, frame)):
        expression(node.value, frame)


@statement.rule(ast.Assign)
def assign(node: ast.Assign, frame: Frame) -> None:
    value = expression(node.value, frame)
    for target in node.targets:
        bind(target, value, frame)


@statement.rule(ast.AnnAssign)
def annotated(node: ast.AnnAssign, frame: Frame) -> None:
    if node.value is not None:
        bind(node.target, expression(node.value, frame), frame)


@statement.rule(ast.AugAssign)
def augmented(node: ast.AugAssign, frame: Frame) -> None:
    target = node.target
    if isinstance(target, ast.Subscript):
        augment_item(node, target, frame)
    elif isinstance(target, ast.Name):
        before = expression(ast.copy_location(ast.Name(target.id, ast.Load()), target), frame)
        bind(target, augment(node, before, expression(node.value, frame), frame, (target.id, ())), frame)
    else:
        bind(target, None, frame)


def bind(target: ast.expr, value: object, frame: Frame) -> None:
    """Give ``value`` to what stands at the left of ``=``."""
    refuse_stream(value, target, frame)
    if isinstance(target, ast.Name):
        frame.names[target.id], frame.places[target.id] = value, frame.span(target)
        for part in runtime_parts(value):
            part.hint = part.hint or target.id
    elif isinstance(target, ast.Tuple | ast.List):
        unpack(target, value, frame)
    elif isinstance(target, ast.Subscript):
        assign_item(target, value, frame)
    else:
        message, help = REFUSED.get(type(target), ("this cannot be assigned", None))
        raise frame.error(message, target, help=help)


REFUSED: dict[type[ast.expr], tuple[str, str | None]] = {
    ast.Attribute: ("attributes cannot be assigned in a kernel", "keep the value in a name of its own"),
}


def unpack(target: ast.Tuple | ast.List, value: object, frame: Frame) -> None:
    """``a, b = value``."""
    if not isinstance(value, tuple):
        tile = isinstance(value, Value) and isinstance(value.type, Tile | Tensor)
        raise frame.error(
            f"{describe(value)} cannot be unpacked into {counted(len(target.elts), 'name')}",
            target,
            help="its extents are x.shape" if tile else None,
        )
    starred = next((at for at, t in enumerate(target.elts) if isinstance(t, ast.Starred)), None)
    needs = len(target.elts) - (starred is not None)
    if len(value) < needs or (starred is None and len(value) > needs):
        more = "give each part a name; _ does for one that is not needed"
        fewer = f"leave out {counted(needs - len(value), 'name')}"
        raise frame.error(
            f"{counted(needs, 'name')} for {describe(value)}", target, help=more if len(value) > needs else fewer
        )
    parts: list[object] = list(value)
    if starred is not None:
        end = starred + len(parts) - needs
        parts[starred:end] = [List(parts[starred:end])]
    for part, held in zip(target.elts, parts, strict=True):
        bind(part.value if isinstance(part, ast.Starred) else part, held, frame)


@statement.rule(ast.Assert)
def check(node: ast.Assert, frame: Frame) -> None:
    with frame.at(node.test):
        found = expression(node.test, frame)
        if isinstance(found, Value):
            raise frame.error(
                "this condition is known only at run time; an assert is checked while compiling",
                help="check it with tv.device_assert, before the launch, or test a tv.constexpr parameter",
            )
        if not truth(frame.builder, found):
            words = shown(expression(node.msg, frame)) if node.msg else ""
            raise frame.error(
                f"assertion failed: {words}" if node.msg else "assertion failed",
                help=f"give compile-time arguments for which {ast.unparse(node.test)}",
            )
