"""Functions that put tiles together and take them apart."""

from __future__ import annotations

from tilevm.ir import Value, ops
from tilevm.ir.build import Builder
from tilevm.source import TileError
from tilevm.types import Tile

from .. import language
from ..promote import meet
from ..stretch import common, shape_of, stretch
from ..values import describe
from .arguments import axis_arg, tile_arg
from .table import implements


@implements(language.join)
def join(builder: Builder, a: object, b: object) -> Value:
    x, y = meet(builder, "tv.join", a, b)
    shape = (*common(builder, "tv.join", [shape_of(x), shape_of(y)]), 1)
    halves = tuple(lengthened(builder, v, shape) for v in (x, y))
    return builder.add(ops.Concat, xs=halves, axis=len(shape) - 1).result


def lengthened(builder: Builder, x: Value, shape: tuple[int, ...]) -> Value:
    """``x`` in ``shape``, whose last extent of 1 is new."""
    wide = stretch(builder, x, shape[:-1] or (1,))
    return wide if shape_of(wide) == shape else builder.add(ops.Reshape, x=wide, shape=shape).result


@implements(language.split)
def split(builder: Builder, x: object) -> tuple[Value, Value]:
    value, found = tile_arg(builder, "tv.split", x)
    if found.shape[-1] != 2:
        raise TileError(
            f"tv.split takes a tile whose last extent is 2, not {found}",
            builder.span,
            help="x[:, 0:8] takes any part of a tile",
        )
    return half(builder, value, found, 0), half(builder, value, found, 1)


def half(builder: Builder, x: Value, found: Tile, which: int) -> Value:
    """``x[..., which]``."""
    rest = found.shape[:-1]
    starts = (*(0 for _ in rest), which)
    if not rest:
        return builder.add(ops.Extract, x=x, at=starts).result
    part = builder.add(ops.Slice, x=x, starts=starts, shape=(*rest, 1)).result
    return builder.add(ops.Reshape, x=part, shape=rest).result


@implements(language.cat)
def cat(builder: Builder, tiles: object, axis: object = 0) -> Value:
    if not isinstance(tiles, tuple) or not tiles:
        raise TileError(f"tv.cat takes tiles in a tuple, not {describe(tiles)}", builder.span, help="tv.cat((a, b))")
    found = [tile_arg(builder, "tv.cat", t) for t in tiles]
    first = found[0][1]
    at = axis_arg(builder, "tv.cat", axis, len(first.shape))
    for _, other in found[1:]:
        if other.dtype != first.dtype:
            help = f"convert one, as in .to(tv.{first.dtype})"
            raise TileError(f"tv.cat: {first} and {other} are of different dtypes", builder.span, help=help)
        if ops.around(other, at) != ops.around(first, at):
            raise TileError(
                f"tv.cat along axis {at}: {first} and {other} differ elsewhere",
                builder.span,
                help=f"only the extents along axis {at} may differ: load equal shapes, or choose another axis",
            )
    return builder.add(ops.Concat, xs=tuple(v for v, _ in found), axis=at).result
