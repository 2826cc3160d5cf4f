"""Instructions that read and write global memory."""

from __future__ import annotations

from tilevm.ir.core import Effect, Op, Value, attribute, operand, operands, optional
from tilevm.ir.ops.expect import axis_of, converted, integer_scalar, numeric, pointer, same_shape, tensor, tile
from tilevm.ir.ops.shape import positive
from tilevm.source import TileError
from tilevm.types import DType, Numeric, Scalar, Tile, Type, i32, i64, like


class Extent(Op, name="extent"):
    """The extent of a tensor along ``axis``: i32, or i64 for a wide dim."""

    tensor: Value = operand()
    axis: int = attribute()

    def infer(self) -> tuple[Type, ...]:
        found = tensor(self, self.tensor)
        axis_of(self, self.axis, found.rank)
        return (Scalar(i64 if found.dims[self.axis].wide else i32),)


class Load(Op, name="load", effect=Effect.READ):
    """The box of ``shape`` that begins at ``offsets``.

    Element i is inside when 0 <= offset + i < extent in each dimension; outside, it is ``other``, or 0.
    ``inbounds[d]`` says that dimension d was proved to lie inside.
    """

    tensor: Value = operand()
    offsets: tuple[Value, ...] = operands()
    other: Value | None = optional()
    shape: tuple[int, ...] = attribute()
    inbounds: tuple[bool, ...] = attribute(())

    def infer(self) -> tuple[Type, ...]:
        found = tensor(self, self.tensor)
        box(self, self.offsets, self.shape, found.rank)
        if self.other is not None and self.other.type != Scalar(found.dtype):
            raise TileError(
                f"load: other is of type {self.other.type}, the tensor of {found.dtype}",
                self.span,
                help=f"give one number of {found.dtype}",
            )
        return (Tile(found.dtype, self.shape),)


class Store(Op, name="store", effect=Effect.WRITE):
    """Write ``value`` into the box that begins at ``offsets``; elements outside are dropped."""

    tensor: Value = operand()
    value: Value = operand()
    offsets: tuple[Value, ...] = operands()
    inbounds: tuple[bool, ...] = attribute(())

    def infer(self) -> tuple[Type, ...]:
        found, value = tensor(self, self.tensor), tile(self, self.value)
        box(self, self.offsets, value.shape, found.rank)
        same_dtype(self, found.dtype, value)
        return ()


class Gather(Op, name="gather", effect=Effect.READ):
    """``tensor[indices]``, one index tile a dimension; ``other`` (or 0) where ``mask`` is false or out of range.

    Out of range without a mask that hides it is an error that the machine reports.
    """

    tensor: Value = operand()
    indices: tuple[Value, ...] = operands()
    mask: Value | None = optional()
    other: Value | None = optional()

    def infer(self) -> tuple[Type, ...]:
        found = tensor(self, self.tensor)
        shape = indexed(self, self.indices, self.mask, found.rank)
        return (instead(self, self.other, like(shape, found.dtype)),)


class Scatter(Op, name="scatter", effect=Effect.WRITE):
    """``tensor[indices] = value``; dropped where ``mask`` is false or out of range. Equal indices race."""

    tensor: Value = operand()
    value: Value = operand()
    indices: tuple[Value, ...] = operands()
    mask: Value | None = optional()

    def infer(self) -> tuple[Type, ...]:
        found = tensor(self, self.tensor)
        indexed(self, self.indices, self.mask, found.rank)
        same_shape(self, self.value, self.indices[0])
        same_dtype(self, found.dtype, numeric(self, self.value, "ifb"))
        return ()


class PointerLoad(Op, name="pointer_load", effect=Effect.READ):
    """``pointer[offsets]`` in elements; ``other`` (or 0) where ``mask`` is false. Bounds are the author's."""

    pointer: Value = operand()
    offsets: Value = operand()
    mask: Value | None = optional()
    other: Value | None = optional()

    def infer(self) -> tuple[Type, ...]:
        shape = indexed(self, (self.offsets,), self.mask, 1)
        return (instead(self, self.other, like(shape, pointer(self, self.pointer).dtype)),)


class PointerStore(Op, name="pointer_store", effect=Effect.WRITE):
    """``pointer[offsets] = value`` in elements, where ``mask`` is true."""

    pointer: Value = operand()
    value: Value = operand()
    offsets: Value = operand()
    mask: Value | None = optional()

    def infer(self) -> tuple[Type, ...]:
        found = pointer(self, self.pointer)
        indexed(self, (self.offsets,), self.mask, 1)
        same_shape(self, self.value, self.offsets)
        same_dtype(self, found.dtype, numeric(self, self.value, "ifb"))
        return ()


def box(op: Op, offsets: tuple[Value, ...], shape: tuple[int, ...], rank: int) -> None:
    if len(offsets) != rank or len(shape) != rank:
        raise TileError(
            f"{op.name}: the tensor has {rank} dimensions, the offsets {len(offsets)}, the shape {len(shape)}",
            op.span,
            help=f"give {rank} offsets and {rank} extents, 1 along what is not wanted",
        )
    positive(op, shape)
    for offset in offsets:
        integer_scalar(op, offset, "an offset")


def indexed(op: Op, indices: tuple[Value, ...], mask: Value | None, rank: int) -> Numeric:
    """The type that index tiles share."""
    if len(indices) != rank:
        raise TileError(
            f"{op.name}: the tensor has {rank} dimensions, the index {len(indices)}",
            op.span,
            help=f"give {rank}, one a dimension",
        )
    for index in indices:
        numeric(op, index, "i")
        same_shape(op, indices[0], index)
    if mask is not None:
        numeric(op, mask, "b")
        same_shape(op, indices[0], mask)
    return numeric(op, indices[0], "i")


def instead(op: Op, other: Value | None, found: Numeric) -> Numeric:
    """``found``, after checking that ``other`` may stand in it: one number, or a tile of its shape."""
    if other is not None and other.type not in (found, Scalar(found.dtype)):
        raise TileError(
            f"{op.name}: other is of type {other.type}, the elements are {found}", op.span, help=f"give {alone(found)}"
        )
    return found


def alone(found: Numeric) -> str:
    """What may stand for the elements of ``found``."""
    number = f"one number of {found.dtype}"
    return number if isinstance(found, Scalar) else f"{number}, or a tile {found}"


def same_dtype(op: Op, wanted: DType, value: Numeric) -> None:
    if value.dtype != wanted:
        raise TileError(f"{op.name}: {value} into a tensor of {wanted}", op.span, help=converted(f"tv.{wanted}"))
