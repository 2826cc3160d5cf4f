"""Where the element of an operand lies that an element of a result is made from.

A group of instructions runs over one *domain* of indices. A ``Node`` is a tile seen from that domain: dimension d of
the tile is indexed by dimension ``map[d]`` of the domain, or always by 0 where ``map[d]`` is None.
"""

from __future__ import annotations

from typing import NamedTuple, TypeGuard

from tilevm.ir import Op, Table, Value, ops
from tilevm.types import Tile

Map = tuple[int | None, ...]


class Node(NamedTuple):
    """One tile under one map."""

    value: Value
    map: Map


inputs: Table[[Map], list[Node]] = Table("operands of one element")
INLINE = (
    *(ops.Unary, ops.Binary, ops.Compare, ops.Fma, ops.Select, ops.Cast, ops.View, ops.Philox),
    *(ops.Splat, ops.Arange, ops.Empty, ops.Broadcast, ops.Permute, ops.Reshape, ops.Slice),
    *(ops.Load, ops.Gather, ops.PointerLoad),
)

WHOLE = (  # read from scratch, where their operands are put
    *(ops.Sort, ops.ArgReduce, ops.Cumulative, ops.Combining),
    *(ops.Concat, ops.Extract, ops.Atomic, ops.AtomicCas, ops.Print, ops.Assert),
)


def is_inline(op: Op | None) -> TypeGuard[Op]:
    """Whether an instruction may be made element by element where it is used."""
    return isinstance(op, INLINE) and not recuts(op)


def is_whole(op: Op) -> bool:
    """Whether an instruction reads whole tiles from scratch."""
    return (isinstance(op, WHOLE) or recuts(op)) and any(map(is_tile, op.operands))


def recuts(op: Op | None) -> bool:
    """Whether elements of the result are made of parts of elements, or of several."""
    if not isinstance(op, ops.View) or not isinstance(op.x.type, Tile):
        return False
    return op.x.type.dtype.bits != op.to.bits


def identity(rank: int) -> Map:
    return tuple(range(rank))


def shape(value: Value) -> tuple[int, ...]:
    """The extents of a tile; none for a scalar."""
    return value.type.shape if isinstance(value.type, Tile) else ()


def is_tile(value: Value) -> bool:
    return isinstance(value.type, Tile)


def seen(value: Value, map: Map) -> Map:
    """``map`` for a tile, nothing for a scalar."""
    return map if is_tile(value) else ()


@inputs.rule(
    ops.Unary, ops.Binary, ops.Compare, ops.Fma, ops.Select, ops.Cast, ops.View, ops.Philox, ops.Gather, ops.PointerLoad
)
def _(op: Op, map: Map) -> list[Node]:
    skip = getattr(op, "tensor", None) or getattr(op, "pointer", None)
    return [Node(v, seen(v, map)) for v in op.operands if v is not skip]


@inputs.rule(ops.Splat, ops.Arange, ops.Empty)
def _(op: Op, map: Map) -> list[Node]:
    return [Node(v, ()) for v in op.operands]


@inputs.rule(ops.Load)
def _(op: ops.Load, map: Map) -> list[Node]:
    return [Node(v, ()) for v in (*op.offsets, op.other) if v is not None]


@inputs.rule(ops.Broadcast)
def _(op: ops.Broadcast, map: Map) -> list[Node]:
    return [Node(op.x, tuple(m if e > 1 else None for m, e in zip(map, shape(op.x), strict=True)))]


@inputs.rule(ops.Permute)
def _(op: ops.Permute, map: Map) -> list[Node]:
    back: list[int | None] = [None] * len(map)
    for k, d in enumerate(op.dims):
        back[d] = map[k]
    return [Node(op.x, tuple(back))]


@inputs.rule(ops.Reshape)
def _(op: ops.Reshape, map: Map) -> list[Node]:
    assert not moves(op), "a reshape that moves elements reads its operand from memory"
    left = iter(m for m, e in zip(map, op.shape, strict=True) if e > 1)
    return [Node(op.x, tuple(next(left) if e > 1 else None for e in shape(op.x)))]


def whole_tile(value: Value) -> Node:
    """A tile seen from a domain of its own shape."""
    return Node(value, identity(len(shape(value))))


def only_units(op: ops.Reshape) -> bool:
    """Whether the reshape merely drops and adds dimensions of extent 1."""
    return [e for e in op.shape if e > 1] == [e for e in shape(op.x) if e > 1]


def moves(op: Op | None) -> bool:
    """Whether the elements of the result lie elsewhere than a map can say, so that the operand is read from memory."""
    return isinstance(op, ops.Slice) or (isinstance(op, ops.Reshape) and not only_units(op))
