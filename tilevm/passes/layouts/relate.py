"""What each instruction says of the layouts of its operands and results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from tilevm.ir import Block, Op, Value, ops, threads
from tilevm.ir.table import Table
from tilevm.layout import Layout
from tilevm.layout.bitview import recast
from tilevm.passes.layouts import pieces
from tilevm.passes.layouts.reshapes import reshaped
from tilevm.types import Tile

Way = Callable[[Layout], Layout]  # raises LayoutError where there is none
PHILOX = 80.0  # issue slots of a random number: ten rounds of two products


@dataclass(frozen=True)
class Link:
    """``y`` is made of ``x``: in the layout ``forward`` of that of x, or of x in the layout ``backward`` of that of y.

    Where ``moves``, y may have any other layout too: its elements come through shared memory then.
    """

    op: Op
    x: Value
    y: Value
    forward: Way | None = None
    backward: Way | None = None
    moves: bool = False


Use: TypeAlias = tuple[Op, Value]


@dataclass
class Relations:
    """All that was said. ``depth``: in how many loops an instruction stands."""

    ties: list[tuple[Use, ...]] = field(default_factory=list)  # of one layout
    links: list[Link] = field(default_factory=list)
    made: dict[Value, Op] = field(default_factory=dict)  # in any layout, for nothing
    loads: list[ops.Load] = field(default_factory=list)
    stores: list[ops.Store] = field(default_factory=list)
    products: list[ops.Dot | ops.DotScaled] = field(default_factory=list)
    folds: list[tuple[Value, int]] = field(default_factory=list)  # folded along an axis
    hints: list[ops.SetLayout] = field(default_factory=list)
    work: list[tuple[Value, float]] = field(default_factory=list)  # computed by element, and issue slots of each
    depth: dict[Op, int] = field(default_factory=dict)

    def tie(self, op: Op, *values: Value) -> None:
        """These operands and results of an instruction have one layout, where they are tiles."""
        self.tie_uses(*((op, value) for value in values))

    def tie_uses(self, *uses: Use) -> None:
        """The same for operands and results of several instructions."""
        tiles = tuple((op, value) for op, value in uses if is_tile(value))
        if tiles:
            self.ties.append(tiles)

    def link(
        self,
        op: Op,
        x: Value,
        y: Value,
        forward: Way | None = None,
        backward: Way | None = None,
        moves: bool = False,
    ) -> None:
        if is_tile(x) and is_tile(y):
            self.links.append(Link(op, x, y, forward, backward, moves))


relate: Table[[Relations], None] = Table("layouts")


def relations(block: Block, found: Relations | None = None, depth: int = 0) -> Relations:
    """What the instructions of a block say, and those inside them."""
    found = Relations() if found is None else found
    for op in block.ops:
        found.depth[op] = depth
        relate(op, found)
        deeper = depth + isinstance(op, ops.For | ops.While)
        for inner in op.regions if not isinstance(op, ops.Combining) else ():
            relations(inner, found, deeper)
    return found


def is_tile(value: Value) -> bool:
    return isinstance(value.type, Tile)


def shape(value: Value) -> tuple[int, ...]:
    assert isinstance(value.type, Tile), "a tile"
    return value.type.shape


@relate.rule(ops.Unary, ops.Binary, ops.Compare, ops.Fma, ops.Select, ops.Cast, ops.Philox)
def _(op: Op, found: Relations) -> None:
    found.tie(op, *op.operands, op.result)
    slots = PHILOX if isinstance(op, ops.Philox) else 1.0
    found.work.extend((value, slots) for value in op.results if is_tile(value))


@relate.rule(ops.Cumulative)
def _(op: ops.Cumulative, found: Relations) -> None:
    found.tie(op, op.x, op.result)
    found.folds.append((op.x, op.axis))


@relate.rule(ops.Scan)
def _(op: ops.Scan, found: Relations) -> None:
    found.tie(op, *op.xs, *op.results)
    found.folds.extend((x, op.axis) for x in op.xs)


@relate.rule(ops.Constant, ops.ProgramId, ops.NumPrograms, ops.Extent, ops.Print, ops.Assert, ops.Extract, ops.Yield)
def _(op: Op, found: Relations) -> None:
    """Numbers, and tiles taken as they lie."""


@relate.rule(ops.Splat, ops.Arange, ops.Empty)
def _(op: Op, found: Relations) -> None:
    found.made[op.result] = op


@relate.rule(ops.Broadcast)
def _(op: ops.Broadcast, found: Relations) -> None:
    narrow = shape(op.x)
    dims = [dim for dim, extent in enumerate(op.shape) if extent != narrow[dim]]
    found.link(op, op.x, op.result, backward=lambda layout: layout.reduce(dims, keepdims=True))


@relate.rule(ops.Permute)
def _(op: ops.Permute, found: Relations) -> None:
    back = [op.dims.index(dim) for dim in range(len(op.dims))]
    found.link(op, op.x, op.result, lambda layout: layout.permute(op.dims), lambda layout: layout.permute(back))


@relate.rule(ops.Reshape)
def _(op: ops.Reshape, found: Relations) -> None:
    before = shape(op.x)
    found.link(
        op, op.x, op.result, lambda at: reshaped(at, before, op.shape), lambda at: reshaped(at, op.shape, before)
    )


@relate.rule(ops.View)
def _(op: ops.View, found: Relations) -> None:
    if is_tile(op.x) and isinstance(op.x.type, Tile):
        before, after = op.x.type.dtype.bits, op.to.bits
        found.link(op, op.x, op.result, lambda at: recast(at, before, after), lambda at: recast(at, after, before))


@relate.rule(ops.Reduce, ops.ArgReduce)
def _(op: ops.Reduce | ops.ArgReduce, found: Relations) -> None:
    found.link(op, op.x, op.result, forward=lambda layout: layout.reduce(op.axis))
    found.folds.append((op.x, op.axis))


@relate.rule(ops.Fold)
def _(op: ops.Fold, found: Relations) -> None:
    found.tie(op, *op.xs)
    found.tie(op, *op.results)
    for x, y in zip(op.xs, op.results, strict=True):
        found.link(op, x, y, forward=lambda layout: layout.reduce(op.axis))
    found.folds.extend((x, op.axis) for x in op.xs)


@relate.rule(ops.Sort)
def _(op: ops.Sort, found: Relations) -> None:
    found.tie(op, *op.results)
    found.link(op, op.x, op.results[0], moves=True)


@relate.rule(ops.Slice)
def _(op: ops.Slice, found: Relations) -> None:
    back, forth = joining(shape(op.x), op.starts, op.shape)
    found.link(op, op.x, op.result, forth, back, moves=True)


@relate.rule(ops.Concat)
def _(op: ops.Concat, found: Relations) -> None:
    whole, start = shape(op.result), [0] * len(shape(op.result))
    for x in op.xs:
        ways = joining(whole, start, shape(x))
        found.link(op, x, op.result, *ways, moves=True)
        start[op.axis] += shape(x)[op.axis]


def joining(whole: tuple[int, ...], start: Sequence[int], part: tuple[int, ...]) -> tuple[Way | None, Way | None]:
    """The ways from a piece to the tile that it is put into, and back."""
    numbers = pieces.counts(whole, start, part)
    if numbers is None:
        return None, None
    return (
        lambda layout: pieces.put_together(layout, part, numbers),
        lambda layout: pieces.taken(layout, whole, numbers),
    )


@relate.rule(ops.Load)
def _(op: ops.Load, found: Relations) -> None:
    found.loads.append(op)


@relate.rule(ops.Store)
def _(op: ops.Store, found: Relations) -> None:
    found.stores.append(op)


@relate.rule(ops.Gather, ops.Scatter, ops.PointerLoad, ops.PointerStore, ops.Atomic, ops.AtomicCas)
def _(op: Op, found: Relations) -> None:
    found.tie(op, *op.operands, *op.results)


@relate.rule(ops.Dot, ops.DotScaled)
def _(op: ops.Dot | ops.DotScaled, found: Relations) -> None:
    found.products.append(op)


@relate.rule(ops.SetLayout)
def _(op: ops.SetLayout, found: Relations) -> None:
    found.hints.append(op)
    found.link(op, op.x, op.result, same, same)


@relate.rule(ops.Convert)
def _(op: ops.Convert, found: Relations) -> None:
    found.link(op, op.x, op.result, same, same)


def same(layout: Layout) -> Layout:
    return layout


@relate.rule(ops.Stage, ops.Fetch, ops.Sent, ops.Landed, ops.Staged)
def _(op: Op, found: Relations) -> None:
    """A tile comes out of a stage in whatever layout its instruction says."""


@relate.rule(threads.Ring)
def _(op: threads.Ring, found: Relations) -> None:
    """A number."""


@relate.rule(ops.For)
def _(op: ops.For, found: Relations) -> None:
    carry(found, (op, op.results), (op, op.carried), (op, op.body.params[1:]), (op.body.end, op.body.end.operands))


@relate.rule(ops.While)
def _(op: ops.While, found: Relations) -> None:
    inside = (op, op.condition.params), (op, op.body.params), (op.body.end, op.body.end.operands)
    carry(found, (op, op.results), (op, op.carried), *inside)


@relate.rule(ops.If)
def _(op: ops.If, found: Relations) -> None:
    ends = (op.then.end, op.otherwise.end)
    carry(found, (op, op.results), *((end, end.operands) for end in ends))


def carry(found: Relations, *runs: tuple[Op, Sequence[Value]]) -> None:
    """Values that hand on to each other."""
    for uses in zip(*([(op, value) for value in values] for op, values in runs), strict=True):
        found.tie_uses(*uses)
