"""Functions that fold dimensions of a tile."""

from __future__ import annotations

from functools import partial

from tilevm.ir import Value, ops
from tilevm.ir.build import Builder
from tilevm.source import TileError
from tilevm.types import Tile

from .. import language
from ..stretch import shape_of, stretch
from .arguments import axis_arg, static_bool, tile_arg
from .table import implements

REDUCTIONS = {
    "sum": (ops.Sum, language.sum, language.Tile.sum),
    "max": (ops.Max, language.max, language.Tile.max),
    "min": (ops.Min, language.min, language.Tile.min),
    "any": (ops.Any, language.any, language.Tile.any),
    "all": (ops.All, language.all, language.Tile.all),
}
ON_BOOLS = {"sum": "count with x.to(tv.i32)", "max": "use tv.any", "min": "use tv.all"}


def reduce(
    name: str, kind: type[ops.Reduce], builder: Builder, x: object, axis: object = None, keepdims: object = False
) -> Value:
    """One of :data:`REDUCTIONS` over an axis, several, or all."""
    value, found = tile_arg(builder, f"tv.{name}", x)
    accept(builder, name, found)
    keep = static_bool(builder, f"tv.{name}: keepdims", keepdims)
    axes = axes_of(builder, f"tv.{name}", axis, len(found.shape))
    if len(axes) == len(found.shape) > 1:  # one fold over everything rounds once
        value = builder.add(ops.Reshape, x=value, shape=(found.size,)).result
        folded = [0]
    else:
        folded = sorted(axes, reverse=True)
    for at in folded:
        value = builder.add(kind, x=value, axis=at).result
    return kept(builder, value, found, axes) if keep else value


def reduce_method(
    name: str, kind: type[ops.Reduce], builder: Builder, self: object, axis: object = None, keepdims: object = False
) -> Value:
    return reduce(name, kind, builder, self, axis, keepdims)


def accept(builder: Builder, name: str, found: Tile) -> None:
    """Raises TileError where the dtype does not go with the reduction."""
    logical = name in ("any", "all")
    if logical is not found.dtype.is_bool:
        takes = "bools" if logical else "integers and floats"
        help = "compare, as in x != 0" if logical else ON_BOOLS[name]
        raise TileError(f"tv.{name} takes a tile of {takes}, not {found}", builder.span, help=help)


def axes_of(builder: Builder, name: str, axis: object, rank: int) -> tuple[int, ...]:
    """The axes meant by ``axis``; None means all."""
    if axis is None:
        return tuple(range(rank))
    axes = tuple(axis_arg(builder, name, a, rank) for a in (axis if isinstance(axis, tuple) else (axis,)))
    if not axes or len(set(axes)) != len(axes):
        raise TileError(
            f"{name}: the axes {axes} name some axis twice, or none",
            builder.span,
            help="name each axis once, or leave axis out to reduce all",
        )
    return axes


def kept(builder: Builder, value: Value, found: Tile, axes: tuple[int, ...]) -> Value:
    """The result with extents of 1 where dimensions were folded."""
    shape = tuple(1 if d in axes else e for d, e in enumerate(found.shape))
    return builder.add(ops.Reshape, x=value, shape=shape).result if shape_of(value) else stretch(builder, value, shape)


for name, (kind, function, method) in REDUCTIONS.items():
    implements(function)(partial(reduce, name, kind))
    implements(method)(partial(reduce_method, name, kind))
