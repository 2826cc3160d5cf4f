"""Elements at computed indices: their addresses, and which of them exist."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tilevm.ir import Value, ops
from tilevm.types import DType, Scalar, Tile

from . import access, packed, packing
from .context import Context
from .emit import I64, LLVM, lanes_of, memory_type, vector_of
from .packed import is_packed


def both(c: Context, a: LLVM | None, b: LLVM | None) -> LLVM | None:
    if a is None or b is None:
        return a if b is None else b
    return c.e.b.and_(a, b)


Indexed = ops.Gather | ops.Scatter | ops.PointerLoad | ops.PointerStore | ops.Atomic | ops.AtomicCas


def indexing(op: Indexed) -> tuple[Value, ...]:
    """The operands that say where an instruction reads or writes."""
    return (op.offsets,) if isinstance(op, ops.PointerLoad | ops.PointerStore) else op.indices


def points(c: Context, op: Indexed, memory: Value, indices: Sequence[LLVM]) -> tuple[LLVM, LLVM | None]:
    """Addresses at index values, and which of them lie inside (None: nothing is known of the bounds).

    In a packed tensor an address is the bit that an element begins at, as i64.
    """
    view = c.views[memory]
    lanes, offset, inside = lanes_of(indices[0]), None, None
    for d, (value, index) in enumerate(zip(indexing(op), indices, strict=True)):
        wide = widened(c, index, dtype_of(value))
        if view.strides:
            fits = c.e.b.icmp_unsigned("<", wide, c.e.splat(c.i64(view.extents[d]), lanes))
            inside = both(c, inside, fits)
            wide = c.e.b.mul(wide, c.e.splat(c.i64(view.strides[d]), lanes))
        offset = wide if offset is None else c.e.b.add(offset, wide)
    kind: Any = memory.type
    if is_packed(kind):
        return c.e.b.mul(offset, c.e.like(offset, kind.dtype.bits)), inside
    return point_addresses(c, view.base, kind.dtype, offset), inside


def read(c: Context, memory: Value, at: LLVM, exists: LLVM | None) -> LLVM:
    """The elements, in register form, at what :func:`points` gave; anything where ``exists`` is false."""
    kind: Any = memory.type
    if is_packed(kind):
        found = read_packed(c, memory, at, exists)
    elif lanes_of(at):
        found = c.e.gather(at, memory_type(kind.dtype), exists)
    else:
        safe = at if exists is None else c.e.b.select(exists, at, c.scratch)
        found = c.e.load(safe, memory_type(kind.dtype), 0)
    return access.to_register(c, found, kind.dtype)


def read_packed(c: Context, memory: Value, at: LLVM, exists: LLVM | None) -> LLVM:
    kind: Any = memory.type
    base = c.views[memory].base
    if lanes_of(at):
        return packed.gather(c.e, base, at, kind.dtype, exists)
    if exists is None:
        return packed.load(c.e, base, at, kind.dtype)
    nothing = c.e.number(packed.code_type(kind.dtype), 0)
    return c.e.either(exists, lambda: [packed.load(c.e, base, at, kind.dtype)], lambda: [nothing])[0]


def write(c: Context, memory: Value, at: LLVM, value: LLVM, exists: LLVM | None) -> None:
    """Store elements at what :func:`points` gave, where ``exists``."""
    kind: Any = memory.type
    held, base = access.to_memory(c, value, kind.dtype), c.views[memory].base
    if lanes_of(value):
        if is_packed(kind):
            packing.scatter(c.e, base, at, held, kind.dtype, exists)
        else:
            c.e.scatter(held, at, exists)
        return

    def one() -> None:
        packing.store(c.e, base, at, held, kind.dtype) if is_packed(kind) else c.e.store(held, at)

    if exists is None:
        one()
        return
    with c.e.when(exists):
        one()


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
