"""Registers of threads read as other elements, written with what moves elements: a view of rows is in the middle.

The elements are brought in the order of threads and, within one, of slots; each thread's row is cut anew; and the new
elements are brought where the new layout has them.
"""

from __future__ import annotations

from math import prod

from tilevm.ir import Value
from tilevm.ir.build import Builder
from tilevm.ir.ops import Broadcast, Permute, Reshape, SetLayout, View
from tilevm.layout import Layout, LayoutError
from tilevm.layout.bitview import check_view, thread_digits
from tilevm.layout.mode import REG, THREAD, Mode
from tilevm.source import TileError
from tilevm.types import DType, Tile

from ..values import describe


def bits_of_threads(builder: Builder, value: Value, to: DType, wanted: Layout) -> Value:
    """``value``, which ``tv.set_layout`` laid out, as elements of ``to`` in the layout ``wanted``."""
    held = layout_of(builder, value)
    assert isinstance(value.type, Tile), "tiles alone have layouts"
    bits = value.type.dtype.bits
    try:
        check_view(held, bits, wanted, to.bits)
    except LayoutError as fault:
        lies = f"the tile lies in {held.threads} threads, with {held.registers} elements of {bits} bits in each"
        raise TileError(f".view: {fault}", builder.span, help=lies) from None
    rows = by_threads(builder, value, held)
    if bits != to.bits or value.type.dtype != to:
        rows = builder.add(View, x=rows, to=to).result
    rows = spread(builder, rows, held, wanted)
    return builder.add(SetLayout, x=from_threads(builder, rows, wanted), layout=wanted).result


def layout_of(builder: Builder, value: Value) -> Layout:
    """What the author said of a tile's layout."""
    if isinstance(value.owner, SetLayout):
        return value.owner.layout
    raise TileError(
        f".view with a layout takes a tile whose layout is said, and nothing says that of {describe(value)}",
        builder.span,
        help="say it: x = tv.set_layout(x, …)",
    )


def digits(layout: Layout) -> list[tuple[int, Mode]]:
    """Each mode with its place among the extents that the tile is cut in, the slowest of each dim first."""
    listed = [mode for modes in layout.key[0] for mode in reversed(modes)]
    return list(enumerate(listed))


def in_order(layout: Layout) -> list[int]:
    """The places of ``digits``: those on threads, then those on registers, the slowest first."""
    key = {THREAD: 0, REG: 1}
    ordered = sorted(digits(layout), key=lambda entry: (key[entry[1].axis], -entry[1].stride))
    return [place for place, _ in ordered]


def extents(layout: Layout) -> list[int]:
    return [mode.extent for _, mode in digits(layout)]


def by_threads(builder: Builder, value: Value, layout: Layout) -> Value:
    """[threads that hold different elements, slots]."""
    shape = (layout.size // layout.registers, layout.registers)
    return reshaped(builder, permuted(builder, value, extents(layout), in_order(layout)), shape)


def from_threads(builder: Builder, rows: Value, layout: Layout) -> Value:
    """The inverse of ``by_threads``."""
    order, sizes = in_order(layout), extents(layout)
    back = [order.index(place) for place in range(len(order))]
    return reshaped(builder, permuted(builder, rows, [sizes[place] for place in order], back), layout.shape)


def spread(builder: Builder, rows: Value, held: Layout, wanted: Layout) -> Value:
    """Rows for the threads that differ under ``wanted``: some may be replicas under ``held``."""
    found = [digit for digit in thread_digits(held, wanted) if not digit.repeats]
    assert isinstance(rows.type, Tile)
    slots = rows.type.shape[1]
    if any(digit.repeated for digit in found):
        narrow = tuple(1 if digit.repeated else digit.extent for digit in found)
        wide = tuple(digit.extent for digit in found)
        rows = builder.add(Broadcast, x=reshaped(builder, rows, (*narrow, slots)), shape=(*wide, slots)).result
        rows = reshaped(builder, rows, (prod(wide), slots))
    return rows


def permuted(builder: Builder, value: Value, shape: list[int], order: list[int]) -> Value:
    """``value`` cut in ``shape``, its dims in another order."""
    if order == sorted(order):
        return value
    return builder.add(Permute, x=reshaped(builder, value, tuple(shape)), dims=tuple(order)).result


def reshaped(builder: Builder, value: Value, shape: tuple[int, ...]) -> Value:
    assert isinstance(value.type, Tile)
    return value if value.type.shape == shape else builder.add(Reshape, x=value, shape=shape).result
