"""What type rules ask of operands, with the messages users read."""

from __future__ import annotations

from tilevm.ir.core import Op, Value
from tilevm.source import TileError
from tilevm.types import Kind, Numeric, Pointer, Scalar, Shared, Slots, Tensor, Tile, Token, Type

FAMILY = {Kind.SIGNED: "i", Kind.UNSIGNED: "i", Kind.FLOAT: "f", Kind.BOOL: "b"}
RESHAPED = "bring one to the shape of the other, in IR text with splat, reshape and broadcast"
PARAMETER = "take a parameter of the kernel that is one: what was loaded from it, or computed, is not"
DESCRIBED = {
    Scalar: "the number",
    Tile: "the tile",
    Tensor: "the tensor",
    Pointer: "the pointer",
    Shared: "the buffer",
    Slots: "the slots",
    Token: "the",
}
FIRST: dict[type, str] = {  # what makes numbers or tiles of such values, or one of them the other
    Scalar: "spread the number over a tile first: tv.full, in IR text splat",
    Tile: "take an element of the tile first, in IR text with extract, or fold it to a number",
    Tensor: "load a tile of the tensor first",
    Pointer: "load what it points to first",
    Shared: "read the buffer first, with shared_load",
    Slots: "read a slot first, with staged",
    Token: "a token only says what to wait for: landed and async_await take it",
}
WORDS = {"i": "integers", "f": "floats", "b": "bools"}


def numeric(op: Op, value: Value, families: str) -> Numeric:
    """The type of a scalar or tile whose dtype is of one of ``families`` (letters of :data:`WORDS`)."""
    found = value.type
    if not isinstance(found, Scalar | Tile):
        raise TileError(f"{op.name} takes numbers or tiles, not {describe(found)}", op.span, help=FIRST[type(found)])
    if FAMILY[found.dtype.kind] not in families:
        takes = " and ".join(WORDS[f] for f in families)
        raise TileError(f"{op.name} takes {takes}, not {found}", op.span, help=converted("…"))
    return found


def converted(to: str) -> str:
    """The mend of a number type that does not fit."""
    return f"convert it with .to({to}), in IR text with cast"


def brought_together(a: Type, b: Type) -> str:
    """The mend of two types that should be one."""
    if isinstance(a, Scalar | Tile) and isinstance(b, Scalar | Tile):
        return RESHAPED if a.dtype == b.dtype else "convert one with .to(…), in IR text with cast"
    odd = b if isinstance(a, Scalar | Tile) else a
    return FIRST[type(odd)]


def to_integer(found: Type) -> str:
    return converted("tv.i32") if isinstance(found, Scalar) else FIRST[type(found)]


def same_type(op: Op, *values: Value) -> None:
    first = values[0].type
    for value in values[1:]:
        if value.type != first:
            raise TileError(
                f"{op.name} takes operands of one type, not {first} and {value.type}",
                op.span,
                help=brought_together(first, value.type),
            )


def same_shape(op: Op, a: Value, b: Value) -> None:
    if shape_of(op, a) != shape_of(op, b):
        raise TileError(f"{op.name} takes operands of one shape, not {a.type} and {b.type}", op.span, help=RESHAPED)


def shape_of(op: Op, value: Value) -> tuple[int, ...]:
    return numeric(op, value, "ifb").shape


def tile(op: Op, value: Value) -> Tile:
    if not isinstance(value.type, Tile):
        raise TileError(f"{op.name} takes a tile, not {describe(value.type)}", op.span, help=FIRST[type(value.type)])
    return value.type


def tensor(op: Op, value: Value) -> Tensor:
    if not isinstance(value.type, Tensor):
        raise TileError(f"{op.name} takes a tensor, not {describe(value.type)}", op.span, help=PARAMETER)
    return value.type


def pointer(op: Op, value: Value) -> Pointer:
    if not isinstance(value.type, Pointer):
        raise TileError(f"{op.name} takes a pointer, not {describe(value.type)}", op.span, help=PARAMETER)
    return value.type


def integer_scalar(op: Op, value: Value, what: str) -> Scalar:
    found = value.type
    if not (isinstance(found, Scalar) and found.dtype.is_integer):
        raise TileError(f"{op.name}: {what} is an integer, not {describe(found)}", op.span, help=to_integer(found))
    return found


def axis_of(op: Op, axis: int, rank: int) -> None:
    if not 0 <= axis < rank:
        raise TileError(
            f"{op.name}: axis {axis} of {rank} dimensions", op.span, help=f"axes count from 0 to {rank - 1}"
        )


def describe(found: object) -> str:
    """A type in the user's words."""
    return f"{DESCRIBED[type(found)]} {found}"
