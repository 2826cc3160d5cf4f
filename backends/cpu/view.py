"""Bits of tiles cut anew: a row goes as a stream of bits through scratch, or is one already."""

from __future__ import annotations

from math import prod

from tilevm.ir import Value, ops
from tilevm.types import DType

from . import packed, packing
from .access import Row
from .casts import code_of, number_of
from .context import Context
from .emit import I8, LLVM, container_bits, memory_type
from .index import shape
from .points import dtype_of
from .steps import Whole
from .whole import elements, for_vectors, load, store, whole
from .work import work


def row_bytes(op: ops.View) -> int:
    return -(-shape(op.x)[-1] * dtype_of(op.x).bits // 8)


@work.rule(ops.View)
def _(op: ops.View) -> int:
    return prod(shape(op.x)[:-1]) * row_bytes(op)


@whole.rule(ops.View)
def _(op: ops.View, c: Context, step: Whole) -> None:
    value, lines = step.held(op.x), prod(shape(op.x)[:-1])
    assert step.work is not None
    stream = c.memory.of[value] if is_stream(c, value, dtype_of(op.x)) else c.memory.of[step.work]
    base = c.buffer(stream)
    if stream is not c.memory.of[value]:
        elements(c, lines, lambda n: write(c, op, value, base, n))
    elements(c, lines, lambda n: read(c, op, base, n))


def is_stream(c: Context, value: Value, dtype: DType) -> bool:
    """Whether elements lie in scratch without gaps, as numbers of their own type."""
    return c.memory.of[value].dtype == dtype and dtype.bits == container_bits(dtype)


def line(c: Context, value: Value, n: LLVM, j: LLVM) -> Row:
    """The row of line ``n`` of a kept tile, from element ``j`` on."""
    buffer = c.memory.of[value]
    at = c.e.b.add(c.e.b.mul(n, c.e.i64(shape(value)[-1])), j)
    return Row(c.e.at(c.buffer(buffer), at, memory_type(buffer.dtype)), buffer.dtype, 1)


def bit(c: Context, op: ops.View, n: LLVM, j: LLVM, dtype: DType) -> LLVM:
    """Where element ``j`` of line ``n`` begins in the stream."""
    return c.e.b.add(c.e.b.mul(n, c.e.i64(8 * row_bytes(op))), c.e.b.mul(j, c.e.i64(dtype.bits)))


def write(c: Context, op: ops.View, value: Value, base: LLVM, n: LLVM) -> None:
    """One line into the stream."""
    dtype = dtype_of(op.x)

    def vector(j: LLVM, lanes: int, tail: int) -> None:
        codes = code_of(c.e, load(c, line(c, value, n, j), value, lanes, tail), dtype)
        exists = c.e.head(tail, lanes) if tail else None
        packing.store_row(c.e, base, bit(c, op, n, j, dtype), codes, dtype, exists)

    for_vectors(c, shape(value)[-1], vector)


def read(c: Context, op: ops.View, base: LLVM, n: LLVM) -> None:
    """One line out of the stream."""
    size = c.e.i64(prod(shape(op.x)[:-1]) * row_bytes(op))

    def vector(j: LLVM, lanes: int, tail: int) -> None:
        exists, at = c.e.head(tail, lanes) if tail else None, bit(c, op, n, j, op.to)
        if op.to.bits == container_bits(op.to):
            first = c.e.at(base, c.e.b.lshr(at, c.e.i64(3)), I8)
            codes = c.e.load(first, packed.code_type(op.to), lanes, exists, align=1)
        else:
            codes = packed.load_row(c.e, base, at, size, op.to, lanes, exists)
        store(c, line(c, op.result, n, j), number_of(c.e, codes, op.to), op.result, lanes, tail)

    for_vectors(c, shape(op.result)[-1], vector)
