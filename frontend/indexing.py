"""``x[2:4, 0, None]``: parts of tiles, by places known at compile time."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from tilevm.ir import Value
from tilevm.ir.ops import Extract, Reshape, Slice

from .calls.arguments import counted
from .dispatch import expression
from .frame import Frame
from .stretch import shape_of
from .values import describe, is_int


@dataclass(frozen=True)
class Part:
    """One part of an index. A new dimension has neither node; ``rest`` is the ellipsis."""

    node: ast.expr
    new: bool = False
    rest: bool = False


@dataclass(frozen=True)
class Cut:
    """What an index takes of one dimension: ``size`` elements from ``start``; ``drop``: the dimension goes."""

    start: int
    size: int
    drop: bool = False


def reindexed(tile: Value, index: ast.expr, frame: Frame) -> Value:
    """The part of ``tile`` that an index means; a number where no dimension is left."""
    extents, parts = shape_of(tile), parts_of(index)
    given = [p for p in parts if not p.new and not p.rest]
    if len(given) > len(extents) or sum(p.rest for p in parts) > 1:
        raise frame.error(
            f"{counted(len(given), 'place')} for the {counted(len(extents), 'dimension')} of {describe(tile)}",
            index,
            help="each : keeps a dimension, each None inserts one: x[:, None]",
        )
    if not any(p.rest for p in parts):
        parts.append(Part(index, rest=True))
    left, cuts, shape = iter(extents), [], []
    for part in parts:
        if part.new:
            shape.append(1)
            continue
        whole = [next(left) for _ in range(len(extents) - len(given) if part.rest else 1)]
        made = [Cut(0, e) if part.rest else cut(part.node, e, frame) for e in whole]
        cuts += made
        shape += [m.size for m in made if not m.drop]
    return taken(tile, cuts, tuple(shape), frame)


def taken(tile: Value, cuts: list[Cut], shape: tuple[int, ...], frame: Frame) -> Value:
    """The box of the cuts, in ``shape``."""
    starts, sizes = tuple(c.start for c in cuts), tuple(c.size for c in cuts)
    if not shape:
        return frame.builder.add(Extract, x=tile, at=starts).result
    if sizes != shape_of(tile):
        tile = frame.builder.add(Slice, x=tile, starts=starts, shape=sizes).result
    return tile if shape == sizes else frame.builder.add(Reshape, x=tile, shape=shape).result


def parts_of(index: ast.expr) -> list[Part]:
    nodes = index.elts if isinstance(index, ast.Tuple) else [index]
    return [Part(n, is_constant(n, None), is_constant(n, ...)) for n in nodes]


def is_constant(node: ast.expr, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def cut(node: ast.expr, extent: int, frame: Frame) -> Cut:
    """What one part of an index takes of a dimension."""
    if isinstance(node, ast.Slice):
        lower, upper, step = (place(n, frame) for n in (node.lower, node.upper, node.step))
        if step not in (None, 1):
            raise frame.error(
                "a slice of a tile has the step 1", node, help="choose every other with .reshape and x[…]"
            )
        found = range(extent)[lower:upper]
        if not found:
            raise frame.error(
                f"{ast.unparse(node)} takes none of the {counted(extent, 'element')}",
                node,
                help="a tile has at least one element; the second bound is the first one left out",
            )
        return Cut(found.start, len(found))
    at = place(node, frame)
    if at is None or not -extent <= at < extent:
        raise frame.error(
            f"index {at} of a dimension of {counted(extent, 'element')}",
            node,
            help=f"the indices are 0 to {extent - 1}, or -{extent} to -1 from the end",
        )
    return Cut(at % extent, 1, drop=True)


def place(node: ast.expr | None, frame: Frame) -> int | None:
    """A bound or an index, known at compile time."""
    value = None if node is None else expression(node, frame)
    if value is None or is_int(value):
        return value
    help = "load the elements you need from the tensor, or choose them with tv.where and a reduction"
    raise frame.error(f"a tile is indexed with compile-time ints, :, and None, not {describe(value)}", node, help=help)
