"""Whether a store, run element by element along with loads and stores, could come between these.

Two tensor arguments may be the same view, so memory of one kind, dtype and rank may be one memory.
"""

from __future__ import annotations

from collections.abc import Iterator

from tilevm.ir import Op, Value, ops
from tilevm.types import Pointer, Tensor

from .index import Node, identity, inputs, is_inline, is_tile, moves, shape

Reading = ops.Load | ops.Gather | ops.PointerLoad
Writing = ops.Store | ops.Scatter | ops.PointerStore


def disturbs(write: Op, other: Op, straight: bool) -> bool:
    """Whether ``write`` may change what ``other`` reads or writes at another element.

    ``straight``: the elements of ``other`` keep their index on the way.
    """
    if not isinstance(write, Writing) or not isinstance(other, Reading | Writing):
        return False
    if not alike(memory(write), memory(other)):
        return False
    return not (straight and index(write) == index(other) and extents(write) == extents(other))


def goes_straight(read: Op, write: Op) -> bool:
    """Whether every element of ``read`` that ``write`` takes, through whatever is computed, keeps its index."""
    assert isinstance(write, Writing)
    seen: set[Node] = set()
    whole = identity(len(shape(write.value)))
    pending = [Node(v, whole) for v in write.operands if is_tile(v)]
    while pending:
        node = pending.pop()
        op = node.value.owner
        if node in seen:
            continue
        seen.add(node)
        if op is read and node.map != whole:
            return False
        if is_inline(op) and is_tile(node.value) and not moves(op):
            pending += tiles(inputs(op, node.map))
    return True


def tiles(nodes: list[Node]) -> Iterator[Node]:
    return (n for n in nodes if is_tile(n.value))


def memory(op: Reading | Writing) -> Value:
    return op.pointer if isinstance(op, ops.PointerLoad | ops.PointerStore) else op.tensor


def index(op: Reading | Writing) -> tuple[Value, ...]:
    """What says where an instruction reads or writes."""
    if isinstance(op, ops.Gather | ops.Scatter):
        return op.indices
    return op.offsets if isinstance(op, ops.Load | ops.Store) else (op.offsets,)


def extents(op: Reading | Writing) -> tuple[int, ...]:
    return shape(op.value if isinstance(op, Writing) else op.result)


def alike(a: Value, b: Value) -> bool:
    """Whether two arguments may be one memory, seen alike."""
    if isinstance(a.type, Tensor) and isinstance(b.type, Tensor):
        return a is b or (a.type.dtype, a.type.rank) == (b.type.dtype, b.type.rank)
    return isinstance(a.type, Pointer) and isinstance(b.type, Pointer) and a.type.dtype == b.type.dtype
