"""Elements that come from outside the nest: from memory, from indices, from nowhere."""

from __future__ import annotations

from tilevm.ir import ops

from . import access
from .emit import I32, LLVM, lanes_of
from .group import Nest, leaf
from .index import Node, inputs
from .points import both, dtype_of, points, read


@leaf.rule(ops.Load)
def _(op: ops.Load, nest: Nest, node: Node, j: LLVM, lanes: int, tail: int) -> LLVM:
    row = nest.row(node)
    other = nest.c.numbers[op.other] if op.other is not None else None
    if lanes:
        return access.load_vector(nest.c, row, j, lanes, tail, other)
    return access.load_scalar(nest.c, row, other)


@leaf.rule(ops.Arange)
def _(op: ops.Arange, nest: Nest, node: Node, j: LLVM, lanes: int, tail: int) -> LLVM:
    e, (m,) = nest.c.e, node.map
    if lanes:
        first = e.splat(e.b.add(e.b.trunc(j, I32), e.index(op.start)), lanes)
        return e.b.add(first, e.iota(lanes))
    return e.b.add(e.b.trunc(nest.where[m], I32), e.index(op.start)) if m in nest.where else e.index(op.start)


@leaf.rule(ops.Empty)
def _(op: ops.Empty, nest: Nest, node: Node, j: LLVM, lanes: int, tail: int) -> LLVM:
    return nest.c.e.splat(access.zero(nest.c, op.of), lanes)


@leaf.rule(ops.Gather, ops.PointerLoad)
def _(op: ops.Gather | ops.PointerLoad, nest: Nest, node: Node, j: LLVM, lanes: int, tail: int) -> LLVM:
    e, dtype = nest.c.e, dtype_of(node.value)
    xs = [nest.value(n, j, lanes, tail) for n in inputs(op, node.map)]
    lanes = max(lanes_of(x) for x in xs)
    xs = [e.splat(x, lanes) for x in xs]
    count = len(op.indices) if isinstance(op, ops.Gather) else 1
    mask = xs[count] if op.mask is not None else None
    other = xs[-1] if op.other is not None else e.splat(access.zero(nest.c, dtype), lanes)
    memory = op.tensor if isinstance(op, ops.Gather) else op.pointer
    address, inside = points(nest.c, op, memory, xs[:count])
    exists = both(nest.c, mask, inside)
    head = e.head(tail, lanes) if tail else None
    found = read(nest.c, memory, address, both(nest.c, exists, head))
    return found if exists is None else e.b.select(exists, found, other)
