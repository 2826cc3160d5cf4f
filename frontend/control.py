"""Branches and loops."""

from __future__ import annotations

import ast

from tilevm.ir import Value
from tilevm.ir.build import block
from tilevm.ir.ops import For, If, While
from tilevm.types import DType, Scalar, i64

from .carried import Carried
from .dispatch import expression, run, statement
from .frame import Frame
from .joined import Side, join
from .logic import truth
from .promote import as_dtype, dtype_of, natural, strong
from .reading import assigned
from .statements import bind
from .values import Missing, Range, describe, is_number, is_scalar


@statement.rule(ast.If)
def branch(node: ast.If, frame: Frame) -> None:
    """A compile-time condition traces one side; a run-time one both, and carries out what they assign."""
    with frame.at(node.test):
        condition = truth(frame.builder, expression(node.test, frame))
    if not isinstance(condition, Value):
        run(node.body if condition else node.orelse, frame)
        return
    then, otherwise = (side(statements, frame) for statements in (node.body, node.orelse))
    joined = join(frame, assigned([*node.body, *node.orelse]), then, otherwise)
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


def side(statements: list[ast.stmt], frame: Frame) -> Side:
    """One side of a branch, traced."""
    before, frame.places = frame.places, dict(frame.places)
    with frame.region("an if whose condition is known only at run time", frame.names) as ops:
        run(statements, frame)
        made = Side(ops, frame.names, frame.places)
    frame.places = before
    return made


@statement.rule(ast.For)
def for_loop(node: ast.For, frame: Frame) -> None:
    """Over a range: a run-time loop. Over a tuple: the body once for each part."""
    refuse_else(node, frame)
    over = expression(node.iter, frame)
    if isinstance(over, Range):
        counted_loop(node, over, frame)
        return
    if not isinstance(over, tuple):
        raise frame.error(
            f"a loop runs over a range or a tuple, not over {describe(over)}",
            node.iter,
            help="for i in range(n), or for part in (a, b, c)",
        )
    for part in over:
        if not frame.returned:
            bind(node.target, part, frame)
            run(node.body, frame)


def refuse_else(node: ast.For | ast.While, frame: Frame) -> None:
    if node.orelse:
        raise frame.error(
            "else after a loop is not supported in kernels", node.orelse[0], help="write it after the loop"
        )


def counted_loop(node: ast.For, over: Range, frame: Frame) -> None:
    """A loop over a range, whose bounds may be known at compile time or not."""
    if not isinstance(node.target, ast.Name):
        raise frame.error("a range gives one number at a time", node.target, help="name one loop variable")
    name = node.target.id
    with frame.at(node.iter):
        dtype = range_dtype(over, frame)
        lower, upper, step = (as_dtype(frame.builder, p, dtype) for p in (over.start, over.stop, over.step))
    carried = Carried(frame, [n for n in assigned(node.body) if n != name])
    index = Value(Scalar(dtype), name)
    with frame.region("a loop", {**carried.inside(frame), name: index}) as ops:
        run(node.body, frame)
        ends = frame.names
    yields = carried.close(frame, ends, ops)
    made = frame.builder.add(
        For,
        lower=lower,
        upper=upper,
        step=step,
        carried=carried.given(),
        body=block((index, *carried.params(0)), ops, yields, frame.builder.span),
        num_stages=over.num_stages,
        unroll=over.unroll,
        hints=carried.hints(),
    )
    carried.leave(frame, made.results)
    frame.names[name] = Missing(f"{name} belongs to this loop and ends with it", frame.builder.span)


def range_dtype(over: Range, frame: Frame) -> DType:
    """The integer type of a loop variable."""
    parts = (over.start, over.stop, over.step)
    known = [dtype_of(p) for p in parts if is_scalar(p)]
    found = known[0] if known else max((natural(frame.builder, p) for p in parts if is_number(p)), key=lambda d: d.bits)
    for dtype in known[1:]:
        met = strong(found, dtype)
        if met is None:
            raise frame.error(f"the parts of a range are {found} and {dtype}", help=f"convert one with .to(tv.{i64})")
        found = met
    return found


@statement.rule(ast.While)
def while_loop(node: ast.While, frame: Frame) -> None:
    """A loop that tests its condition before each pass."""
    refuse_else(node, frame)
    carried = Carried(frame, assigned(node.body))
    with frame.region("the condition of a loop", carried.inside(frame)) as tests, frame.at(node.test):
        condition = truth(frame.builder, expression(node.test, frame))
    if not isinstance(condition, Value):
        if condition:
            raise frame.error(
                "this loop never ends: its condition is always true",
                node.test,
                help="test something that the body changes; break is not supported",
            )
        return
    with frame.region("a loop", carried.inside(frame)) as ops:
        run(node.body, frame)
        ends = frame.names
    yields = carried.close(frame, ends, ops, tests)
    here = frame.builder.span
    made = frame.builder.add(
        While,
        carried=carried.given(),
        condition=block(carried.params(0), tests, (condition,), here),
        body=block(carried.params(1), ops, yields, here),
        hints=carried.hints(),
    )
    carried.leave(frame, made.results)
