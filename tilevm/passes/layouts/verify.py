"""Whether the layouts of a function fit together, whoever assigned them."""

from __future__ import annotations

from tilevm.ir import Func, Op, Value, ops
from tilevm.ir.rewrite import walk
from tilevm.layout import Layout, LayoutError
from tilevm.layout.digits import holds as holds_tile
from tilevm.passes.layouts.products import Choice, choices, operands, tile_of
from tilevm.passes.layouts.relate import Link, Use, Way, is_tile, relations
from tilevm.passes.layouts.room import Room
from tilevm.source import TileError


def verify_layouts(func: Func, room: Room) -> Func:
    """``func``, after checking it. Raises TileError at the first instruction whose tiles do not lie as it needs."""
    found = relations(func.body)
    for op in walk(func.body):
        for value in filter(is_tile, (*op.results, *(value for block in op.regions for value in block.params))):
            lies(op, value, room)
    for tie in found.ties:
        alike(tie)
    for link in found.links:
        if not isinstance(link.op, ops.Convert) and not holds(link):
            help = "let the result lie as its operand does behind the instruction, or put a convert between"
            raise misfit(link.op, f"{lying(link.x)} gives no {lying(link.y)}", help)
    for product in found.products:
        if not any(takes(product, way) for way in choices(product, room)):
            help = "convert both operands and the sum to the fragments of one matrix instruction"
            raise misfit(product, "no instruction takes operands that lie so", help)
    return func


def alike(tie: tuple[Use, ...]) -> None:
    """Raises TileError unless the tiles of a tie have one layout."""
    first = lying(tie[0][1])
    for op, value in tie:
        if lying(value) != first:
            help = "convert one of them to the layout of the other"
            raise misfit(op, f"tiles of one layout lie in {first} and in {lying(value)}", help)


def takes(op: ops.Dot | ops.DotScaled, way: Choice) -> bool:
    """Whether the tiles of a product lie as one way of making it has them."""
    return all(wanted is None or wanted == lying(value) for _, value, wanted in operands(op, way))


def lying(value: Value) -> Layout:
    layout = tile_of(value).layout
    assert layout is not None, "checked before"
    return layout


def lies(op: Op, value: Value, room: Room) -> None:
    """Raises TileError unless a tile has a layout of its shape on the threads of the block."""
    found = tile_of(value)
    if found.layout is None:
        raise misfit(op, f"{found} lies nowhere", "name a layout behind its type, as in f32[8] #a")
    if not holds_tile(found.layout, found.shape) or found.layout.threads != room.threads:
        message = f"{found} lies in {found.layout}, on {found.layout.threads} threads of {room.threads}"
        raise misfit(op, message, f"give it a layout on {room.threads} threads that has a place for each element")


def holds(link: Link) -> bool:
    """Whether one end follows from the other."""
    if link.moves:
        return True
    ends = ((link.forward, link.x, link.y), (link.backward, link.y, link.x))
    if any(way is not None and follows(way, start, end) for way, start, end in ends):
        return True
    return link.forward is None and spreads(link)


def follows(way: Way, start: Value, end: Value) -> bool:
    try:
        return way(lying(start)) == lying(end)
    except LayoutError:
        return False


def spreads(link: Link) -> bool:
    """Whether it is a broadcast in which each thread copies what it holds."""
    try:
        copies = lying(link.y).left_divide(lying(link.x))
    except LayoutError:
        return False
    return copies.threads == 1


def misfit(op: Op, message: str, help: str) -> TileError:
    return TileError(f"{op.name}: {message}", op.span, help=help)
