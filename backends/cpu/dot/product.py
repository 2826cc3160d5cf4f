"""Matrix products: operands brought into the order of the inner function, which then runs over every block."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tilevm.ir import Value, ops

from .. import access
from ..context import Context
from ..emit import LLVM, memory_type
from ..group import Nest
from ..index import shape
from ..placement import Panels
from ..steps import Group, Keep, Product
from . import arrange
from .ahead import ahead
from .limit import trips
from .micro import block_of, inner
from .plan import Matrix
from .rows import RowSums


def emit(c: Context, step: Product) -> None:
    """Emit one dot."""
    Emission(c, step).emit()


@dataclass(frozen=True)
class Column:
    """A panel of b, and the columns of the result that it makes: addresses, and how the sums begin."""

    a: LLVM
    pitch: LLVM
    panel: LLVM
    out: LLVM
    columns: int
    start: str


class Emission:
    """The code of one dot."""

    def __init__(self, c: Context, step: Product) -> None:
        self.c, self.op, self.plan = c, step.op, step.plan
        self.unit = memory_type(self.plan.cell.unit)
        self.trips = trips(c, step.plan)

    def emit(self) -> None:
        start = self.start()
        if self.plan.by_rows:
            for found in self.plan.scaled:
                self.keep(found.value, found.kept)
            RowSums(self.c, self.op, self.plan, self.left(), start).emit()
            return
        self.right()
        a, pitch = self.left()
        self.multiply(a, pitch, start)

    def start(self) -> str:
        """Make ready what the sums begin with; how the inner function is to begin."""
        c, start = self.c, self.plan.start
        result = c.memory.of[self.op.result]
        if start.zero:
            return "zero"
        if start.factor is not None and start.base is not None and c.memory.of.get(start.base) is result:
            self.keep(start.factor, self.plan.factors)
            return "scaled"
        if c.memory.of.get(self.op.acc) is not result:
            self.keep(self.op.acc, self.op.result)
        return "out"

    def keep(self, value: Value, into: Value) -> None:
        Nest(self.c, Group(shape(value), [Keep(value, into)])).emit()

    def address(self, value: Value) -> LLVM:
        return self.c.buffer(self.c.memory.of[value])

    # operands -------------------------------------------------------------------------------------------------

    def right(self) -> None:
        """b in panels."""
        p, e = self.plan, self.c.e
        panels = self.c.memory.of[p.panels]
        if not p.rearranged:
            into = Value(self.op.b.type, "panels")
            place = Panels(panels, p.k, p.columns)
            Nest(self.c, Group(shape(self.op.b), [Keep(self.op.b, into)]), {into: place}).emit()
            return
        rows, pitch = self.rows(p.b, p.b_rows)
        if p.b.flipped:
            turn = arrange.transpose(e, p, p.n, p.cells, panels=True)
        else:
            turn = arrange.interleave(e, p)
        e.b.call(turn, [rows, pitch, self.c.buffer(panels)])

    def left(self) -> tuple[LLVM, LLVM]:
        """Address and pitch of the rows of a."""
        p, e = self.plan, self.c.e
        packed = self.address(p.packed) if p.packed in self.c.memory.of else None
        if p.fused:
            return packed, e.i64(shape(p.packed)[1])
        if not p.a.flipped:
            return self.rows(p.a, p.packed)
        rows, pitch = self.rows(p.a, p.a_rows)
        e.b.call(arrange.transpose(e, p, p.k, p.m, panels=False), [rows, pitch, packed])
        return packed, e.i64(shape(p.packed)[1])

    def rows(self, matrix: Matrix, staged: Value) -> tuple[LLVM, LLVM]:
        """Address and pitch of a matrix: in place where it lies in memory, else copied or computed into ``staged``."""
        e = self.c.e
        if matrix.root is None:
            self.keep(matrix.value, staged)
            return self.address(staged), e.i64(shape(staged)[1])
        if matrix.load is None:
            row = access.buffer_row(self.c, matrix.root, shape(matrix.root), (None,) * len(matrix.map), {}, None)
            return row.base, e.i64(shape(matrix.value)[1])
        base, pitch = self.in_place(matrix, matrix.load)
        inside = self.inside(matrix.load)
        if inside is None:
            return base, pitch

        def copied() -> list[LLVM]:
            self.keep(matrix.value, staged)
            return [self.address(staged), e.i64(shape(staged)[1])]

        address, step = e.either(inside, lambda: [base, pitch], copied)
        return address, step

    def in_place(self, matrix: Matrix, load: ops.Load) -> tuple[LLVM, LLVM]:
        """Address and pitch of a box of memory."""
        row = access.tensor_row(self.c, load, (None,) * len(matrix.map), {}, None)
        along = matrix.map.index(0) if 0 in matrix.map else None
        pitch = self.c.i64(self.c.views[load.tensor].strides[along]) if along is not None else self.c.e.i64(0)
        return row.base, pitch

    def inside(self, load: ops.Load) -> LLVM | None:
        """Whether the whole box lies inside the tensor; None where that is known."""
        c, found = self.c, None
        for d, start in enumerate(load.offsets):
            if load.inbounds and load.inbounds[d]:
                continue
            at, extent = c.index(start), c.i64(c.views[load.tensor].extents[d])
            fits = c.e.b.icmp_signed("<=", c.e.b.add(at, c.e.i64(load.shape[d])), extent)
            fits = c.e.b.and_(fits, c.e.b.icmp_signed(">=", at, c.e.i64(0)))
            found = fits if found is None else c.e.b.and_(found, fits)
        return found

    # the product ----------------------------------------------------------------------------------------------

    def multiply(self, a: LLVM, pitch: LLVM, start: str) -> None:
        """The inner function over every block of the result: panels of b outside, blocks of rows inside."""
        p, e = self.plan, self.c.e
        b, result = self.address(p.panels), self.address(self.op.result)
        panels, rest = divmod(p.n, p.columns)
        total = memory_type(p.cell.total)
        calls = -(-p.n // p.columns) * -(-p.m // p.rows)
        found = (ahead(self.c, self.c.scheduler.realised, v, calls) for v in (self.op.a, self.op.b))
        fetches = [f for f in found if f is not None]

        def panel(j: LLVM, columns: int) -> list[LLVM]:
            right = e.at(b, e.b.mul(j, e.i64(p.k * p.columns)), self.unit)
            out = e.at(result, e.b.mul(j, e.i64(p.columns)), total)
            first = e.b.mul(j, e.i64(-(-p.m // p.rows)))

            def between(i: LLVM) -> None:
                for fetch in fetches:
                    fetch.emit(e.b.add(first, i))

            self.column(Column(a, pitch, right, out, columns, start), between)
            return []

        e.loop(panels, [], lambda j, _: panel(j, p.columns))
        if rest:
            panel(e.i64(panels), rest)

    def column(self, x: Column, between: Callable[[LLVM], None]) -> None:
        """One panel of b; ``between(i)`` is emitted before block number i."""
        p, e = self.plan, self.c.e
        blocks, rest = divmod(p.m, p.rows)
        total = memory_type(p.cell.total)
        factors = self.address(p.factors) if x.start == "scaled" else x.a  # else never read

        def block(i: LLVM, rows: int) -> list[LLVM]:
            between(i)
            first = e.b.mul(i, e.i64(p.rows))
            left = e.at(x.a, e.b.mul(first, x.pitch), self.unit)
            target = e.at(x.out, e.b.mul(first, e.i64(p.n)), total)
            factor = e.at(factors, first, total)
            limited = self.trips is not None
            made = inner(e, block_of(p, rows, x.columns, x.start, limited))
            e.b.call(made, [left, x.pitch, x.panel, target, factor, self.trips if limited else e.i64(0)])
            return []

        e.loop(blocks, [], lambda i, _: block(i, p.rows))
        if rest:
            block(e.i64(blocks), rest)
