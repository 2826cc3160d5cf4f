"""Lines combined from left to right; lines beside each other in the lanes of vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tilevm.ir import Block, Value, ops

from . import arithmetic
from .casts import narrow, widen
from .context import Context
from .emit import LLVM
from .index import is_tile, shape
from .points import dtype_of
from .steps import Whole
from .whole import Bundle, Lines, bundles, splat, whole

Combine = Callable[[Sequence[LLVM], Sequence[LLVM]], list[LLVM]]


@whole.rule(ops.Cumulative)
def _(op: ops.Cumulative, c: Context, step: Whole) -> None:
    """16-bit floats stay in f32 from the first element to the last."""
    lines, e, dtype = Lines.of(shape(op.x), op.axis), c.e, dtype_of(op.x)
    value, kind = step.held(op.x), ops.Add if isinstance(op, ops.CumSum) else ops.Mul
    combine = (arithmetic.FLOAT_BINARY if dtype.is_float else arithmetic.INT_BINARY)[kind]

    def line(bundle: Bundle) -> None:
        def read(k: LLVM) -> list[LLVM]:
            return [widen(e, bundle.load(c, value, lines.length, k), dtype)]

        def write(k: LLVM, total: Sequence[LLVM]) -> None:
            bundle.store(c, op.result, lines.length, k, narrow(e, total[0], dtype))

        walk(c, lines.length, op.reverse, read, lambda a, x: [combine(e.b, a[0], x[0])], write)

    bundles(c, lines, line)


@whole.rule(ops.Scan)
def _(op: ops.Scan, c: Context, step: Whole) -> None:
    lines = Lines.of(shape(op.xs[0]), op.axis)

    def line(bundle: Bundle) -> None:
        def write(k: LLVM, found: Sequence[LLVM]) -> None:
            for result, x in zip(op.results, found, strict=True):
                bundle.store(c, result, lines.length, k, x)

        walk(c, lines.length, op.reverse, reader(c, op.xs, step, lines, bundle), block(c, op.combine), write)

    bundles(c, lines, line)


@whole.rule(ops.Fold)
def _(op: ops.Fold, c: Context, step: Whole) -> None:
    lines = Lines.of(shape(op.xs[0]), op.axis)

    def line(bundle: Bundle) -> None:
        read = reader(c, op.xs, step, lines, bundle)
        found = walk(c, lines.length, False, read, block(c, op.combine), lambda k, found: None)
        for result, x in zip(op.results, found, strict=True):
            if is_tile(result):
                bundle.store(c, result, 1, c.e.i64(0), x)
            else:
                c.numbers[result] = x

    bundles(c, lines, line)


def reader(c: Context, xs: Sequence[Value], step: Whole, lines: Lines, bundle: Bundle) -> Callable[[LLVM], list[LLVM]]:
    return lambda k: [bundle.load(c, step.held(x), lines.length, k) for x in xs]


def walk(
    c: Context,
    length: int,
    reverse: bool,
    read: Callable[[LLVM], list[LLVM]],
    combine: Combine,
    write: Callable[[LLVM, Sequence[LLVM]], None],
) -> list[LLVM]:
    """Read, combine and write every element of a line in order; what was combined in the end."""
    e = c.e

    def place(n: LLVM) -> LLVM:
        return e.b.sub(e.i64(length - 1), n) if reverse else n

    def body(n: LLVM, so_far: list[LLVM]) -> list[LLVM]:
        k = place(e.b.add(n, e.i64(1)))
        found = combine(so_far, read(k))
        write(k, found)
        return found

    first = read(place(e.i64(0)))
    write(place(e.i64(0)), first)
    return e.loop(length - 1, first, body)


def block(c: Context, body: Block) -> Combine:
    """A combining block on elements or vectors of them."""

    def combine(so_far: Sequence[LLVM], xs: Sequence[LLVM]) -> list[LLVM]:
        made = dict(zip(body.params, (*so_far, *xs), strict=True))

        def value(v: Value) -> LLVM:
            return made[v] if v in made else c.numbers[v]

        for op in body.ops[:-1]:
            if isinstance(op, ops.Constant):
                made[op.result] = arithmetic.constant(c.e, op.value, op.of)
            else:
                made[op.result] = arithmetic.compute(op, c.e, list(splat(c, [value(v) for v in op.operands])))
        return list(splat(c, [*(value(v) for v in body.end.operands), *so_far]))[: len(so_far)]

    return combine
