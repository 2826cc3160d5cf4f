"""Boxes of memory that are looked at once, before a nest of loops, rather than row by row inside it.

Where rows may end early, or elements of few bits begin anywhere in a byte, the loops hold the code for all of that,
and calls among it: what they need again and again then stays in no register. So there are two nests, and the one that
nearly always runs is free of it. Short rows are looked at as often as a few vectors are made (MXFP4: 0.8 of the time).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from math import prod

from tilevm.ir import ops
from tilevm.types import Tensor

from . import bytewise
from .context import Context
from .emit import LLVM
from .index import shape
from .packed import is_packed

Box = ops.Load | ops.Store
WORTH = 1024  # elements of a domain from which a second nest is worth its compilation
SHORT = 64  # elements of a row


def looked_at(domain: Sequence[int], by_tables: bool, writes: bool) -> bool:
    """Whether a nest is large enough, and tables make what it reads, or its rows are short and written."""
    rows = [extent for extent in domain if extent > 1]
    return prod(domain) >= WORTH and (by_tables or (writes and len(rows) > 1 and rows[-1] <= SHORT))


def branches(c: Context, boxes: Iterable[Box]) -> Iterator[bool]:
    """True where all these boxes lie inside their tensors, and every row of a packed one begins with a byte; then False
    elsewhere, unless it is always so."""
    facts = [fact for op in dict.fromkeys(boxes) for fact in (*bounds(c, op), *bytes_(c, op))]
    if not facts:
        yield True
        return
    with c.e.fork(reduce(c.e.b.and_, facts)) as both:
        for branch, sure in zip(both, (True, False), strict=True):
            with branch:
                yield sure


def size_of(op: Box) -> tuple[int, ...]:
    """The extents of a box."""
    return op.shape if isinstance(op, ops.Load) else shape(op.value)


def bounds(c: Context, op: Box) -> Iterator[LLVM]:
    """Whether the box lies inside, by dimensions of which that is not known."""
    b = c.e.b
    for d, start in enumerate(op.offsets):
        if not (op.inbounds and op.inbounds[d]):
            at, extent = c.index(start), c.i64(c.views[op.tensor].extents[d])
            yield b.icmp_signed(">=", at, c.e.i64(0))
            yield b.icmp_signed("<=", b.add(at, c.e.i64(size_of(op)[d])), extent)


def bytes_(c: Context, op: Box) -> Iterator[LLVM]:
    """Whether rows of a packed box begin with bytes, and reading whole vectors of them stays in the buffer."""
    kind, view, b = op.tensor.type, c.views[op.tensor], c.e.b
    assert isinstance(kind, Tensor)
    if not is_packed(kind):
        return
    bits, first, behind = c.e.i64(kind.dtype.bits), c.e.i64(0), c.e.i64(1)
    for start, size, stride in zip(op.offsets, size_of(op), map(c.i64, view.strides), strict=True):
        first = b.add(first, b.mul(c.index(start), stride))
        behind = b.add(behind, b.mul(c.e.i64(size - 1), stride))
        if size > 1:
            yield b.icmp_signed(">=", stride, c.e.i64(0))
    rows = [c.i64(s) for s, size in zip(view.strides, size_of(op), strict=True) if size > 1 and s != 1]
    for number in (first, *rows):
        yield b.icmp_signed("==", b.and_(b.mul(number, bits), c.e.i64(7)), c.e.i64(0))
    spare = bytewise.window(kind.dtype) - bytewise.COUNT * kind.dtype.bits // 8
    if spare and isinstance(op, ops.Load):
        end = b.ashr(b.add(b.mul(b.add(first, behind), bits), c.e.i64(7)), c.e.i64(3))
        yield b.icmp_signed("<=", b.add(end, c.e.i64(spare)), view.bytes)
