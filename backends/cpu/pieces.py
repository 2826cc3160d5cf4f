"""Tiles put together in scratch, and single elements taken out of them."""

from __future__ import annotations

from math import prod

from tilevm.ir import Value, ops

from . import access
from .access import Row
from .casts import convert
from .context import Context
from .emit import LLVM
from .index import shape
from .steps import Whole
from .whole import Lines, elements, flat, for_vectors, load, whole


@whole.rule(ops.Extract)
def _(op: ops.Extract, c: Context, step: Whole) -> None:
    extents, value = shape(op.x), step.held(op.x)
    place = sum(at * prod(extents[d + 1 :]) for d, at in enumerate(op.at))
    c.numbers[op.result] = load(c, flat(c, value, c.e.i64(place)), value, 0, 0)


@whole.rule(ops.Concat)
def _(op: ops.Concat, c: Context, step: Whole) -> None:
    result, behind = Lines.of(shape(op.result), op.axis), 0
    for x in op.xs:
        part = Lines.of(shape(x), op.axis)
        copy(c, step.held(x), op.result, part, result, behind)
        behind += part.length * part.inner


def copy(c: Context, source: Value, target: Value, part: Lines, result: Lines, behind: int) -> None:
    """Put a tile into its place, ``behind`` elements into every stretch of the result.

    The vectors run along the stretches that stay together; where these are single elements, from one to the next.
    """
    here, there, e = part.length * part.inner, result.length * result.inner, c.e
    if here == 1:
        begin, end = row(c, source, e.i64(0), 1), row(c, target, e.i64(behind), there)
        for_vectors(c, part.outer, lambda j, lanes, tail: move(c, begin, end, j, lanes, tail))
        return

    def stretch(o: LLVM) -> None:
        begin = row(c, source, e.b.mul(o, e.i64(here)), 1)
        end = row(c, target, e.b.add(e.b.mul(o, e.i64(there)), e.i64(behind)), 1)
        for_vectors(c, here, lambda j, lanes, tail: move(c, begin, end, j, lanes, tail))

    elements(c, part.outer, stretch)


def row(c: Context, value: Value, start: LLVM, stride: int) -> Row:
    """Elements of a kept tile, ``stride`` apart, from number ``start`` on."""
    found = flat(c, value, start)
    return Row(found.base, found.element, stride)


def move(c: Context, source: Row, target: Row, j: LLVM, lanes: int, tail: int) -> None:
    x = access.load_vector(c, source, j, lanes, tail, None)
    access.store_vector(c, target, convert(c.e, x, source.element, target.element), j, tail)
