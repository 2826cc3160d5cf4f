"""Products of a few rows: sums along the rows of a and of the transpose of b, as both lie.

Rows of b are made from memory as they are needed, such as packed weights that tables turn to bf16, and meet the rows of
a in vectors along k. The lanes of the sums are combined for as many rows of b at once as there are lanes.
"""

from __future__ import annotations

from functools import reduce

from tilevm.ir import Value

from .. import turning
from ..access import Row
from ..casts import convert
from ..context import Context
from ..emit import I32, LLVM, memory_type, vector_of
from ..group import Nest
from ..index import Node, identity, shape
from ..memory import ALIGN
from ..points import dtype_of
from ..steps import Group, Keep, Root
from .micro import multiplied
from .plan import Dot, Plan, Scales

VECTORS = 4  # of elements in one trip along k
SHORT = 4  # trips that are written out one after another
NEAR = 512  # bytes ahead that packed rows are asked for where a loop goes along k, and reads them piece by piece


class RowSums(Nest):
    """Emits one such product. The loops run over (n, k); vectors along k."""

    def __init__(self, c: Context, op: Dot, plan: Plan, a: tuple[LLVM, LLVM], start: str) -> None:
        super().__init__(c, Group(shape(plan.b.value), [Keep(plan.b.value, Value(plan.b.value.type, "nowhere"))]))
        self.op, self.plan, self.start = op, plan, start
        if not plan.scaled:
            self.ahead = c.e.i64(NEAR)
        address, pitch = a
        unit = memory_type(plan.cell.unit)
        self.rows = [c.e.at(address, c.e.b.mul(pitch, c.e.i64(r)), unit) for r in range(plan.m)]
        self.total = memory_type(plan.cell.total)
        self.sums = [self.slot() for _ in self.rows]

    def slot(self) -> LLVM:
        """A place for the sums of one row of a, before their lanes are combined."""
        with self.c.e.b.goto_entry_block():
            made = self.c.e.b.alloca(vector_of(self.total, self.plan.lanes), size=self.plan.lanes)
        made.align = ALIGN
        return made

    def emit(self) -> None:
        self.twice(self.lots)

    def lots(self) -> None:
        self.prepare(0)
        self.c.e.loop(self.plan.n // self.plan.lanes, [], lambda i, _: self.lot(i))

    def lot(self, i: LLVM) -> list[LLVM]:
        """As many rows of b as there are lanes."""
        e, lanes = self.c.e, self.plan.lanes
        first = e.b.mul(i, e.i64(lanes))

        def row(n: LLVM, _: list[LLVM]) -> list[LLVM]:
            self.where[0] = e.b.add(first, n)
            self.made.append({})
            self.prepare(1)
            kind = vector_of(self.total, lanes)
            for slot, found in zip(self.sums, self.along(), strict=True):
                e.store(found, e.at(slot, n, kind), align=ALIGN)
            self.made.pop()
            return []

        e.loop(lanes, [], row)
        for r, slot in enumerate(self.sums):
            self.finish(r, slot, first)
        return []

    def target(self, root: Root) -> Row:
        """Nothing is written where a nest would write."""
        return Row(self.c.scratch, self.plan.cell.unit, 1)

    def along(self) -> list[LLVM]:
        """For each row of a its products with the present row of b, summed lane by lane."""
        e, p = self.c.e, self.plan
        if not p.scaled:
            return self.summed(e.i64(0), p.k, 1)[0]
        turn = max(p.block, self.taken * p.lanes)
        blocks = turn // p.block

        def body(i: LLVM, totals: list[LLVM]) -> list[LLVM]:
            first = e.b.mul(i, e.i64(blocks))
            for n, sums in enumerate(self.summed(e.b.mul(i, e.i64(turn)), turn, blocks)):
                block = e.b.add(first, e.i64(n))
                totals = [self.weighed(r, block, sums[r], total) for r, total in enumerate(totals)]
            return totals

        return e.loop(p.k // turn, [e.zero(vector_of(self.total, p.lanes))] * p.m, body)

    @property
    def taken(self) -> int:
        """Vectors of elements in one trip: blocks are whole trips, or trips whole blocks."""
        p, most = self.plan, VECTORS * self.plan.lanes
        fits = p.k % most == 0 and (not p.scaled or p.block % most == 0 or most % p.block == 0)
        return VECTORS if fits else p.cell.group

    def summed(self, first: LLVM, size: int, blocks: int) -> list[list[LLVM]]:
        """The products of ``size`` elements from ``first`` on: for each of ``blocks`` and each row of a their sum."""
        e, p = self.c.e, self.plan
        step, each = self.taken * p.lanes, self.taken // p.cell.group
        sums = [e.zero(vector_of(self.total, p.lanes))] * (p.m * each)

        def body(i: LLVM, sums: list[LLVM]) -> list[LLVM]:
            base = e.b.add(first, e.b.mul(i, e.i64(step)))
            return self.products([e.b.add(base, e.i64(u * p.lanes)) for u in range(self.taken)], sums)

        if size // step <= SHORT:
            for n in range(size // step):
                sums = body(e.i64(n), sums)
        else:
            sums = e.loop(size // step, sums, body)
        share = each // blocks
        starts = [[r * each + n * share for r in range(p.m)] for n in range(blocks)]
        return [[reduce(self.plus, sums[at : at + share]) for at in row] for row in starts]

    def weighed(self, r: int, block: LLVM, found: LLVM, total: LLVM) -> LLVM:
        """``total`` with the sum of a block for row ``r`` of a, times the block's factors."""
        e, p = self.c.e, self.plan
        rows = ((p.a_scales, e.i64(r)), (p.b_scales, self.where[0]))
        factors = [self.factor(scales, row, block) for scales, row in rows if scales is not None]
        return e.fma(found, e.splat(reduce(e.b.fmul, factors), p.lanes), total)

    def factor(self, scales: Scales, row: LLVM, block: LLVM) -> LLVM:
        """The factor of an operand's row in a block."""
        e, shared = self.c.e, self.plan.k // self.plan.block // scales.count
        which = e.b.udiv(block, e.i64(shared)) if shared > 1 else block
        place = e.b.add(e.b.mul(row, e.i64(scales.row)), e.b.mul(which, e.i64(scales.step)))
        return e.load(e.at(self.c.buffer(self.c.memory.of[scales.kept]), place, self.total), self.total, 0)

    def plus(self, a: LLVM, b: LLVM) -> LLVM:
        return self.c.e.b.fadd(a, b) if self.plan.cell.total.is_float else self.c.e.b.add(a, b)

    def products(self, at: list[LLVM], sums: list[LLVM]) -> list[LLVM]:
        """The elements at these places of b, times those of each row of a."""
        e, p, group = self.c.e, self.plan, self.plan.cell.group
        held = self.vectors_of_b(at)
        right = [self.cells(held[n : n + group]) for n in range(0, len(held), group)]
        unit, cell = memory_type(p.cell.unit), memory_type(p.cell.unit) if group == 1 else I32
        out = []
        for r, row in enumerate(self.rows):
            for n, cells in enumerate(right):
                left = e.load(e.at(row, at[n * group], unit), cell, p.lanes, align=p.cell.unit.bits // 8)
                out.append(multiplied(e, p.cell, left, cells, sums[r * len(right) + n]))
        return out

    def vectors_of_b(self, at: list[LLVM]) -> list[LLVM]:
        """Vectors of the present row of b, as numbers of the cell's unit."""
        node, out = Node(self.plan.b.value, identity(2)), []
        self.at_once = self.bytewise(at, self.plan.lanes, 0)
        for j in at:
            self.made.append({})
            found = self.value(node, j, self.plan.lanes, 0)
            found = convert(self.c.e, found, dtype_of(node.value), self.plan.cell.unit)
            out.append(self.c.e.splat(found, self.plan.lanes))
            self.made.pop()
            self.at_once = self.at_once[1:]
        return out

    def cells(self, parts: list[LLVM]) -> LLVM:
        """Neighbours along k in one cell."""
        if len(parts) == 1:
            return parts[0]
        low, high = parts
        order = self.c.e.constant_vector(vector_of(I32, 2 * self.plan.lanes), range(2 * self.plan.lanes))
        return self.c.e.b.bitcast(self.c.e.b.shuffle_vector(low, high, order), vector_of(I32, self.plan.lanes))

    def finish(self, r: int, slot: LLVM, first: LLVM) -> None:
        """The results of row ``r`` for the rows of b from ``first`` on: the lanes of their sums combined."""
        e, p = self.c.e, self.plan
        kind = vector_of(self.total, p.lanes)
        rows = [e.load(e.at(slot, e.i64(n), kind), self.total, p.lanes, align=ALIGN) for n in range(p.lanes)]
        found = turning.across(e, rows, self.plus)
        result = self.c.buffer(self.c.memory.of[self.op.result])
        at = e.at(result, e.b.add(first, e.i64(r * p.n)), self.total)
        if self.start != "zero":
            before = e.load(at, self.total, p.lanes)
            if self.start == "scaled":
                factors = self.c.buffer(self.c.memory.of[p.factors])
                factor = e.load(e.at(factors, e.i64(r), self.total), self.total, 0)
                before = e.b.fmul(before, e.splat(factor, p.lanes))
            found = self.plus(before, found)
        e.store(found, at)
