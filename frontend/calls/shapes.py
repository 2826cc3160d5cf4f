"""Functions and methods that rearrange tiles."""

from __future__ import annotations

from math import prod

from tilevm.ir import Value
from tilevm.ir.build import Builder
from tilevm.ir.ops import Permute, Reshape, View
from tilevm.source import TileError

from .. import language
from ..promote import dtype_of, runtime
from ..stretch import common, shape_of, stretch
from ..values import describe
from .arguments import axis_arg, counted, dtype_arg, shape_arg, star, static_int, tile_arg
from .bitview import bits_of_threads
from .layout import layout_arg
from .table import implements, implements_property


@implements(language.reshape)
def reshape(builder: Builder, x: object, shape: object) -> Value:
    return reshaped(builder, "tv.reshape", x, shape)


@implements(language.Tile.reshape)
def reshape_method(builder: Builder, self: object, *shape: object) -> Value:
    return reshaped(builder, ".reshape", self, star(shape))


def reshaped(builder: Builder, name: str, x: object, shape: object) -> Value:
    value, found = tile_arg(builder, name, x)
    wanted = filled(builder, name, found.size, shape)
    if prod(wanted) != found.size:
        raise TileError(
            f"{name}: {found} has {counted(found.size, 'element')}, the shape {wanted} has {prod(wanted)}",
            builder.span,
            help="-1 for one extent stands for what is left",
        )
    return value if found.shape == wanted else builder.add(Reshape, x=value, shape=wanted).result


def filled(builder: Builder, name: str, size: int, shape: object) -> tuple[int, ...]:
    """The shape with its -1, if any, replaced by what is left of ``size``."""
    parts = shape if isinstance(shape, tuple) else (shape,)
    rest = prod(p for p in parts if isinstance(p, int) and p != -1)
    if parts.count(-1) == 1 and rest > 0 and size % rest == 0:
        parts = tuple(size // rest if p == -1 else p for p in parts)
    return shape_arg(builder, name, parts)


@implements(language.Tile.view)
def view(builder: Builder, self: object, dtype: object, layout: object = None) -> Value:
    wanted, value = dtype_arg(builder, ".view", dtype), runtime(builder, self, ".view")
    if layout is not None:
        return bits_of_threads(builder, value, wanted, layout_arg(builder, ".view", layout))
    return value if dtype_of(value) == wanted else builder.add(View, x=value, to=wanted).result


@implements(language.permute)
def permute(builder: Builder, x: object, dims: object) -> Value:
    return permuted(builder, "tv.permute", x, dims)


@implements(language.Tile.permute)
def permute_method(builder: Builder, self: object, *dims: object) -> Value:
    return permuted(builder, ".permute", self, star(dims))


@implements_property(language.Tile, "T")
def transpose(builder: Builder, self: object) -> Value:
    value, found = tile_arg(builder, ".T", self)
    return permuted(builder, ".T", value, tuple(reversed(range(len(found.shape)))))


def permuted(builder: Builder, name: str, x: object, dims: object) -> Value:
    value, found = tile_arg(builder, name, x)
    parts = dims if isinstance(dims, tuple) else (dims,)
    order = tuple(static_int(builder, f"{name}: a dimension", d) for d in parts)
    rank = len(found.shape)
    if sorted(d % rank if -rank <= d < rank else d for d in order) != list(range(rank)):
        raise TileError(
            f"{name}: {order} does not name each of the {counted(rank, 'dimension')} of {found} once",
            builder.span,
            help=f"give the dimensions 0 to {rank - 1} in their new order",
        )
    return builder.add(Permute, x=value, dims=tuple(d % rank for d in order)).result


@implements(language.broadcast)
def broadcast(builder: Builder, x: object, shape: object) -> Value:
    return broadcasted(builder, "tv.broadcast", x, shape)


@implements(language.Tile.broadcast)
def broadcast_method(builder: Builder, self: object, *shape: object) -> Value:
    return broadcasted(builder, ".broadcast", self, star(shape))


def broadcasted(builder: Builder, name: str, x: object, shape: object) -> Value:
    wanted = shape_arg(builder, name, shape)
    value = runtime(builder, x, name)
    if common(builder, name, [shape_of(value), wanted]) != wanted:
        raise TileError(
            f"{name}: {describe(x)} does not stretch to {wanted}", builder.span, help="only extents of 1 stretch"
        )
    return stretch(builder, value, wanted)


@implements(language.expand)
def expand(builder: Builder, x: object, axis: object) -> Value:
    return expanded(builder, "tv.expand", x, axis)


@implements(language.Tile.expand)
def expand_method(builder: Builder, self: object, axis: object) -> Value:
    return expanded(builder, ".expand", self, axis)


def expanded(builder: Builder, name: str, x: object, axis: object) -> Value:
    value, found = tile_arg(builder, name, x)
    at = axis_arg(builder, name, axis, len(found.shape) + 1)
    return builder.add(Reshape, x=value, shape=(*found.shape[:at], 1, *found.shape[at:])).result
