"""Sorting: elements become whole numbers that order as they do, each with its index below it.

No two such numbers are equal, so any way of sorting them is stable.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from tilevm.ir import ops
from tilevm.types import DType, Kind, Tile

from . import access
from .access import Row
from .casts import convert
from .context import Context
from .emit import I32, I64, LLVM, Emitter, lanes_of, memory_type, vector_of
from .index import shape
from .network import Network
from .points import dtype_of
from .steps import Whole
from .whole import Lines, elements, for_vectors, whole
from .work import work

I128 = ir.IntType(128)
INDEX_BITS = 32


def packed(dtype: DType) -> Any:
    """The integer that holds a key and an index."""
    return I128 if dtype.bits > 32 else I64


def padded(length: int) -> int:
    """The size of the network for ``length`` elements: a power of two that fills a vector of any host."""
    return max(8, 1 << (length - 1).bit_length())


@work.rule(ops.Sort)
def _(op: ops.Sort) -> int:
    assert isinstance(op.x.type, Tile)
    bits: int = packed(op.x.type.dtype).width
    return padded(op.x.type.shape[op.axis]) * bits // 8


@whole.rule(ops.Sort)
def _(op: ops.Sort, c: Context, step: Whole) -> None:
    lines = Lines.of(shape(op.x), op.axis)
    assert step.work is not None
    base = c.buffer(c.memory.of[step.work])
    kind = packed(dtype_of(op.x))
    network = Network(c, base, kind, padded(lines.length), c.e.host.lanes(64) if kind is I64 else 1)

    def line(n: LLVM) -> None:
        outer, inner = c.e.b.udiv(n, c.e.i64(lines.inner)), c.e.b.urem(n, c.e.i64(lines.inner))
        source = begin(c, step.held(op.x), lines, lines.length, outer, inner)
        pack(c, op, source, base, lines.length, network.size)
        network.sort()
        results = [begin(c, r, lines, op.count, outer, inner) for r in op.results]
        unpack(c, op, source, base, results)

    elements(c, lines.outer * lines.inner, line)


def begin(c: Context, value: Any, lines: Lines, length: int, outer: LLVM, inner: LLVM) -> Row:
    """The row of one line of a kept tile that has ``length`` elements a line."""
    buffer, b = c.memory.of[value], c.e.b
    offset = b.add(b.mul(outer, c.e.i64(length * lines.inner)), inner)
    return Row(c.e.at(c.buffer(buffer), offset, memory_type(buffer.dtype)), buffer.dtype, lines.inner)


def pack(c: Context, op: ops.Sort, source: Row, base: LLVM, length: int, size: int) -> None:
    """Keys and indices of a line, and past its end numbers that come last."""
    e, dtype = c.e, dtype_of(op.x)
    kind = packed(dtype)
    elements(c, size - length, lambda i: e.store(e.number(kind, -1), e.at(base, e.b.add(i, e.i64(length)), kind)))

    def vector(j: LLVM, lanes: int, tail: int) -> None:
        x = convert(e, access.load_vector(c, source, j, lanes, tail, None), source.element, dtype)
        wide = vector_of(kind, lanes)
        place = e.b.zext(e.b.add(e.splat(e.b.trunc(j, I32), lanes), e.iota(lanes)), wide)
        above = e.b.shl(e.b.zext(key(e, x, dtype, op.descending), wide), e.number(wide, INDEX_BITS))
        e.store(e.b.or_(above, place), e.at(base, j, kind), e.head(tail, lanes) if tail else None)

    for_vectors(c, length, vector)


def unpack(c: Context, op: ops.Sort, source: Row, base: LLVM, results: list[Row]) -> None:
    """The first indices in order, and the elements there."""
    e, kind, dtype, (values, indices) = c.e, packed(dtype_of(op.x)), dtype_of(op.x), results

    def vector(j: LLVM, lanes: int, tail: int) -> None:
        mask = e.head(tail, lanes) if tail else None
        index = e.b.trunc(e.load(e.at(base, j, kind), kind, lanes, mask), vector_of(I32, lanes))
        access.store_vector(c, indices, index, j, tail)
        offset = e.b.mul(e.b.zext(index, vector_of(I64, lanes)), e.number(vector_of(I64, lanes), source.stride))
        element = memory_type(source.element)
        found = access.to_register(
            c, e.gather(e.addresses(source.base, offset, element), element, mask), source.element
        )
        access.store_vector(c, values, convert(e, found, source.element, dtype), j, tail)

    for_vectors(c, op.count, vector)


def key(e: Emitter, x: LLVM, dtype: DType, descending: bool) -> LLVM:
    """An unsigned integer of the width of ``x`` that orders as ``x`` does: -0 as +0, NaN last."""
    if dtype.is_float:
        return float_key(e, x, dtype, descending)
    if dtype.is_bool:
        x = e.b.zext(x, vector_of(I32, lanes_of(x)))
    found = e.b.xor(x, e.like(x, 1 << (dtype.bits - 1))) if dtype.kind is Kind.SIGNED else x
    return e.b.not_(found) if descending else found


def float_key(e: Emitter, x: LLVM, dtype: DType, descending: bool) -> LLVM:
    """Negative numbers with every bit flipped, others with the sign bit."""
    sign = 1 << (dtype.bits - 1)
    infinity = ((1 << dtype.exponent_bits) - 1) << dtype.mantissa_bits
    bits = e.b.bitcast(x, vector_of(ir.IntType(dtype.bits), lanes_of(x)))
    nan = e.b.icmp_unsigned(">", e.b.and_(bits, e.like(bits, sign - 1)), e.like(bits, infinity))
    bits = e.b.select(e.b.icmp_unsigned("==", bits, e.like(bits, sign)), e.like(bits, 0), bits)
    negative = e.b.ashr(bits, e.like(bits, dtype.bits - 1))
    found = e.b.xor(bits, e.b.or_(negative, e.like(bits, sign)))
    found = e.b.not_(found) if descending else found
    return e.b.select(nan, e.like(bits, -1), found)
