"""Reductions in a nest of loops: partial sums in vectors, and results in scratch."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from math import prod
from typing import Protocol

from tilevm.types import DType

from . import access, arithmetic, turning
from .access import Row
from .casts import convert
from .context import Context
from .emit import FLOAT, I32, LLVM, lanes_of, memory_bytes, memory_type, register_type, vector_of
from .index import shape
from .memory import ALIGN
from .points import dtype_of
from .steps import Fold, Group


class Nested(Protocol):
    """What a fold sees of its nest: the loops around the present place, and which dimension runs in vectors."""

    c: Context
    group: Group
    vector: int | None
    loops: list[int]
    where: dict[int, LLVM]
    slots: dict[Fold, LLVM]  # where the partial sums of several rows go, if their lanes are combined together

    def inside(self, loop: int, i: LLVM, depth: int) -> list[LLVM]: ...


def lanes_for(nest: Nested, extent: int) -> int:
    """The lanes of a vector: those of 32-bit elements, fewer for a short dimension."""
    full = nest.c.e.host.lanes(32)
    return min(full, 1 << (extent - 1).bit_length())


def total(nest: Nested, fold: Fold) -> DType:
    """The dtype that a fold accumulates in."""
    return nest.c.memory.of[fold.op.result].dtype


def neutral(nest: Nested, fold: Fold, lanes: int) -> LLVM:
    dtype = total(nest, fold)
    value = arithmetic.NEUTRAL[type(fold.op)](dtype)
    return nest.c.e.splat(arithmetic.constant(nest.c.e, value, dtype), lanes)


def fit(nest: Nested, fold: Fold, x: LLVM, lanes: int, tail: int) -> LLVM:
    """``x`` in the accumulator's dtype, neutral in lanes past the end."""
    x = convert(nest.c.e, x, dtype_of(fold.op.x), total(nest, fold))
    if not tail:
        return x
    return nest.c.e.b.select(nest.c.e.head(tail, lanes), x, neutral(nest, fold, lanes))


def finish(nest: Nested, fold: Fold, sums: list[LLVM]) -> None:
    """Partial sums combined pairwise, then the lanes, then stored."""
    dtype = total(nest, fold)
    while len(sums) > 1:
        half = len(sums) // 2
        pairs = zip(sums[:half], sums[half : 2 * half], strict=True)
        combined = [arithmetic.combine(fold.op, nest.c.e, dtype, a, b) for a, b in pairs]
        sums = combined + sums[2 * half :]
    if nest.slots:
        address, n = nest.slots[fold], nest.c.e.b.and_(nest.where[nest.loops[-2]], nest.c.e.i64(lanes_of(sums[0]) - 1))
        nest.c.e.store(sums[0], nest.c.e.at(address, n, sums[0].type), align=ALIGN)
        return
    access.store_scalar(nest.c, fold_row(nest, fold), arithmetic.across(fold.op, nest.c.e, dtype, sums[0]))


def turns(nest: Nested) -> int:
    """The rows whose sums across lanes are made together: as many as lanes, where there are whole lots; else 0."""
    if len(nest.loops) < 2 or not nest.group.roots:
        return 0
    folds = [r for r in nest.group.roots if isinstance(r, Fold) and r.op.axis == nest.vector]
    lanes = lanes_for(nest, nest.group.domain[nest.loops[-1]])
    fits = all(register_type(total(nest, f)) in (FLOAT, I32) for f in folds)
    whole = nest.group.domain[nest.loops[-2]] % lanes == 0
    return lanes if len(folds) == len(nest.group.roots) and fits and whole and lanes in turning.LANES else 0


def slots(nest: Nested, lanes: int) -> dict[Fold, LLVM]:
    """For each fold, a place on the stack for the partial sums of so many rows."""
    e, out = nest.c.e, {}
    with e.b.goto_entry_block():
        for fold in nest.group.roots:
            if isinstance(fold, Fold):
                kind = vector_of(register_type(total(nest, fold)), lanes)
                out[fold] = e.b.alloca(kind, size=lanes)
                out[fold].align = ALIGN
    return out


def in_lots(nest: Nested, depth: int, lot: int) -> None:
    """The loop around the vectors, in lots of rows whose sums across lanes are made together."""
    e, loop = nest.c.e, nest.loops[depth]
    places = slots(nest, lot)

    def rows(i: LLVM, _: list[LLVM]) -> list[LLVM]:
        first, nest.slots = e.b.mul(i, e.i64(lot)), places
        e.loop(lot, [], lambda n, _: nest.inside(loop, e.b.add(first, n), depth + 1))
        nest.slots = {}
        turn(nest, places, first)
        return []

    e.loop(nest.group.domain[loop] // lot, [], rows)


def turn(nest: Nested, slots: dict[Fold, LLVM], first: LLVM) -> None:
    """The results for the rows from ``first`` on, whose partial sums lie in ``slots``."""
    e, loop = nest.c.e, nest.loops[-2]
    nest.where[loop] = first
    for fold, address in slots.items():
        dtype = total(nest, fold)
        lanes = lanes_for(nest, nest.group.domain[nest.loops[-1]])
        kind = register_type(dtype)
        rows = [e.load(e.at(address, e.i64(n), vector_of(kind, lanes)), kind, lanes, align=ALIGN) for n in range(lanes)]
        combine = partial(arithmetic.combine, fold.op, e, dtype)
        row = replace(fold_row(nest, fold), stride=1)
        access.store_vector(nest.c, row, turning.across(e, rows, combine), e.i64(0), 0)


def fold_row(nest: Nested, fold: Fold) -> Row:
    """Where the result of a fold lies for the present indices."""
    kept = tuple(d for d in range(len(nest.group.domain)) if d != fold.op.axis)
    vector = nest.vector if nest.vector != fold.op.axis else None
    return access.buffer_row(nest.c, fold.op.result, shape(fold.op.result), kept, nest.where, vector)


def accumulate(nest: Nested, fold: Fold, x: LLVM, j: LLVM, lanes: int, tail: int) -> None:
    """Take ``x`` into the result in scratch, along another dimension than the vectors'."""
    row, dtype = fold_row(nest, fold), total(nest, fold)
    x = convert(nest.c.e, nest.c.e.splat(x, lanes), dtype_of(fold.op.x), dtype)
    if lanes:
        before = access.load_vector(nest.c, row, j, lanes, 0, None)
        access.store_vector(nest.c, row, arithmetic.combine(fold.op, nest.c.e, dtype, before, x), j, tail)
    else:
        before = access.load_scalar(nest.c, row, None)
        access.store_scalar(nest.c, row, arithmetic.combine(fold.op, nest.c.e, dtype, before, x))


def fill(nest: Nested, fold: Fold) -> None:
    """Write the neutral element over the result of a fold, and up to the end of the last line of its buffer."""
    buffer = nest.c.memory.of[fold.op.result]
    count = prod(shape(fold.op.result))
    lanes = min(lanes_for(nest, count), ALIGN // memory_bytes(buffer.dtype))
    base = nest.c.buffer(buffer)
    value = access.to_memory(nest.c, neutral(nest, fold, lanes), buffer.dtype)

    def body(i: LLVM, _: list[LLVM]) -> list[LLVM]:
        at = nest.c.e.b.mul(i, nest.c.e.i64(lanes))
        nest.c.e.store(value, nest.c.e.at(base, at, memory_type(buffer.dtype)))
        return []

    nest.c.e.loop(-(-count // lanes), [], body)
