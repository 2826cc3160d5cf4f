"""Rows of a matrix rearranged into what the inner function reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir

from ..emit import I32, I64, LLVM, PTR, VOID, Emitter, element_bytes, memory_type, vector_of
from .plan import Plan

REGISTER_LANE = 128  # bits in which the cheap shuffles stay


ROWS = (PTR, I64, PTR)  # what each of these functions takes: rows, their pitch, and where what is made goes


def interleave(e: Emitter, p: Plan) -> Any:
    """Rows k of b, in pairs, into panels of cells: neighbours along k meet in one cell."""
    return e.internal(f"interleave_{p.cell.unit}_{p.k}x{p.n}", VOID, ROWS, lambda inside: _interleave(inside, p))


def _interleave(e: Emitter, p: Plan) -> None:
    rows, pitch, out = e.function.args
    unit, lanes = memory_type(p.cell.unit), p.lanes
    wide = vector_of(I32, lanes)

    def pair(k: LLVM, _: list[LLVM]) -> list[LLVM]:
        first = e.at(rows, e.b.mul(e.b.mul(k, e.i64(2)), pitch), unit)
        second = e.at(first, pitch, unit)
        for column in range(0, p.n, lanes):
            mask = e.head(p.n - column, lanes) if p.n - column < lanes else None
            low, high = (
                e.b.zext(e.load(e.at(r, e.i64(column), unit), unit, lanes, mask), wide) for r in (first, second)
            )
            cells = e.b.or_(low, e.b.shl(high, e.like(high, 16)))
            panel, within = divmod(column, p.columns)
            at = e.b.add(e.b.mul(k, e.i64(p.columns)), e.i64(panel * p.cells * p.columns + within))
            e.store(cells, e.at(out, at, I32))
        return []

    e.loop(p.cells, [], pair)


def transpose(e: Emitter, p: Plan, rows: int, cells: int, panels: bool) -> Any:
    """A matrix of ``rows`` x ``cells`` turned: into the panels of b, or into the rows of packed a."""
    pitch = p.columns if panels else p.k + p.lanes * p.cell.group
    name = f"transpose_{p.cell.unit}x{p.cell.group}_{rows}x{cells}_{pitch}_{'panels' if panels else 'rows'}"
    return e.internal(name, VOID, ROWS, lambda inside: Transpose(inside, p, rows, cells, panels).emit())


class Transpose:
    """Emits a transposition, block by block of ``lanes`` x ``lanes`` cells held in registers."""

    def __init__(self, e: Emitter, p: Plan, rows: int, cells: int, panels: bool) -> None:
        self.e, self.p, self.rows, self.cells, self.panels = e, p, rows, cells, panels
        self.unit = memory_type(p.cell.unit)
        self.cell = self.unit if p.cell.group == 1 else ir.IntType(p.cell.bits)
        self.source, self.pitch, self.out = e.function.args

    def emit(self) -> None:
        e, lanes = self.e, self.p.lanes

        def strip(i: LLVM, _: list[LLVM]) -> list[LLVM]:
            first = e.b.mul(i, e.i64(lanes))
            starts = [self.start(e.b.add(first, e.i64(r))) for r in range(lanes)]
            whole, tail = divmod(self.cells, lanes)
            e.loop(whole, [], lambda j, _: self.block(starts, first, e.b.mul(j, e.i64(lanes)), lanes))
            if tail:
                self.block(starts, first, e.i64(whole * lanes), tail)
            return []

        e.loop(-(-self.rows // lanes), [], strip)

    def start(self, row: LLVM) -> LLVM:
        """The address of a row; of the last one past the end, where columns are made that nobody reads."""
        e = self.e
        if self.rows % self.p.lanes:
            last = e.i64(self.rows - 1)
            row = e.b.select(e.b.icmp_signed(">", row, last), last, row)
        return e.at(self.source, e.b.mul(row, self.pitch), self.unit)

    def block(self, starts: Sequence[LLVM], first: LLVM, cell: LLVM, count: int) -> list[LLVM]:
        """One block: ``count`` cells of each of the rows from ``first``."""
        e, lanes = self.e, self.p.lanes
        mask = e.head(count, lanes) if count < lanes else None
        align = self.p.cell.unit.bits // 8
        held = [e.load(e.at(s, cell, self.cell), self.cell, lanes, mask, align) for s in starts]
        for k, column in enumerate(turned(e, held)[:count]):
            e.store(column, self.place(first, e.b.add(cell, e.i64(k))))
        return []

    def place(self, row: LLVM, cell: LLVM) -> LLVM:
        """Where the cells of the rows from ``row`` go."""
        e, p = self.e, self.p
        if not self.panels:
            at = e.b.add(e.b.mul(cell, e.i64(p.k + p.lanes * p.cell.group)), row)
            return e.at(self.out, at, self.cell)
        within = e.b.urem(row, e.i64(p.columns))
        panel = e.b.mul(e.b.sub(row, within), e.i64(p.cells))
        at = e.b.add(e.b.add(panel, e.b.mul(cell, e.i64(p.columns))), within)
        return e.at(self.out, at, self.cell)


def turned(e: Emitter, rows: Sequence[LLVM]) -> list[LLVM]:
    """The columns of a square of cells, given its rows: first within register lanes, then lane by lane."""
    width = min(len(rows), REGISTER_LANE // cell_bits(rows[0]))
    groups = [within_lanes(e, rows[i : i + width], width) for i in range(0, len(rows), width)]
    columns = [across_lanes(e, [group[k] for group in groups], width) for k in range(width)]
    return [columns[k][lane] for lane in range(len(groups)) for k in range(width)]


def within_lanes(e: Emitter, rows: Sequence[LLVM], width: int) -> list[LLVM]:
    """Vector k holds, in each register lane, that lane's cell k of every row."""
    if width == 1:
        return list(rows)
    pairs = list(zip(rows[::2], rows[1::2], strict=True))
    halves = [[halved(e, a, b, 1, width, high) for a, b in pairs] for high in (0, 1)]
    if width == 2:
        return [low_or_high for (low_or_high,) in halves]
    return [halved(e, a, b, 2, width, high) for a, b in halves for high in (0, 1)]


def halved(e: Emitter, a: LLVM, b: LLVM, block: int, width: int, high: int) -> LLVM:
    """One half of each register lane of ``a`` and ``b``, taken in turn ``block`` cells at a time (unpck)."""
    lanes, picks = a.type.count, []
    for lane in range(0, lanes, width):
        for at in range(lane + high * width // 2, lane + (high + 1) * width // 2, block):
            picks += [side * lanes + at + n for side in (0, 1) for n in range(block)]
    return shuffled(e, a, b, picks)


def across_lanes(e: Emitter, rows: Sequence[LLVM], width: int) -> list[LLVM]:
    """Vector l holds register lane l of every row."""
    if len(rows) == 1:
        return list(rows)
    if len(rows) == 2:
        a, b = rows
        return [lanes_from(e, a, b, (n,), width) for n in (0, 1)]
    a, b, c, d = rows
    left = [lanes_from(e, a, b, pick, width) for pick in ((0, 1), (2, 3))]
    right = [lanes_from(e, c, d, pick, width) for pick in ((0, 1), (2, 3))]
    return [lanes_from(e, x, y, pick, width) for x, y in zip(left, right, strict=True) for pick in ((0, 2), (1, 3))]


def lanes_from(e: Emitter, a: LLVM, b: LLVM, lanes: Sequence[int], width: int) -> LLVM:
    """These register lanes of ``a``, then of ``b``."""
    picks = [side * a.type.count + lane * width + n for side in (0, 1) for lane in lanes for n in range(width)]
    return shuffled(e, a, b, picks)


def shuffled(e: Emitter, a: LLVM, b: LLVM, picks: Sequence[int]) -> LLVM:
    return e.b.shuffle_vector(a, b, e.constant_vector(vector_of(I32, len(picks)), picks))


def cell_bits(row: LLVM) -> int:
    element = row.type.element
    return int(element.width) if isinstance(element, ir.IntType) else element_bytes(element) * 8
