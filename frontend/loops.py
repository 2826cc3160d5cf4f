"""Loops at run time: over ranges, and while a condition holds."""

from __future__ import annotations

import ast

from tilevm.ir import Op, Value
from tilevm.ir.build import block
from tilevm.ir.ops import And, For, If
from tilevm.types import DType, Scalar, bool_, i64

from .carried import Carried
from .copies import copies
from .dispatch import expression, statement
from .exits import BREAK, RETURN, STAYS, flag
from .frame import Frame
from .leaving import Kept, Leaving, carry
from .logic import truth
from .promote import as_dtype, dtype_of, natural, strong
from .sequence import run
from .stepping import Bounds, another, first
from .values import Missing, Range, Stream, describe, is_number, is_scalar


@statement.rule(ast.For)
def for_loop(node: ast.For, frame: Frame) -> None:
    """Over a range: a run-time loop. Over a tuple or list: the body once for each part."""
    refuse_else(node, frame)
    over = expression(node.iter, frame)
    if isinstance(over, Range):
        counted_loop(node, over, frame)
    elif isinstance(over, tuple | Stream):
        copies(node, over if isinstance(over, tuple) else over.parts, frame)
    else:
        raise frame.error(
            f"a loop runs over a range, a tuple or a list, not over {describe(over)}",
            node.iter,
            help="for i in range(n), or for part in (a, b, c)",
        )


def refuse_else(node: ast.For | ast.While, frame: Frame) -> None:
    if node.orelse:
        raise frame.error(
            "else after a loop is not supported in kernels",
            node.orelse[0],
            help="write it after the loop, under an if on a flag that is set before each break",
        )


def counted_loop(node: ast.For, over: Range, frame: Frame) -> None:
    """A loop over a range, whose bounds may be known at compile time or not."""
    if not isinstance(node.target, ast.Name):
        raise frame.error("a range gives one number at a time", node.target, help="name one loop variable")
    name = node.target.id
    with frame.at(node.iter):
        dtype = range_dtype(over, frame)
        lower, upper, step = (as_dtype(frame.builder, p, dtype) for p in (over.start, over.stop, over.step))
    carried = Carried(frame, [n for n in frame.changed(node.body) if n != name])
    index = Value(Scalar(dtype), name)
    with frame.loop(node), frame.region({**carried.inside(frame), **STAYS, name: index}) as ops:
        run(node.body, frame)
        ends = frame.names
    if leaves_loop(ends):
        until_left(frame, over, (lower, upper, step), index, carried, ends, ops)
    else:
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
    reason = f"{name} belongs to this loop and ends with it"
    mend = f"keep it under another name, which has a value before the loop, as in last = {name}"
    frame.names[name] = Missing(reason, frame.builder.span, mend)


def leaves_loop(ends: dict[str, object]) -> bool:
    """Whether some run may end a loop at the end of this pass, before its condition does."""
    return flag(ends, BREAK) is not False or flag(ends, RETURN) is not False


def until_left(
    frame: Frame, over: Range, bounds: Bounds, index: Value, carried: Carried, ends: dict[str, object], ops: list[Op]
) -> None:
    """A loop over a range that may be left: a while that carries the index and whether there is one more pass."""
    builder = frame.builder
    leaving = Leaving(frame, ends, ops)
    with builder.collect() as more:
        following, ahead = another(builder, index, bounds, over.step)
        goes_on = builder.add(And, a=ahead, b=leaving.stays(builder)).result
    ops += more
    yields = carried.close(frame, ends, ops, also=leaving.ended)
    goes = Kept(first(builder, bounds, over.step), Value(Scalar(bool_), "live"), goes_on)
    kept = [*leaving.kept, Kept(bounds[0], index, following), goes]
    params = tuple(Value(v.type, v.hint) for v in (*(k.inside for k in kept), *carried.params(-1)))
    live = params[len(kept) - 1]
    results = carry(frame, kept, carried, ((), live), (ops, yields), params)
    leaving.leave(frame, results, endless=False)


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
    carried = Carried(frame, frame.changed(node.body))
    with frame.region({**carried.inside(frame), **STAYS}) as tests, frame.at(node.test):
        condition = truth(frame.builder, expression(node.test, frame))
    if condition is False:
        return
    with frame.loop(node), frame.region({**carried.inside(frame), **STAYS}) as ops:
        run(node.body, frame)
        ends = frame.names
    if leaves_loop(ends):
        while_not_left(frame, carried, condition, tests, ends, ops)
        return
    if not isinstance(condition, Value):
        raise frame.error(
            "this loop never ends: its condition is always true, and nothing leaves it",
            node.test,
            help="test something that the body changes, or leave with break",
        )
    yields = carried.close(frame, ends, ops, tests)
    carry(frame, (), carried, (tests, condition), (ops, yields), carried.params(0))


def while_not_left(
    frame: Frame, carried: Carried, condition: Value | bool, tests: list[Op], ends: dict[str, object], ops: list[Op]
) -> None:
    """A while that may be left: it carries whether a run stays, and only then tests its condition."""
    builder, here = frame.builder, frame.builder.span
    leaving = Leaving(frame, ends, ops)
    with builder.collect() as more:
        stays = leaving.stays(builder)
    ops += more
    yields = carried.close(frame, ends, ops, tests, also=leaving.ended)
    live = Value(Scalar(bool_), "live")
    asked, whole = live, list[Op]()
    if isinstance(condition, Value) or tests:
        with builder.collect() as nothing:
            no = builder.constant(False, bool_)
        found = condition if isinstance(condition, Value) else live
        then, otherwise = block((), tests, (found,), here), block((), nothing, (no,), here)
        with builder.collect() as whole:
            asked = builder.add(If, condition=live, then=then, otherwise=otherwise).result
    kept = [*leaving.kept, Kept(builder.constant(True, bool_), Value(Scalar(bool_), "live"), stays)]
    params = (*(Value(k.inside.type, k.inside.hint) for k in leaving.kept), live, *carried.params(0))
    results = carry(frame, kept, carried, (whole, asked), (ops, yields), params)
    leaving.leave(frame, results, endless=condition is True)
