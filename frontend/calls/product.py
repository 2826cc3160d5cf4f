"""The matrix product."""

from __future__ import annotations

from tilevm.ir import Value
from tilevm.ir.build import Builder
from tilevm.ir.ops import Dot, accumulator
from tilevm.source import TileError
from tilevm.types import Tile

from .. import language
from ..promote import literal
from ..stretch import stretch
from ..values import describe, is_number
from .arguments import counted, tile_arg
from .table import implements

PRECISIONS = ("ieee", "tf32")


@implements(language.dot)
def dot(builder: Builder, a: object, b: object, acc: object = None, precision: object = "ieee") -> Value:
    (left, x), (right, y) = matrix(builder, a), matrix(builder, b)
    if x.dtype != y.dtype:
        raise TileError(
            f"tv.dot: the factors are {x} and {y}, of different dtypes",
            builder.span,
            help=f"convert one, as in .to(tv.{x.dtype})",
        )
    if x.shape[1] != y.shape[0]:
        raise TileError(
            f"tv.dot: {x} has {counted(x.shape[1], 'column')}, {y} has {counted(y.shape[0], 'row')}",
            builder.span,
            help="the second extent of a and the first of b are equal; .T transposes a tile",
        )
    if precision not in PRECISIONS:
        raise TileError(f'tv.dot: precision is "ieee" or "tf32", not {describe(precision)}', builder.span)
    start = accumulate_in(builder, acc, Tile(accumulator(x.dtype), (x.shape[0], y.shape[1])))
    return builder.add(Dot, a=left, b=right, acc=start, precision=precision).result


def matrix(builder: Builder, value: object) -> tuple[Value, Tile]:
    """A tile of two dimensions."""
    found, type = tile_arg(builder, "tv.dot", value)
    if len(type.shape) != 2 or type.dtype.is_bool:
        raise TileError(
            f"tv.dot multiplies matrices of numbers, not {type}",
            builder.span,
            help="convert bools with .to(…)" if type.dtype.is_bool else "x[:, None] makes a column, x[None, :] a row",
        )
    return found, type


def accumulate_in(builder: Builder, acc: object, wanted: Tile) -> Value:
    """The tile that the product is added to; zeros where none is given."""
    if acc is None or is_number(acc):
        return stretch(builder, literal(builder, acc or 0, wanted.dtype), wanted.shape)
    found, type = tile_arg(builder, "tv.dot: acc", acc)
    if type != wanted:
        raise TileError(
            f"tv.dot: acc is {type}, these factors add up in {wanted}",
            builder.span,
            help=f"start from tv.zeros({wanted.shape}, tv.{wanted.dtype}) and convert the result when you store it",
        )
    return found
