"""Functions that order the elements of a tile, or say where an extreme stands."""

from __future__ import annotations

from functools import partial

from tilevm.ir import Value, ops
from tilevm.ir.build import Builder
from tilevm.source import TileError
from tilevm.types import Tile

from .. import language
from .arguments import axis_arg, static_bool, static_int, tile_arg
from .reduce import kept
from .table import implements


@implements(language.sort)
def sort(builder: Builder, x: object, axis: object = -1, descending: object = False) -> Value:
    return ordered(builder, "tv.sort", x, axis, descending).results[0]


@implements(language.argsort)
def argsort(builder: Builder, x: object, axis: object = -1, descending: object = False) -> Value:
    return ordered(builder, "tv.argsort", x, axis, descending).results[1]


def ordered(builder: Builder, name: str, x: object, axis: object, descending: object) -> ops.Sort:
    value, found = tile_arg(builder, name, x)
    at = axis_arg(builder, name, axis, len(found.shape))
    down = static_bool(builder, f"{name}: descending", descending)
    return builder.add(ops.Sort, x=value, axis=at, count=found.shape[at], descending=down)


@implements(language.topk)
def topk(builder: Builder, x: object, k: object, axis: object = -1) -> tuple[Value, ...]:
    value, found = tile_arg(builder, "tv.topk", x)
    at = axis_arg(builder, "tv.topk", axis, len(found.shape))
    count, length = static_int(builder, "tv.topk: k", k), found.shape[at]
    if not 1 <= count <= length:
        raise TileError(
            f"tv.topk: k is {count}, and axis {at} of {found} has {length} elements",
            builder.span,
            help=f"give a k from 1 to {length}",
        )
    return builder.add(ops.Sort, x=value, axis=at, count=count, descending=True).results


EXTREMES = {
    "argmax": (ops.ArgMax, language.argmax, language.Tile.argmax),
    "argmin": (ops.ArgMin, language.argmin, language.Tile.argmin),
}


def extreme(
    name: str, kind: type[ops.ArgReduce], builder: Builder, x: object, axis: object = None, keepdims: object = False
) -> Value:
    """One of :data:`EXTREMES` along an axis, or of the flattened tile."""
    value, found = tile_arg(builder, f"tv.{name}", x)
    accept(builder, name, found)
    keep = static_bool(builder, f"tv.{name}: keepdims", keepdims)
    rank = len(found.shape)
    axes = tuple(range(rank)) if axis is None else (axis_arg(builder, f"tv.{name}", axis, rank),)
    if axis is None and rank > 1:
        value = builder.add(ops.Reshape, x=value, shape=(found.size,)).result
    index = builder.add(kind, x=value, axis=0 if axis is None else axes[0]).result
    return kept(builder, index, found, axes) if keep else index


def extreme_method(
    name: str, kind: type[ops.ArgReduce], builder: Builder, self: object, axis: object = None, keepdims: object = False
) -> Value:
    return extreme(name, kind, builder, self, axis, keepdims)


def accept(builder: Builder, name: str, found: Tile) -> None:
    """Raises TileError for bools."""
    if found.dtype.is_bool:
        help = "the place of the first true is tv.argmax(x.to(tv.i8))"
        raise TileError(f"tv.{name} takes a tile of integers or floats, not {found}", builder.span, help=help)


for name, (kind, function, method) in EXTREMES.items():
    implements(function)(partial(extreme, name, kind))
    implements(method)(partial(extreme_method, name, kind))
