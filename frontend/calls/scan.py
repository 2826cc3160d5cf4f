"""Functions that combine the elements of a line one after another."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from functools import partial
from types import FunctionType

from tilevm.ir import Block, Op, Value, ops
from tilevm.ir.build import Builder, block
from tilevm.source import TileError
from tilevm.types import DType, Scalar, Tile

from .. import language
from ..frame import Frame
from ..function import is_helper
from ..inline import inline
from ..promote import CHECKS, literal
from ..values import describe, is_number, is_scalar
from .arguments import axis_arg, counted, static_bool, tile_arg
from .reduce import ON_BOOLS
from .table import find, implements


def cumulative(
    name: str, kind: type[ops.Cumulative], builder: Builder, x: object, axis: object, reverse: object = False
) -> Value:
    """``tv.cumsum`` and ``tv.cumprod``."""
    value, found = tile_arg(builder, f"tv.{name}", x)
    if found.dtype.is_bool:
        help = ON_BOOLS["sum"] if name == "cumsum" else "convert them with x.to(tv.i32)"
        raise TileError(f"tv.{name} takes a tile of integers or floats, not {found}", builder.span, help=help)
    at = axis_arg(builder, f"tv.{name}", axis, len(found.shape))
    back = static_bool(builder, f"tv.{name}: reverse", reverse)
    return builder.add(kind, x=value, axis=at, reverse=back).result


implements(language.cumsum)(partial(cumulative, "cumsum", ops.CumSum))
implements(language.cumprod)(partial(cumulative, "cumprod", ops.CumProd))


@implements(language.scan, framed=True)
def scan(frame: Frame, x: object, axis: object, combine: object, reverse: object = False) -> object:
    xs, at = lines(frame.builder, "tv.scan", x, axis)
    back = static_bool(frame.builder, "tv.scan: reverse", reverse)
    body = combining(frame, "tv.scan", combine, [t.dtype for _, t in xs])
    made = frame.builder.add(ops.Scan, xs=tuple(v for v, _ in xs), combine=body, axis=at, reverse=back)
    return made.results if isinstance(x, tuple) else made.result


@implements(language.reduce, framed=True)
def reduce(frame: Frame, x: object, axis: object, combine: object) -> object:
    xs, at = lines(frame.builder, "tv.reduce", x, axis)
    body = combining(frame, "tv.reduce", combine, [t.dtype for _, t in xs])
    made = frame.builder.add(ops.Fold, xs=tuple(v for v, _ in xs), combine=body, axis=at)
    return made.results if isinstance(x, tuple) else made.result


def lines(builder: Builder, name: str, x: object, axis: object) -> tuple[list[tuple[Value, Tile]], int]:
    """The tiles to combine, of one shape, and the axis."""
    found = [tile_arg(builder, name, part) for part in (x if isinstance(x, tuple) else (x,))]
    if not found:
        raise TileError(
            f"{name} takes a tile, or several in a tuple, not an empty tuple",
            builder.span,
            help=f"write {name}(x, …) or {name}((x, y), …)",
        )
    first = found[0][1]
    for _, other in found[1:]:
        if other.shape != first.shape:
            raise TileError(
                f"{name}: the tiles {first} and {other} are of different shapes",
                builder.span,
                help="they are combined element by element; stretch one with tv.broadcast",
            )
    return found, axis_arg(builder, name, axis, len(first.shape))


def combining(frame: Frame, name: str, combine: object, dtypes: Sequence[DType]) -> Block:
    """``combine`` traced on numbers: those so far, then the next elements."""
    params = tuple(Value(Scalar(d), hint) for hint in "ab" for d in dtypes)
    with frame.builder.collect() as inside:
        given = call(frame, name, combine, params)
        values = given if isinstance(given, tuple) else (given,)
        if len(values) != len(dtypes):
            raise mistake(frame, name, combine, f"gives {describe(given)}", counted(len(dtypes), "number"))
        made = [number(frame, name, combine, v, d) for v, d in zip(values, dtypes, strict=True)]
    return block(params, computing(name, inside), made, frame.builder.span)


def computing(name: str, inside: Sequence[Op]) -> Sequence[Op]:
    """``inside``, after checking that it computes with numbers and does nothing else."""
    odd = next((op for op in inside if not isinstance(op, ops.COMBINING)), None)
    if odd is not None:
        help = "choose between numbers with tv.where; memory, loops and branches stay outside"
        raise TileError(f"{name}: combine only computes with numbers; this is {odd.name}", odd.span, help=help)
    return inside


def call(frame: Frame, name: str, combine: object, params: tuple[Value, ...]) -> object:
    """What the function gives for these numbers."""
    if isinstance(combine, FunctionType) and is_helper(combine):
        takes = len(inspect.signature(combine, follow_wrapped=False).parameters)
        if takes != len(params):
            raise TileError(
                f"{name}: {combine.__name__} takes {counted(takes, 'value')}, and {len(params)} are given",
                frame.builder.span,
                help="it takes two values for each tile: those combined so far, then the next elements",
            )
        return inline(combine, frame, params, {})
    row = find(combine)
    if row is not None:
        return row.call(frame, params, {})
    written = getattr(combine, "__name__", "") if isinstance(combine, FunctionType) else ""
    raise TileError(
        f"{name}: combine is a function of the language or one marked @tv.function, not {describe(combine)}",
        frame.builder.span,
        help=f"mark {written} with @tv.function" if written else "write it with def, at the top of a module",
    )


def number(frame: Frame, name: str, combine: object, value: object, dtype: DType) -> Value:
    """One result, of the dtype of its tile."""
    if is_number(value) and CHECKS[(dtype.is_float, dtype.is_bool)](value, dtype) is None:
        return literal(frame.builder, value, dtype)
    if is_scalar(value) and value.type == Scalar(dtype):
        return value
    raise mistake(frame, name, combine, f"gives {describe(value)}", f"a {dtype}, as the tile holds")


def mistake(frame: Frame, name: str, combine: object, gives: str, wanted: str) -> TileError:
    called = getattr(combine, "__name__", "combine")
    return TileError(
        f"{name}: {called} {gives} and not {wanted}",
        frame.builder.span,
        help="it returns what was combined so far, once more: for each tile one number of its dtype",
    )
