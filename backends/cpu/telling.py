"""Code that prints and asserts: it writes the buffer that :mod:`.report` reads."""

from __future__ import annotations

from math import prod

from tilevm.ir import Value, ops

from .access import Row, store_scalar, store_vector
from .context import Context
from .emit import I8, I64, LLVM
from .index import is_tile, shape
from .points import dtype_of
from .report import ELEMENT, HEAD, LOCK, LOST, PROGRAM, ROOM, SITE, USED, WORD, words
from .steps import Whole
from .whole import flat, for_vectors, load, operand, whole


@whole.rule(ops.Print)
def _(op: ops.Print, c: Context, step: Whole) -> None:
    show(c, op, step)


@whole.rule(ops.Assert)
def _(op: ops.Assert, c: Context, step: Whole) -> None:
    count, e = prod(shape(op.condition)), c.e

    def look(i: LLVM, found: list[LLVM]) -> list[LLVM]:
        wrong = e.b.not_(operand(c, step, op.condition, i))
        first = e.b.icmp_unsigned("<", i, found[0])
        return [e.b.select(e.b.and_(wrong, first), i, found[0])]

    (first,) = e.loop(count, [e.i64(count)], look)
    check(c, op, e.b.icmp_unsigned("==", first, e.i64(count)), first)


def word(c: Context, number: int) -> LLVM:
    """The address of a word of the head."""
    assert c.report is not None, "only kernels for debugging tell"
    return c.e.at(c.report, c.e.i64(number), I64)


def program(c: Context) -> LLVM:
    """This program's number in the grid."""
    x, y, z = (c.e.b.zext(p, I64) for p in c.programs)
    nx, ny, _ = (c.e.b.zext(n, I64) for n in c.grid)
    return c.e.b.add(c.e.b.mul(c.e.b.add(c.e.b.mul(z, ny), y), nx), x)


def check(c: Context, op: ops.Assert, holds: LLVM, element: LLVM) -> None:
    """Leave word of an assertion that failed, unless an earlier program has."""
    e = c.e
    with e.when(e.b.not_(holds)):
        again, alone = e.block("again"), e.block("alone")
        e.b.branch(again)
        e.b.position_at_end(again)
        taken = e.b.cmpxchg(word(c, LOCK), e.i64(0), e.i64(1), "acquire", "monotonic")
        e.b.cbranch(e.b.extract_value(taken, 1), alone, again)
        e.b.position_at_end(alone)
        before = e.load(word(c, PROGRAM), I64, 0)
        with e.when(e.b.icmp_signed("<", program(c), before)):
            for number, held in ((PROGRAM, program(c)), (SITE, e.i64(c.sites[op])), (ELEMENT, element)):
                e.store(held, word(c, number))
        e.b.atomic_rmw("xchg", word(c, LOCK), e.i64(0), "release")


def show(c: Context, op: ops.Print, step: Whole | None = None) -> None:
    """Leave a record of the values, or count it where there is no room."""
    e, size = c.e, WORD * (2 + sum(map(words, op.values)))
    start = e.b.atomic_rmw("add", word(c, USED), e.i64(size), "monotonic")
    fits = e.b.icmp_signed("<=", e.b.add(start, e.i64(size)), e.i64(ROOM))

    def record() -> list[LLVM]:
        base = e.at(word(c, HEAD), start, I8)
        e.store(program(c), base)
        e.store(e.i64(c.sites[op]), e.at(base, e.i64(1), I64))
        at = 2
        for value in op.values:
            put(c, e.at(base, e.i64(at), I64), value, step)
            at += words(value)
        return []

    def lost() -> list[LLVM]:
        e.b.atomic_rmw("add", word(c, LOST), e.i64(1), "monotonic")
        return []

    e.either(fits, record, lost)


def put(c: Context, base: LLVM, value: Value, step: Whole | None) -> None:
    """A value at its place in a record."""
    dtype = dtype_of(value)
    target = Row(base, dtype, 1)
    if not is_tile(value):
        store_scalar(c, target, c.numbers[value])
        return
    assert step is not None
    held = step.held(value)

    def vector(j: LLVM, lanes: int, tail: int) -> None:
        store_vector(c, target, load(c, flat(c, held, j), held, lanes, tail), j, tail)

    for_vectors(c, prod(shape(value)), vector)
