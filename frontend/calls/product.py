"""The matrix product, of numbers and of scaled codes."""

from __future__ import annotations

from collections.abc import Sequence

from tilevm.ir import Value
from tilevm.ir.build import Builder
from tilevm.ir.ops import BLOCKS, SCALES, Add, Dot, DotScaled, Mul, accumulator, takes_scales
from tilevm.source import TileError
from tilevm.types import Tile, f32
from tilevm.types.holding import meeting

from .. import language
from ..promote import literal
from ..stretch import shape_of, stretch
from ..values import describe, is_number
from .arguments import counted, tile_arg
from .table import implements

PRECISIONS = ("ieee", "tf32")


@implements(language.dot)
def dot(builder: Builder, a: object, b: object, acc: object = None, precision: object = "ieee") -> Value:
    (left, x), (right, y) = matrices(builder, "tv.dot", a, b)
    if x.dtype != y.dtype:
        raise TileError(
            f"tv.dot: the factors are {x} and {y}, of different dtypes",
            builder.span,
            help=f"convert one, as in .to(tv.{x.dtype})",
        )
    if precision not in PRECISIONS:
        raise TileError(
            f'tv.dot: precision is "ieee" or "tf32", not {describe(precision)}',
            builder.span,
            help="leave it out to have f32 computed as IEEE says",
        )
    start = accumulate_in(builder, "tv.dot", acc, Tile(accumulator(x.dtype), (x.shape[0], y.shape[1])))
    return builder.add(Dot, a=left, b=right, acc=start, precision=precision).result


@implements(language.dot_scaled)
def dot_scaled(builder: Builder, a: object, a_scale: object, b: object, b_scale: object, acc: object = None) -> Value:
    (left, x), (right, y) = matrices(builder, "tv.dot_scaled", a, b)
    for found in (x, y):
        if not takes_scales(found.dtype):
            raise TileError(
                f"tv.dot_scaled multiplies floats of 32 bits and integers of 8 at most, not {found}",
                builder.span,
                help="wider numbers need no scales: multiply them out, and use tv.dot",
            )
    scales = [scale_arg(builder, "a_scale", a_scale, x, 1), scale_arg(builder, "b_scale", b_scale, y, 0)]
    start = accumulate_in(builder, "tv.dot_scaled", acc, Tile(f32, (x.shape[0], y.shape[1])))
    factor = meeting(x.dtype, y.dtype)
    if factor is not None and 1 == count_of(scales[0], 1) == count_of(scales[1], 0):
        return one_block(builder, builder.cast(left, factor), builder.cast(right, factor), scales, start)
    return builder.add(DotScaled, a=left, a_scale=scales[0], b=right, b_scale=scales[1], acc=start).result


def count_of(scale: Value | None, axis: int) -> int:
    """How many blocks have a scale; one where none has."""
    return shape_of(scale)[axis] if scale is not None else 1


def one_block(builder: Builder, a: Value, b: Value, scales: Sequence[Value | None], start: Value) -> Value:
    """The product of codes that are one block along k: their sums are scaled, not they."""
    shape, given = shape_of(start), [s for s in scales if s is not None]
    zero = stretch(builder, literal(builder, 0, f32), shape) if given else start
    found = builder.add(Dot, a=a, b=b, acc=zero, precision="ieee").result
    for scale in given:
        found = builder.add(Mul, a=found, b=stretch(builder, builder.cast(scale, f32), shape)).result
    return builder.add(Add, a=start, b=found).result if given else found


def matrices(builder: Builder, name: str, a: object, b: object) -> tuple[tuple[Value, Tile], tuple[Value, Tile]]:
    """Two tiles whose shapes let them be multiplied."""
    (left, x), (right, y) = matrix(builder, name, a), matrix(builder, name, b)
    if x.shape[1] != y.shape[0]:
        raise TileError(
            f"{name}: {x} has {counted(x.shape[1], 'column')}, {y} has {counted(y.shape[0], 'row')}",
            builder.span,
            help="the second extent of a and the first of b are equal; .T transposes a tile",
        )
    return (left, x), (right, y)


def matrix(builder: Builder, name: str, value: object) -> tuple[Value, Tile]:
    """A tile of two dimensions."""
    found, type = tile_arg(builder, name, value)
    if len(type.shape) != 2 or type.dtype.is_bool:
        raise TileError(
            f"{name} multiplies matrices of numbers, not {type}",
            builder.span,
            help="convert bools with .to(…)" if type.dtype.is_bool else "x[:, None] makes a column, x[None, :] a row",
        )
    return found, type


def scale_arg(builder: Builder, which: str, value: object, codes: Tile, axis: int) -> Value | None:
    """The scales of codes whose blocks lie along ``axis``; None where they have none."""
    if value is None:
        return None
    scale, type = tile_arg(builder, f"tv.dot_scaled: {which}", value)
    if type.dtype.name not in SCALES:
        raise TileError(
            f"tv.dot_scaled: {which} holds {', '.join(SCALES[:-1])} or {SCALES[-1]}, not {type.dtype}",
            builder.span,
            help="convert it with .to(…)",
        )
    k, other = codes.shape[axis], codes.shape[1 - axis]
    count = type.shape[axis] if len(type.shape) == 2 and type.shape[1 - axis] == other else k
    if count > 1 and k % (BLOCKS * count):
        raise TileError(
            f"tv.dot_scaled: {which} is {type}, which scales no equal blocks of {codes} along k",
            builder.span,
            help=shapes_of_scales(k, other, axis),
        )
    return scale


def shapes_of_scales(k: int, other: int, axis: int) -> str:
    """Which scales would go with ``k`` codes along an axis, in the user's words."""
    if k % BLOCKS:
        return f"k is a multiple of {BLOCKS}, the shortest block, and not {k}"
    fitting = [n for n in (BLOCKS, 2 * BLOCKS) if k % n == 0]
    words = [f"{(other, k // n) if axis else (k // n, other)} for blocks of {n}" for n in fitting]
    return f"its shape is {' or '.join(words)}"


def accumulate_in(builder: Builder, name: str, acc: object, wanted: Tile) -> Value:
    """The tile that the product is added to; zeros where none is given."""
    if acc is None or is_number(acc):
        return stretch(builder, literal(builder, acc or 0, wanted.dtype), wanted.shape)
    found, type = tile_arg(builder, f"{name}: acc", acc)
    if type != wanted:
        raise TileError(
            f"{name}: acc is {type}, these factors add up in {wanted}",
            builder.span,
            help=f"start from tv.zeros({wanted.shape}, tv.{wanted.dtype}) and convert the result when you store it",
        )
    return found
