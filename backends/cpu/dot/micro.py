"""The inner function of products: a block of MR x NR sums in vector registers, walked along k.

A step takes NR / lanes vectors of b, MR broadcasts of a, and MR * NR / lanes multiply-adds (Goto and van de Geijn,
"Anatomy of High-Performance Matrix Multiplication", 2008). A function of its own keeps its registers apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from llvmlite import ir

from ..emit import BFLOAT, I16, I64, LLVM, PTR, VOID, Emitter, lanes_of, memory_type, vector_of
from .plan import VECTORS, Cell, Plan

STEPS = 4  # cells of k in one trip of the loop


@dataclass(frozen=True)
class Block:
    """The sizes of one inner function. ``start``: sums begin at "zero", at what "out" holds, or at that "scaled"."""

    cell: Cell
    rows: int
    columns: int
    lanes: int
    cells: int
    n: int  # columns of the result
    start: str
    limited: bool = False  # whether the caller says how many trips along k are worth making

    @property
    def name(self) -> str:
        kind, end = f"{self.cell.unit}x{self.cell.group}", "_limited" if self.limited else ""
        return f"dot_{kind}_{self.rows}x{self.columns}_k{self.cells}_n{self.n}_{self.start}{end}"


def block_of(p: Plan, rows: int, columns: int, start: str, limited: bool) -> Block:
    return Block(p.cell, rows, columns, p.lanes, p.cells, p.n, start, limited)


def inner(e: Emitter, block: Block) -> Any:
    """The function ``(a, pitch of a, panel of b, out, factors, trips)`` that adds a block, made once a module."""
    kinds = (PTR, I64, PTR, PTR, PTR, I64)
    return e.internal(block.name, VOID, kinds, lambda inside: Inner(inside, block).emit())


class Inner:
    """Emits one inner function."""

    def __init__(self, e: Emitter, block: Block) -> None:
        self.e, self.block = e, block
        self.unit, self.total = memory_type(block.cell.unit), memory_type(block.cell.total)
        self.cell = self.unit if block.cell.group == 1 else ir.IntType(block.cell.bits)
        self.vectors = -(-block.columns // block.lanes)
        self.a, self.pitch, self.b, self.out, self.factors, self.trips = e.function.args

    def emit(self) -> None:
        e, cells = self.e, self.block.cells
        starts = [e.at(self.a, e.b.mul(self.pitch, e.i64(r)), self.unit) for r in range(self.block.rows)]

        def body(i: LLVM, sums: list[LLVM]) -> list[LLVM]:
            first = e.b.mul(i, e.i64(STEPS))
            for step in range(STEPS):
                sums = self.step(starts, e.b.add(first, e.i64(step)), sums)
            return sums

        sums = e.loop(self.trips if self.block.limited else cells // STEPS, self.begin(), body)
        for k in range(cells - cells % STEPS, cells):
            sums = self.step(starts, e.i64(k), sums)
        for (at, mask), total in zip(self.places(), sums, strict=True):
            e.store(total, at, mask)

    def begin(self) -> list[LLVM]:
        """The sums before the first step."""
        e, lanes = self.e, self.block.lanes
        if self.block.start == "zero":
            return [e.zero(vector_of(self.total, lanes))] * (self.block.rows * self.vectors)
        sums = [e.load(at, self.total, lanes, mask) for at, mask in self.places()]
        if self.block.start == "out":
            return sums
        factors = [e.load(e.at(self.factors, e.i64(r), self.total), self.total, 0) for r in range(self.block.rows)]
        return [e.b.fmul(s, e.splat(factors[i // self.vectors], lanes)) for i, s in enumerate(sums)]

    def places(self) -> list[tuple[LLVM, LLVM | None]]:
        """Address and mask of every vector of the block, row by row."""
        e, lanes = self.e, self.block.lanes
        tail = self.block.columns % lanes
        head = e.head(tail, lanes) if tail else None
        return [
            (
                e.at(self.out, e.i64(r * self.block.n + v * lanes), self.total),
                head if v == self.vectors - 1 else None,
            )
            for r in range(self.block.rows)
            for v in range(self.vectors)
        ]

    def step(self, starts: list[LLVM], k: LLVM, sums: list[LLVM]) -> list[LLVM]:
        """One cell of k: a column of a times a row of b."""
        e, lanes = self.e, self.block.lanes
        base = e.b.mul(k, e.i64(lanes * VECTORS))
        row = [
            e.load(e.at(self.b, e.b.add(base, e.i64(v * lanes)), self.cell), self.cell, lanes)
            for v in range(self.vectors)
        ]
        out = []
        for r, start in enumerate(starts):
            at = e.at(start, k, self.cell)
            left = e.splat(e.load(at, self.cell, 0, align=self.block.cell.unit.bits // 8), lanes)
            for v, right in enumerate(row):
                out.append(self.add(left, right, sums[r * self.vectors + v]))
        return out

    def add(self, a: LLVM, b: LLVM, total: LLVM) -> LLVM:
        """``total`` plus the products in each lane of two vectors of cells."""
        return multiplied(self.e, self.block.cell, a, b, total)


def multiplied(e: Emitter, cell: Cell, a: LLVM, b: LLVM, total: LLVM) -> LLVM:
    """``total`` plus the products in each lane of two vectors of cells."""
    if cell.group == 1:
        return e.fma(a, b, total) if cell.total.is_float else e.b.add(e.b.mul(a, b), total)
    name, element = PAIRS[cell.unit.name]
    lanes = lanes_of(total)
    pairs = vector_of(element, lanes * cell.group)
    args = [total, e.b.bitcast(a, pairs), e.b.bitcast(b, pairs)]
    return e.call(f"llvm.x86.{name}.{lanes * cell.bits}", total.type, args)


PAIRS = {"bf16": ("avx512bf16.dpbf16ps", BFLOAT), "i16": ("avx512.vpdpwssd", I16)}
