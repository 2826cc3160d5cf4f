"""The family of instructions that stand at thread level alone, and what their type rules ask."""

from __future__ import annotations

from typing import ClassVar

from tilevm.ir.core import Op, Value
from tilevm.ir.ops.expect import FIRST, PARAMETER, describe
from tilevm.source import TileError
from tilevm.types import DType, Pointer, Scalar, Shared, Tensor, Tile, Type, i32


class ThreadOp(Op):
    """What one thread does."""

    thread: ClassVar[bool] = True


def registers(found: Type) -> str:
    """The mend of what is no register array."""
    if isinstance(found, Tensor | Pointer):
        return "load its elements first, with global_load"
    if isinstance(found, Scalar):
        return "join makes an array of numbers"
    return "reshape it to one dimension" if isinstance(found, Tile) else FIRST[type(found)]


def array(op: Op, value: Value) -> Tile:
    """The type of a register array."""
    found = value.type
    if not (isinstance(found, Tile) and len(found.shape) == 1):
        raise TileError(f"{op.name} takes a register array, not {describe(found)}", op.span, help=registers(found))
    return found


def numbers(op: Op, value: Value) -> tuple[DType, int]:
    """The dtype of a number or a register array, and its registers."""
    if isinstance(value.type, Scalar):
        return value.type.dtype, 1
    found = array(op, value)
    return found.dtype, found.size


def shared(op: Op, value: Value) -> Shared:
    if not isinstance(value.type, Shared):
        raise TileError(
            f"{op.name} takes a buffer in shared memory, not {describe(value.type)}",
            op.span,
            help="give it what shared yields",
        )
    return value.type


def slot(op: Op, value: Value | None) -> None:
    """Raises TileError unless ``value`` is a number i32, or nothing."""
    if value is not None and value.type != Scalar(i32):
        raise TileError(f"{op.name}: a slot is i32, not {value.type}", op.span, help="count slots in i32, as ring does")


def memory(op: Op, value: Value) -> Tensor | Pointer:
    if not isinstance(value.type, Tensor | Pointer):
        raise TileError(f"{op.name} takes a tensor or a pointer, not {describe(value.type)}", op.span, help=PARAMETER)
    return value.type


def offsets(op: Op, value: Value) -> int:
    """How many accesses a register array of offsets asks for."""
    found = array(op, value)
    if not found.dtype.is_integer or found.dtype.bits < 32:
        raise TileError(
            f"{op.name}: offsets are integers of 32 or 64 bits, not {found}",
            op.span,
            help="cast them to i32, or to i64",
        )
    return found.size


def mask(op: Op, value: Value | None, count: int) -> None:
    """Raises TileError unless ``value`` is a bool an access, or nothing."""
    if value is not None and not (array(op, value).dtype.is_bool and array(op, value).size == count):
        raise TileError(
            f"{op.name}: the mask is {value.type}, for {count} accesses",
            op.span,
            help=f"give bool[{count}], a bool an offset",
        )


def holds(op: Op, value: Value, dtype: DType, count: int) -> None:
    """Raises TileError unless ``value`` is a register array of ``count`` elements of ``dtype``."""
    found = array(op, value)
    if (found.dtype, found.size) != (dtype, count):
        raise TileError(
            f"{op.name}: {found} where {dtype}[{count}] is due",
            op.span,
            help="cast the elements, and give as many as offsets times width",
        )
