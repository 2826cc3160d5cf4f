"""Boxes of memory that are looked at once, before a nest of loops, rather than row by row inside it.

Where rows may end early, or elements of few bits begin anywhere in a byte, the loops hold the code for all of that,
and calls among it: what they need again and again then stays in no register. So there are two nests, and the one that
nearly always runs is free of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import reduce
from math import prod

from tilevm.ir import ops
from tilevm.types import Tensor

from . import bytewise
from .context import Context
from .emit import I1, LLVM
from .packed import is_packed

WORTH = 1024  # elements of a domain from which a second nest is worth its compilation


def looked_at(domain: Iterable[int]) -> bool:
    """Whether a nest is large enough."""
    return prod(domain) >= WORTH


def certain(c: Context, loads: Iterable[ops.Load]) -> LLVM:
    """Whether all these boxes lie inside their tensors, and every row of a packed one begins with a byte; as i1."""
    facts = [fact for op in dict.fromkeys(loads) for fact in (*bounds(c, op), *bytes_(c, op))]
    return reduce(c.e.b.and_, facts, c.e.number(I1, 1))


def bounds(c: Context, op: ops.Load) -> Iterator[LLVM]:
    """Whether the box lies inside, by dimensions of which that is not known."""
    b = c.e.b
    for d, start in enumerate(op.offsets):
        if not (op.inbounds and op.inbounds[d]):
            at, extent = c.index(start), c.i64(c.views[op.tensor].extents[d])
            yield b.icmp_signed(">=", at, c.e.i64(0))
            yield b.icmp_signed("<=", b.add(at, c.e.i64(op.shape[d])), extent)


def bytes_(c: Context, op: ops.Load) -> Iterator[LLVM]:
    """Whether rows of a packed box begin with bytes, and reading whole vectors of them stays in the buffer."""
    kind, view, b = op.tensor.type, c.views[op.tensor], c.e.b
    assert isinstance(kind, Tensor)
    if not is_packed(kind):
        return
    bits, first, behind = c.e.i64(kind.dtype.bits), c.e.i64(0), c.e.i64(1)
    for start, size, stride in zip(op.offsets, op.shape, map(c.i64, view.strides), strict=True):
        first = b.add(first, b.mul(c.index(start), stride))
        behind = b.add(behind, b.mul(c.e.i64(size - 1), stride))
        if size > 1:
            yield b.icmp_signed(">=", stride, c.e.i64(0))
    rows = [c.i64(s) for s, size in zip(view.strides, op.shape, strict=True) if size > 1 and s != 1]
    for number in (first, *rows):
        yield b.icmp_signed("==", b.and_(b.mul(number, bits), c.e.i64(7)), c.e.i64(0))
    spare = bytewise.window(kind.dtype) - bytewise.COUNT * kind.dtype.bits // 8
    if spare:
        end = b.ashr(b.add(b.mul(b.add(first, behind), bits), c.e.i64(7)), c.e.i64(3))
        yield b.icmp_signed("<=", b.add(end, c.e.i64(spare)), view.bytes)
