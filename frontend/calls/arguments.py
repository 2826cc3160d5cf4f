"""Arguments of calls, checked: compile-time ints, shapes, dtypes, axes, offsets, masks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import copysign

from tilevm.ir import Value
from tilevm.ir.build import Builder
from tilevm.source import TileError
from tilevm.types import NAMED, DType, Scalar, Tensor, Tile

from ..promote import cast, dtype_of, literal, natural, runtime, way_to_numbers
from ..values import describe, is_int, is_number, is_numeric, is_scalar, type_words


def static_int(builder: Builder, what: str, value: object) -> int:
    """A compile-time int."""
    if is_int(value):
        return value
    late = isinstance(value, Value)
    raise TileError(
        f"{what} is a compile-time int, not {describe(value)}",
        builder.span,
        help="take it from a tv.constexpr parameter or a number in the signature" if late else whole(value),
    )


def static_bool(builder: Builder, what: str, value: object) -> bool:
    """A compile-time bool."""
    if isinstance(value, bool):
        return value
    raise TileError(
        f"{what} is True or False, not {describe(value)}",
        builder.span,
        help="take it from a tv.constexpr parameter" if isinstance(value, Value) else "write True or False",
    )


def shape_arg(builder: Builder, name: str, value: object) -> tuple[int, ...]:
    """A shape: positive compile-time ints, or one of them for one dimension."""
    parts = value if isinstance(value, tuple) else (value,)
    shape = tuple(static_int(builder, f"{name}: an extent of the shape", p) for p in parts)
    if not shape:
        raise TileError(f"{name}: a tile has at least one dimension", builder.span, help="a plain number needs no tile")
    if any(e < 1 for e in shape):
        raise TileError(f"{name}: a shape holds positive ints, not {shape}", builder.span, help="1 is the least")
    return shape


def star(values: Sequence[object]) -> object:
    """``f((a, b))`` and ``f(a, b)`` alike: the tuple."""
    return values[0] if len(values) == 1 else tuple(values)


def dtype_arg(builder: Builder, name: str, value: object) -> DType:
    """A number type."""
    if isinstance(value, DType):
        return value
    known = re.sub("float(?=[0-9])|int(?=[0-9])", lambda m: m[0][0], getattr(value, "__name__", str(value)))
    raise TileError(
        f"{name}: a dtype such as tv.f32 is needed, not {describe(value)}",
        builder.span,
        help=f"write tv.{known}" if known in NAMED else None,
    )


def tile_arg(builder: Builder, name: str, value: object) -> tuple[Value, Tile]:
    """A tile and its type."""
    if isinstance(value, Value) and isinstance(value.type, Tile):
        return value, value.type
    raise TileError(f"{name} takes a tile, not {describe(value)}", builder.span, help=way_to_tile(value))


def way_to_tile(value: object) -> str:
    """How to get from something else to a tile."""
    return way_to_numbers(value) or "x.load(offset, shape) reads a tile, tv.full(shape, number, dtype) makes one"


def axis_arg(builder: Builder, name: str, value: object, rank: int) -> int:
    """An axis, counted from the end where negative."""
    if isinstance(value, tuple):
        help = "give one axis; .reshape makes several axes one"
        raise TileError(f"{name}: the axis is a compile-time int, not {describe(value)}", builder.span, help=help)
    axis = static_int(builder, f"{name}: the axis", value)
    if not -rank <= axis < rank:
        only = "its only axis is 0" if rank == 1 else f"its axes are 0 to {rank - 1}; -1 is the last"
        raise TileError(f"{name}: there is no axis {axis} among {counted(rank, 'dimension')}", builder.span, help=only)
    return axis % rank


def counted(number: int, noun: str, many: str = "") -> str:
    return f"{number} {noun if number == 1 else many or noun + 's'}"


def dimensions(tensor: Tensor) -> str:
    """A tensor's rank in the user's words."""
    return f"{counted(tensor.rank, 'dimension')} of {type_words(tensor)}"


def offset_args(builder: Builder, name: str, value: object, tensor: Tensor) -> tuple[Value, ...]:
    """One integer for each dimension of the tensor."""
    parts = value if isinstance(value, tuple) else (value,)
    if len(parts) != tensor.rank:
        raise TileError(
            f"{name}: {counted(len(parts), 'offset')} for the {dimensions(tensor)}",
            builder.span,
            help="give one offset for each dimension, as in a.load((m, k), (BM, BK))",
        )
    return tuple(offset(builder, name, p) for p in parts)


def offset(builder: Builder, name: str, value: object) -> Value:
    """A run-time integer."""
    if is_int(value):
        return literal(builder, value, natural(builder, value))
    if is_scalar(value) and dtype_of(value).is_integer:
        return value
    tile = isinstance(value, Value) and isinstance(value.type, Tile)
    raise TileError(
        f"{name}: an offset is an integer, not {describe(value)}",
        builder.span,
        help="tiles of indices go with .gather and .scatter" if tile else whole(value),
    )


def whole(value: object) -> str | None:
    """How a fraction becomes an integer."""
    fraction = isinstance(value, float) or (is_scalar(value) and dtype_of(value).is_float)
    return "a // b divides integers and gives an integer" if fraction else None


def mask_arg(builder: Builder, name: str, value: object) -> Value | None:
    """A mask, or None where everything is meant."""
    if value is None or value is True:
        return None
    found = runtime(builder, value, f"{name}: the mask")
    if not dtype_of(found).is_bool:
        raise TileError(
            f"{name}: the mask is of bools, not {describe(value)}", builder.span, help="compare, as in x < n"
        )
    return found


def other_arg(builder: Builder, name: str, value: object, dtype: DType) -> Value | None:
    """What stands for elements that are not read: a number of the dtype, None for 0."""
    if is_number(value):
        zero = not isinstance(value, bool) and value == 0 and copysign(1.0, value) > 0
        return None if zero or (value is False and dtype.is_bool) else literal(builder, value, dtype)
    if not is_scalar(value):
        raise TileError(
            f"{name}: other is one number, not {describe(value)}",
            builder.span,
            help="choose between two tiles with tv.where after the load",
        )
    if dtype_of(value) != dtype:
        raise TileError(
            f"{name}: other is {value.type}, the elements are {dtype}",
            builder.span,
            help=f"convert it with .to(tv.{dtype})",
        )
    return value


def stored(builder: Builder, name: str, value: object, dtype: DType) -> Value:
    """A value on its way into memory of ``dtype``; only Python numbers are converted."""
    if is_number(value):
        return literal(builder, value, dtype)
    if not is_numeric(value):
        help = "a helper hands its result back with return" if value is None else way_to_numbers(value)
        raise TileError(f"{name}: a tile or number is stored, not {describe(value)}", builder.span, help=help)
    if dtype_of(value) != dtype:
        raise TileError(
            f"{name}: {describe(value)} does not go into memory of {dtype}",
            builder.span,
            help=f"convert it with .to(tv.{dtype})",
        )
    return value


def integers(builder: Builder, name: str, value: object) -> Value:
    """A number or tile of integers."""
    found = runtime(builder, value, f"{name}: the index")
    if not dtype_of(found).is_integer:
        raise TileError(
            f"{name}: an index is an integer, not {describe(value)}", builder.span, help="convert it with .to(tv.i32)"
        )
    return found


def as_scalar(builder: Builder, name: str, value: object, dtype: DType) -> Value:
    """One number, converted to ``dtype``."""
    if is_number(value):
        return literal(builder, value, dtype)
    if is_scalar(value):
        return cast(builder, value, dtype)
    raise TileError(
        f"{name} takes one number, not {describe(value)}",
        builder.span,
        help="x.load(offset) reads one number from a tensor, tv.sum(tile) makes one of a tile",
    )


def scalar_type(value: Value) -> Scalar | Tile:
    assert isinstance(value.type, Scalar | Tile), "not numeric"
    return value.type
