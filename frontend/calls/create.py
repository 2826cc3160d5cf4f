"""Functions that make tiles and numbers from nothing: zeros, arange, program_id."""

from __future__ import annotations

from tilevm.ir import Value
from tilevm.ir.build import Builder
from tilevm.ir.ops import Arange, Empty, NumPrograms, ProgramId
from tilevm.source import TileError
from tilevm.types import i32

from .. import language
from ..promote import integer_misfit, literal
from ..stretch import stretch
from .arguments import as_scalar, dtype_arg, shape_arg, static_int
from .table import implements


@implements(language.program_id)
def program_id(builder: Builder, axis: object) -> Value:
    return builder.add(ProgramId, axis=grid_axis(builder, "tv.program_id", axis)).result


@implements(language.num_programs)
def num_programs(builder: Builder, axis: object) -> Value:
    return builder.add(NumPrograms, axis=grid_axis(builder, "tv.num_programs", axis)).result


def grid_axis(builder: Builder, name: str, value: object) -> int:
    axis = static_int(builder, f"{name}: the axis", value)
    if axis not in (0, 1, 2):
        raise TileError(
            f"{name}: a grid has the axes 0, 1 and 2, not {axis}",
            builder.span,
            help="fold further axes into one of these, and take them apart with // and %",
        )
    return axis


@implements(language.zeros)
def zeros(builder: Builder, shape: object, dtype: object) -> Value:
    extents = shape_arg(builder, "tv.zeros", shape)
    kind = dtype_arg(builder, "tv.zeros", dtype)
    return stretch(builder, literal(builder, False if kind.is_bool else 0, kind), extents)


@implements(language.full)
def full(builder: Builder, shape: object, value: object, dtype: object) -> Value:
    extents = shape_arg(builder, "tv.full", shape)
    kind = dtype_arg(builder, "tv.full", dtype)
    return stretch(builder, as_scalar(builder, "tv.full", value, kind), extents)


@implements(language.empty)
def empty(builder: Builder, shape: object, dtype: object) -> Value:
    extents = shape_arg(builder, "tv.empty", shape)
    return builder.add(Empty, of=dtype_arg(builder, "tv.empty", dtype), shape=extents).result


@implements(language.arange)
def arange(builder: Builder, start: object, end: object = None) -> Value:
    given = (0, start) if end is None else (start, end)
    first, last = (static_int(builder, "tv.arange: a bound", b) for b in given)
    if last <= first:
        raise TileError(
            f"tv.arange: from {first} to {last} there are no numbers",
            builder.span,
            help="the second bound is the first number left out: tv.arange(0, 8) ends with 7",
        )
    for bound in (first, last - 1):
        if misfit := integer_misfit(bound, i32):
            raise TileError(
                f"tv.arange: {misfit}",
                builder.span,
                help="the numbers are of i32: begin lower, and add a wider number to the tile",
            )
    return builder.add(Arange, start=first, size=last - first).result
