"""Where the largest or the smallest element of a line stands."""

from __future__ import annotations

from dataclasses import dataclass

from tilevm.ir import ops
from tilevm.types import DType, Kind

from .access import Row
from .casts import widen
from .context import Context
from .emit import I32, LLVM, Emitter, lanes_of, memory_type
from .index import is_tile, shape
from .points import dtype_of
from .steps import Whole
from .whole import Bundle, Lines, bundles, elements, load, store, whole, width


@dataclass(frozen=True)
class Best:
    """The extreme so far of each lane, and its index."""

    op: ops.ArgReduce
    e: Emitter
    dtype: DType

    def better(self, x: LLVM, than: LLVM) -> LLVM:
        """Where ``x`` goes before ``than``; any number goes before NaN."""
        order, b = ">" if isinstance(self.op, ops.ArgMax) else "<", self.e.b
        if not self.dtype.is_float:
            return (b.icmp_signed if self.dtype.kind is Kind.SIGNED else b.icmp_unsigned)(order, x, than)
        first = b.and_(b.fcmp_ordered("ord", x, x), b.fcmp_unordered("uno", than, than))
        return b.or_(b.fcmp_ordered(order, x, than), first)

    def take(self, best: list[LLVM], x: LLVM, index: LLVM, where: LLVM | None = None) -> list[LLVM]:
        """``best`` after one more element, whose index is above all before it."""
        found = self.better(x, best[0])
        if where is not None:
            found = self.e.b.and_(found, where)
        return [self.e.b.select(found, x, best[0]), self.e.b.select(found, index, best[1])]

    def across(self, best: list[LLVM]) -> LLVM:
        """The index of the best of all lanes; of equal ones the least."""
        value, index = best
        at = [self.e.index(n) for n in range(lanes_of(value))]
        pairs = [(self.e.b.extract_element(value, n), self.e.b.extract_element(index, n)) for n in at]
        (top, place), *rest = pairs
        for x, i in rest:
            tie = self.e.b.not_(self.better(top, x))  # neither is better, or x is
            earlier = self.e.b.and_(tie, self.e.b.icmp_signed("<", i, place))
            found = self.e.b.or_(self.better(x, top), earlier)
            top, place = self.e.b.select(found, x, top), self.e.b.select(found, i, place)
        return place


@whole.rule(ops.ArgReduce)
def _(op: ops.ArgReduce, c: Context, step: Whole) -> None:
    lines = Lines.of(shape(op.x), op.axis)
    if lines.inner > 1:
        bundles(c, lines, lambda bundle: down(c, op, step, lines, bundle))
    elif is_tile(op.result):
        elements(c, lines.outer, lambda n: put(c, op, n, along(c, op, step, lines.length, n)))
    else:
        c.numbers[op.result] = along(c, op, step, lines.length, c.e.i64(0))


def put(c: Context, op: ops.ArgReduce, n: LLVM, index: LLVM) -> None:
    buffer = c.memory.of[op.result]
    store(c, Row(c.e.at(c.buffer(buffer), n, I32), buffer.dtype, 1), index, op.result, 0, 0)


def down(c: Context, op: ops.ArgReduce, step: Whole, lines: Lines, bundle: Bundle) -> None:
    """Lines side by side, one a lane."""
    e, value, dtype = c.e, step.held(op.x), dtype_of(op.x)
    best = Best(op, e, dtype)

    def read(k: LLVM) -> LLVM:
        return widen(e, bundle.load(c, value, lines.length, k), dtype)

    def body(n: LLVM, so_far: list[LLVM]) -> list[LLVM]:
        k = e.b.add(n, e.i64(1))
        return best.take(so_far, read(k), e.splat(e.b.trunc(k, I32), bundle.lanes))

    found = e.loop(lines.length - 1, [read(e.i64(0)), e.splat(e.index(0), bundle.lanes)], body)
    bundle.store(c, op.result, 1, e.i64(0), found[1])


def along(c: Context, op: ops.ArgReduce, step: Whole, length: int, n: LLVM) -> LLVM:
    """Line ``n``, whose elements are neighbours: every lane looks at some of them."""
    e, value, dtype, lanes = c.e, step.held(op.x), dtype_of(op.x), width(c, length)
    best, buffer = Best(op, e, dtype), c.memory.of[value]
    base = e.at(c.buffer(buffer), e.b.mul(n, e.i64(length)), memory_type(buffer.dtype))

    def read(j: LLVM, lanes: int, tail: int) -> LLVM:
        row = Row(e.at(base, j, memory_type(buffer.dtype)), buffer.dtype, 1)
        return widen(e, load(c, row, value, lanes, tail), dtype)

    def vector(j: LLVM, so_far: list[LLVM], tail: int = 0) -> list[LLVM]:
        place = e.b.add(e.splat(e.b.trunc(j, I32), lanes), e.iota(lanes))
        return best.take(so_far, read(j, lanes, tail), place, e.head(tail, lanes) if tail else None)

    start = [e.splat(read(e.i64(0), 0, 0), lanes), e.splat(e.index(0), lanes)]
    full, tail = divmod(length, lanes)
    found = e.loop(full, start, lambda i, so_far: vector(e.b.mul(i, e.i64(lanes)), so_far))
    return best.across(vector(e.i64(full * lanes), found, tail) if tail else found)
