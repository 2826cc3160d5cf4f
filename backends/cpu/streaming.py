"""Stores that pass the caches by, for tensors too large to stay there.

An ordinary store reads a line of memory before it writes it; a non-temporal one does not (an addition into 64 MB ran
1.25 times as fast on Zen 4). It has to be aligned, so the ends of a row are stored the ordinary way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import reduce

from tilevm.ir import Effect, Func, Op, Value, ops
from tilevm.ir.rewrite import walk
from tilevm.types import Tensor

from .access import Row
from .context import Context
from .emit import I32, I64, LLVM, VOID, Emitter, memory_bytes, memory_type
from .host import Host
from .index import is_tile, shape
from .packed import is_packed

SHORTEST = 2048  # bytes of a row from which its ends do not matter
LARGE = 12 << 20  # bytes of a tensor from which it is out of the caches before anyone reads it


def streamable(func: Func, host: Host) -> frozenset[Op]:
    """The stores of long rows to tensors that the function never reads."""
    if not host.has("sse2"):
        return frozenset()
    every = list(walk(func.body))
    read = {v for op in every if op.effect is not Effect.PURE and not isinstance(op, ops.Store) for v in op.operands}
    return frozenset(op for op in every if isinstance(op, ops.Store) and op.tensor not in read and long(op))


def long(op: ops.Store) -> bool:
    kind = op.tensor.type
    assert isinstance(kind, Tensor)
    if not is_tile(op.value) or kind.strides[-1] != 1 or is_packed(kind):
        return False
    return shape(op.value)[-1] * memory_bytes(kind.dtype) >= SHORTEST


def large(c: Context, tensor: Value) -> LLVM:
    """Whether a tensor is better not kept in the caches, as i1."""
    kind, b = tensor.type, c.e.b
    assert isinstance(kind, Tensor)
    size = reduce(b.mul, [c.i64(n) for n in c.views[tensor].extents], c.e.i64(memory_bytes(kind.dtype)))
    return b.icmp_signed(">=", size, c.e.i64(LARGE))


def stream(
    c: Context, row: Row, extent: int, lanes: int, trip: int, vectors: Callable[[Row, list[LLVM]], object]
) -> None:
    """Write the ``extent`` elements of an unmasked row; ``vectors(row, at)`` stores ``lanes`` of them at each place.

    The ends are lanes of the first and of the last vector: neither a load nor a store leaves the row.
    """
    e, b = c.e, c.e.b
    size = memory_bytes(row.element)
    past = b.and_(b.ptrtoint(e.at(row.base, e.i64(0), memory_type(row.element)), I64), e.i64(lanes * size - 1))
    head = b.udiv(b.and_(b.sub(e.i64(0), past), e.i64(lanes * size - 1)), e.i64(size))
    count = b.udiv(b.sub(e.i64(extent), head), e.i64(lanes))
    end = b.add(head, b.mul(count, e.i64(lanes)))

    def part(first: LLVM, number: LLVM, j: int) -> None:
        with e.when(b.icmp_signed(">", number, e.i64(0))):
            vectors(replace(row, first=b.trunc(first, I32), count=b.trunc(number, I32)), [e.i64(j)])

    def several(i: LLVM, _: list[LLVM]) -> list[LLVM]:
        first = b.add(head, b.mul(i, e.i64(trip * lanes)))
        vectors(whole, [b.add(first, e.i64(n * lanes)) for n in range(trip)])
        return []

    def single(i: LLVM, _: list[LLVM]) -> list[LLVM]:
        vectors(whole, [b.sub(end, b.mul(b.add(i, e.i64(1)), e.i64(lanes)))])
        return []

    whole = replace(row, streams=True)
    part(e.i64(0), head, 0)
    e.loop(b.udiv(count, e.i64(trip)), [], several)
    e.loop(b.urem(count, e.i64(trip)), [], single)
    part(end, b.sub(e.i64(extent), end), extent - lanes)


def settle(e: Emitter) -> None:
    """Wait until what was streamed can be seen by all."""
    e.call("llvm.x86.sse.sfence", VOID, [])
