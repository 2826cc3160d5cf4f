"""Elements at computed indices: their addresses, and which of them exist."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tilevm.ir import Value, ops
from tilevm.types import DType, Scalar, Tile

from .context import Context
from .emit import I64, LLVM, lanes_of, memory_type, vector_of


def both(c: Context, a: LLVM | None, b: LLVM | None) -> LLVM | None:
    if a is None or b is None:
        return a if b is None else b
    return c.e.b.and_(a, b)


Indexed = ops.Gather | ops.Scatter | ops.PointerLoad | ops.PointerStore | ops.Atomic | ops.AtomicCas


def indexing(op: Indexed) -> tuple[Value, ...]:
    """The operands that say where an instruction reads or writes."""
    return (op.offsets,) if isinstance(op, ops.PointerLoad | ops.PointerStore) else op.indices


def points(c: Context, op: Indexed, memory: Value, indices: Sequence[LLVM]) -> tuple[LLVM, LLVM | None]:
    """Addresses at index values, and which of them lie inside (None: nothing is known of the bounds)."""
    view = c.views[memory]
    lanes, offset, inside = lanes_of(indices[0]), None, None
    for d, (value, index) in enumerate(zip(indexing(op), indices, strict=True)):
        wide = widened(c, index, dtype_of(value))
        if view.strides:
            fits = c.e.b.icmp_unsigned("<", wide, c.e.splat(c.i64(view.extents[d]), lanes))
            inside = both(c, inside, fits)
            wide = c.e.b.mul(wide, c.e.splat(c.i64(view.strides[d]), lanes))
        offset = wide if offset is None else c.e.b.add(offset, wide)
    element: Any = memory.type
    return point_addresses(c, view.base, element.dtype, offset), inside


def widened(c: Context, index: LLVM, dtype: DType) -> LLVM:
    kind = vector_of(I64, lanes_of(index))
    if index.type == kind:
        return index
    return (c.e.b.sext if dtype.signed else c.e.b.zext)(index, kind)


def dtype_of(value: Value) -> DType:
    """The dtype of a number or tile."""
    assert isinstance(value.type, Scalar | Tile)
    return value.type.dtype


def point_addresses(c: Context, base: LLVM, element: DType, offset: LLVM) -> LLVM:
    """Addresses at computed offsets (i64, scalar or vector)."""
    kind = memory_type(element)
    return c.e.addresses(base, offset, kind) if lanes_of(offset) else c.e.at(base, offset, kind)
