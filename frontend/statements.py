"""Plain statements: assignments, expressions, assertions, return."""

from __future__ import annotations

import ast

from tilevm.ir import Value
from tilevm.types import Tensor, Tile

from .calls.arguments import counted
from .dispatch import expression, statement
from .frame import Frame
from .logic import truth
from .operators import BINARY, binary
from .values import describe, runtime_parts


@statement.rule(ast.Pass)
def nothing(node: ast.Pass, frame: Frame) -> None:
    """``pass``."""


@statement.rule(ast.Expr)
def lone(node: ast.Expr, frame: Frame) -> None:
    """A call for its effect; a docstring, or another value that nobody takes."""
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
    if not isinstance(node.target, ast.Name):
        bind(node.target, None, frame)
        return
    before = expression(ast.copy_location(ast.Name(node.target.id, ast.Load()), node.target), frame)
    after = binary(frame.builder, BINARY[type(node.op)], before, expression(node.value, frame))
    bind(node.target, after, frame)


def bind(target: ast.expr, value: object, frame: Frame) -> None:
    """Give ``value`` to what stands at the left of ``=``."""
    if isinstance(target, ast.Name):
        frame.names[target.id], frame.places[target.id] = value, frame.span(target)
        for part in runtime_parts(value):
            part.hint = part.hint or target.id
    elif isinstance(target, ast.Tuple | ast.List):
        unpack(target, value, frame)
    else:
        message, help = REFUSED.get(type(target), ("this cannot be assigned", None))
        raise frame.error(message, target, help=help)


REFUSED: dict[type[ast.expr], tuple[str, str | None]] = {
    ast.Subscript: (
        "elements cannot be assigned one by one",
        "write a tensor with a.store(offsets, tile); change parts of a tile with tv.where",
    ),
    ast.Attribute: ("attributes cannot be assigned in a kernel", "keep the value in a name of its own"),
    ast.Starred: ("* is not supported in kernels", "name the parts, or slice the tuple: rest = t[1:]"),
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
    starred = next((t for t in target.elts if isinstance(t, ast.Starred)), None)
    if starred is None and len(target.elts) != len(value):
        raise frame.error(f"{counted(len(target.elts), 'name')} for {describe(value)}", target)
    if starred is not None:
        bind(starred, value, frame)
    for part, held in zip(target.elts, value, strict=True):
        bind(part, held, frame)


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
            words = expression(node.msg, frame) if node.msg else ""
            raise frame.error(f"assertion failed: {words}" if node.msg else "assertion failed")


@statement.rule(ast.Return)
def give_back(node: ast.Return, frame: Frame) -> None:
    if frame.regions:
        raise frame.error(
            f"return inside {frame.regions[-1]} is not supported",
            help="return once, at the end; an if whose condition is known at compile time may hold a return",
        )
    if node.value is not None and frame.caller is None:
        value = expression(node.value, frame)
        if value is not None:
            raise frame.error("a kernel returns nothing", help="write results with a.store(offsets, tile)")
    elif node.value is not None:
        frame.result = expression(node.value, frame)
    frame.returned = True
