"""Matrix products: operands packed into scratch, then one register-blocked micro-kernel over them.

The micro-kernel holds MR x NR elements of the result in vector registers and walks along k: NR / lanes loads of b,
MR broadcasts of a, MR * NR / lanes fused multiply-adds a step (Goto and van de Geijn, "Anatomy of High-Performance
Matrix Multiplication", 2008). It stands in a function of its own, which keeps its registers apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from llvmlite import ir

from tilevm.ir import Value, ops
from tilevm.types import DType, Tensor, Tile

from . import access
from .context import Context
from .emit import I64, LLVM, PTR, VOID, Emitter, memory_type
from .group import Nest
from .host import Host
from .index import shape
from .placement import Placement
from .steps import Group, Keep

VECTORS = 2  # of b in one step: NR = 2 vectors
STEPS = 4  # of k in one trip of the micro-kernel's loop


@dataclass(frozen=True)
class Plan:
    """The sizes of one product: a is (m, k), b (k, n); ``rows`` and ``columns`` are MR and NR."""

    dtype: DType
    m: int
    n: int
    k: int
    rows: int
    lanes: int

    @property
    def columns(self) -> int:
        return self.lanes * VECTORS

    @property
    def pitch(self) -> int:
        """Elements from row to row of packed a; a vector is added so that rows do not meet in one cache set."""
        return self.k + self.lanes

    @property
    def packed(self) -> tuple[DType, int, int]:
        """The dtype, and the elements of packed a and b."""
        return self.dtype, self.m * self.pitch, -(-self.n // self.columns) * self.columns * self.k


def plan(op: ops.Dot, host: Host) -> Plan:
    (m, k), (_, n) = shape(op.a), shape(op.b)
    acc = op.acc.type
    assert isinstance(acc, Tile)
    rows = min(8 if host.vector_registers == 32 else 4, m)
    return Plan(acc.dtype, m, n, k, rows, host.lanes(acc.dtype.bits))


class Product:
    """Emits one dot."""

    def __init__(self, c: Context, op: ops.Dot) -> None:
        self.c, self.op, self.plan = c, op, plan(op, c.e.host)
        self.element = memory_type(self.plan.dtype)

    def emit(self) -> None:
        c, p = self.c, self.plan
        result = c.memory.of[self.op.result]
        if c.memory.of.get(self.op.acc) is not result:
            Nest(c, Group(shape(self.op.acc), [Keep(self.op.acc, self.op.result)])).emit()
        a_buffer, b_buffer = c.memory.packs[self.op.result]
        panels = Placement(b_buffer, p.k, p.columns, p.columns)
        self.pack(self.op.b, panels)
        a, pitch = self.left(Placement(a_buffer, p.m, p.pitch))
        self.multiply(a, pitch, c.buffer(b_buffer), c.buffer(result))

    def pack(self, value: Value, place: Placement) -> None:
        into = Value(value.type, "packed")
        Nest(self.c, Group(shape(value), [Keep(value, into)]), {into: place}).emit()

    def left(self, place: Placement) -> tuple[LLVM, LLVM]:
        """Address and pitch of a: in place where it is a box of memory of the right kind, else packed."""
        e, load = self.c.e, self.op.a.owner
        packed = (self.c.buffer(place.buffer), e.i64(place.pitch))
        if not (isinstance(load, ops.Load) and self.direct(load)):
            self.pack(self.op.a, place)
            return packed
        view = self.c.views[load.tensor]
        row = access.tensor_row(self.c, load, (None, None), {}, None)
        inside = self.inside(load)
        pitch = self.c.i64(view.strides[0])
        if inside is None:
            return row.base, pitch

        def copied() -> list[LLVM]:
            self.pack(self.op.a, place)
            return list(packed)

        address, step = e.either(inside, lambda: [row.base, pitch], copied)
        return address, step

    def direct(self, load: ops.Load) -> bool:
        """Whether the micro-kernel can read a tensor itself."""
        kind = load.tensor.type
        assert isinstance(kind, Tensor)
        made_here = self.c.scheduler.opens(self.op.a, set())
        return made_here and kind.strides[-1] == 1 and kind.dtype == self.plan.dtype and load.other is None

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

    def multiply(self, a: LLVM, pitch: LLVM, b: LLVM, result: LLVM) -> None:
        """The micro-kernel over every block of the result: panels of b outside, blocks of rows inside."""
        p, e = self.plan, self.c.e
        panels, rest = divmod(p.n, p.columns)

        def panel(j: LLVM | int, columns: int) -> None:
            index = e.i64(j) if isinstance(j, int) else j
            right = e.at(b, e.b.mul(index, e.i64(p.k * p.columns)), self.element)
            out = e.at(result, e.b.mul(index, e.i64(p.columns)), self.element)
            self.column(a, pitch, right, out, columns)

        def body(j: LLVM, _: list[LLVM]) -> list[LLVM]:
            panel(j, p.columns)
            return []

        e.loop(panels, [], body)
        if rest:
            panel(panels, rest)

    def column(self, a: LLVM, pitch: LLVM, right: LLVM, out: LLVM, columns: int) -> None:
        p, e = self.plan, self.c.e
        blocks, rest = divmod(p.m, p.rows)

        def block(first: LLVM, rows: int) -> None:
            left = e.at(a, e.b.mul(first, pitch), self.element)
            target = e.at(out, e.b.mul(first, e.i64(p.n)), self.element)
            e.b.call(microkernel(e, p, rows, columns), [left, pitch, right, target])

        def body(i: LLVM, _: list[LLVM]) -> list[LLVM]:
            block(e.b.mul(i, e.i64(p.rows)), p.rows)
            return []

        e.loop(blocks, [], body)
        if rest:
            block(e.i64(blocks * p.rows), rest)


def microkernel(e: Emitter, p: Plan, rows: int, columns: int) -> Any:
    """The function ``(a, pitch of a, panel of b, out)`` that adds a block of rows x columns, made once a module."""
    name = f"dot_{p.dtype}_{rows}x{columns}_k{p.k}_n{p.n}"
    known = e.module.globals.get(name)
    if known is not None:
        return known
    function = ir.Function(e.module, ir.FunctionType(VOID, [PTR, I64, PTR, PTR]), name)
    function.linkage = "internal"
    function.attributes.add("noinline")
    MicroKernel(Emitter(e.module, function, e.host), p, rows, columns).emit()
    return function


class MicroKernel:
    """Emits the inner function of a product."""

    def __init__(self, e: Emitter, p: Plan, rows: int, columns: int) -> None:
        self.e, self.p, self.rows, self.columns = e, p, rows, columns
        self.element = memory_type(p.dtype)
        self.vectors = -(-columns // p.lanes)
        self.a, self.pitch, self.b, self.out = e.function.args

    def emit(self) -> None:
        e, p = self.e, self.p
        starts = [e.at(self.a, e.b.mul(self.pitch, e.i64(r)), self.element) for r in range(self.rows)]
        sums = [e.load(at, self.element, p.lanes, mask) for at, mask in self.places()]

        def body(i: LLVM, sums: list[LLVM]) -> list[LLVM]:
            first = e.b.mul(i, e.i64(STEPS))
            for step in range(STEPS):
                sums = self.step(starts, e.b.add(first, e.i64(step)), sums)
            return sums

        sums = e.loop(p.k // STEPS, sums, body)
        for k in range(p.k - p.k % STEPS, p.k):
            sums = self.step(starts, e.i64(k), sums)
        for (at, mask), total in zip(self.places(), sums, strict=True):
            e.store(total, at, mask)
        e.b.ret_void()

    def places(self) -> list[tuple[LLVM, LLVM | None]]:
        """Address and mask of every vector of the block, row by row."""
        e, p = self.e, self.p
        tail = self.columns % p.lanes
        head = e.head(tail, p.lanes) if tail else None
        return [
            (
                e.at(self.out, e.i64(r * p.n + v * p.lanes), self.element),
                head if v == self.vectors - 1 else None,
            )
            for r in range(self.rows)
            for v in range(self.vectors)
        ]

    def step(self, starts: list[LLVM], k: LLVM, sums: list[LLVM]) -> list[LLVM]:
        """One k: a column of a times a row of b."""
        e, p = self.e, self.p
        base = e.b.mul(k, e.i64(p.columns))
        row = [
            e.load(e.at(self.b, e.b.add(base, e.i64(v * p.lanes)), self.element), self.element, p.lanes)
            for v in range(self.vectors)
        ]
        out = []
        for r, start in enumerate(starts):
            left = e.splat(e.load(e.at(start, k, self.element), self.element, 0), p.lanes)
            for v, right in enumerate(row):
                out.append(self.add(left, right, sums[r * self.vectors + v]))
        return out

    def add(self, a: LLVM, b: LLVM, total: LLVM) -> LLVM:
        if self.p.dtype.is_float:
            return self.e.fma(a, b, total)
        return self.e.b.add(self.e.b.mul(a, b), total)
