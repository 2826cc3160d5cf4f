"""What type rules ask of operands, with the messages users read."""

from __future__ import annotations

from tilevm.ir.core import Op, Value
from tilevm.source import TileError
from tilevm.types import Kind, Numeric, Pointer, Scalar, Shared, Slots, Tensor, Tile, Token

FAMILY = {Kind.SIGNED: "i", Kind.UNSIGNED: "i", Kind.FLOAT: "f", Kind.BOOL: "b"}
DESCRIBED = {
    Scalar: "the number",
    Tile: "the tile",
    Tensor: "the tensor",
    Pointer: "the pointer",
    Shared: "the buffer",
    Slots: "the slots",
    Token: "the",
}
WORDS = {"i": "integers", "f": "floats", "b": "bools"}


def numeric(op: Op, value: Value, families: str) -> Numeric:
    """The type of a scalar or tile whose dtype is of one of ``families`` (letters of :data:`WORDS`)."""
    found = value.type
    if not isinstance(found, Scalar | Tile):
        raise TileError(f"{op.name} takes numbers or tiles, not {describe(found)}", op.span)
    if FAMILY[found.dtype.kind] not in families:
        takes = " and ".join(WORDS[f] for f in families)
        raise TileError(f"{op.name} takes {takes}, not {found}", op.span, help="convert it with .to(…)")
    return found


def same_type(op: Op, *values: Value) -> None:
    first = values[0].type
    for value in values[1:]:
        if value.type != first:
            raise TileError(f"{op.name} takes operands of one type, not {first} and {value.type}", op.span)


def same_shape(op: Op, a: Value, b: Value) -> None:
    if shape_of(op, a) != shape_of(op, b):
        raise TileError(f"{op.name} takes operands of one shape, not {a.type} and {b.type}", op.span)


def shape_of(op: Op, value: Value) -> tuple[int, ...]:
    return numeric(op, value, "ifb").shape


def tile(op: Op, value: Value) -> Tile:
    if not isinstance(value.type, Tile):
        raise TileError(f"{op.name} takes a tile, not {describe(value.type)}", op.span)
    return value.type


def tensor(op: Op, value: Value) -> Tensor:
    if not isinstance(value.type, Tensor):
        raise TileError(f"{op.name} takes a tensor, not {describe(value.type)}", op.span)
    return value.type


def pointer(op: Op, value: Value) -> Pointer:
    if not isinstance(value.type, Pointer):
        raise TileError(f"{op.name} takes a pointer, not {describe(value.type)}", op.span)
    return value.type


def integer_scalar(op: Op, value: Value, what: str) -> Scalar:
    found = value.type
    if not (isinstance(found, Scalar) and found.dtype.is_integer):
        raise TileError(f"{op.name}: {what} is an integer, not {describe(found)}", op.span)
    return found


def axis_of(op: Op, axis: int, rank: int) -> None:
    if not 0 <= axis < rank:
        raise TileError(f"{op.name}: axis {axis} of {rank} dimensions", op.span)


def describe(found: object) -> str:
    """A type in the user's words."""
    return f"{DESCRIBED[type(found)]} {found}"
