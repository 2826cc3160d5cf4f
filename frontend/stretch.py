"""Shapes that meet: numpy's broadcasting, spelled out as reshapes, broadcasts and splats."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from tilevm.ir import Value
from tilevm.ir.build import Builder
from tilevm.ir.ops import Broadcast, Reshape, Splat
from tilevm.source import TileError
from tilevm.types import Scalar, Tile


def shape_of(x: Value) -> tuple[int, ...]:
    """The shape of a run-time number or tile."""
    assert isinstance(x.type, Scalar | Tile), "not numeric"
    return x.type.shape


def together(builder: Builder, what: str, *values: Value) -> list[Value]:
    """The values stretched to the shape they share."""
    shape = common(builder, what, [shape_of(v) for v in values])
    return [stretch(builder, v, shape) for v in values]


def common(builder: Builder, what: str, shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """The shape to which all stretch: aligned at the right, an extent of 1 fits any. Raises TileError."""
    out: tuple[int, ...] = ()
    for shape in shapes:
        pairs = list(zip_longest(reversed(out), reversed(shape), fillvalue=1))
        if any(a != b and 1 not in (a, b) for a, b in pairs):
            raise TileError(
                f"{what}: the shapes {out} and {shape} do not broadcast", builder.span, help=mend(out, shape)
            )
        out = tuple(b if a == 1 else a for a, b in reversed(pairs))
    return out


def mend(a: tuple[int, ...], b: tuple[int, ...]) -> str:
    """What helps when two shapes do not meet."""
    short, long = sorted((a, b), key=len)
    if len(short) == 1 and len(long) == 2 and short[0] == long[0]:
        return "x[:, None] of the 1-d tile makes it a column"
    return "shapes are aligned at the right, and extents must be equal or 1"


def stretch(builder: Builder, x: Value, shape: tuple[int, ...]) -> Value:
    """``x`` in ``shape``, which it is known to fit."""
    found = shape_of(x)
    if found == shape:
        return x
    if not found:
        return builder.add(Splat, x=x, shape=shape).result
    if len(found) < len(shape):
        x = builder.add(Reshape, x=x, shape=(1,) * (len(shape) - len(found)) + found).result
    return x if shape_of(x) == shape else builder.add(Broadcast, x=x, shape=shape).result
