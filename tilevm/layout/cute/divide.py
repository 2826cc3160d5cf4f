"""Layouts cut into tiles, and layouts repeated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from typing import TypeAlias, TypeVar

from tilevm.layout.cute.complement import filling, gaps
from tilevm.layout.cute.composition import bounded, composed
from tilevm.layout.cute.runs import axis_of, check_layout, check_plain, plain_run, run_of, whole
from tilevm.layout.error import LayoutError
from tilevm.layout.form import Form
from tilevm.layout.mode import MEM, Mode, Modes, extent_of, merge

F = TypeVar("F", bound=Form)
Tile: TypeAlias = int | Form  # n is n:1
Tiler: TypeAlias = Tile | Sequence[Tile]  # a sequence: one item a dim, from dim 0 on
Parts: TypeAlias = tuple[Modes, ...]


def logical_divide(layout: F, tiler: Tiler) -> F:
    """``layout`` cut into tiles: composition(layout, (T, complement(T, size of layout))).

    An int n is the tile n:1. One layout or int gives two dims: the place within a tile, and the tile. A sequence cuts
    one dim an item and keeps the others: each dim then counts the place within its tile first. Where tiles do not
    fill a layout on mem, the last one reaches beyond it, as in CuTe; other axes refuse that. Raises LayoutError where
    a tile overlaps itself, where there are more items than dims, and as ``composition`` does.
    """
    if not isinstance(tiler, Sequence):
        return replace(layout, dims=divided(run_of(layout), tiler, bounded(layout)))
    dims = [inner + outer for inner, outer in by_dim(layout, tiler)]
    return replace(layout, dims=(*dims, *layout.dims[len(dims) :]))


def zipped_divide(layout: F, tiler: Tiler) -> F:
    """``logical_divide`` with two dims for every tiler: all places within a tile, and all tiles.

    Dims beyond the items of a sequence are tiles of one element.
    """
    if not isinstance(tiler, Sequence):
        return logical_divide(layout, tiler)
    parts = by_dim(layout, tiler)
    inner = chain.from_iterable(low for low, _ in parts)
    outer = chain.from_iterable([high for _, high in parts] + list(layout.dims[len(parts) :]))
    return replace(layout, dims=(tuple(inner), tuple(outer)))


def logical_product(layout: F, tiler: Tiler) -> F:
    """``layout`` repeated in the order of T: two dims, the place within a copy, and the copy.

    R(a, b) = layout(a) + C(T(b)), where C is the complement of ``layout`` for as many copies as T reaches; so copies
    lie beside and within each other and share no offset but where ``layout`` itself does or T gives one copy twice.
    An int n is T = n:1. A sequence repeats one dim an item, by its own modes, and keeps the others; each dim then
    counts the place within its copy first. Raises LayoutError as ``complement`` and ``composition`` do.
    """
    check_plain(layout, "logical_product")
    if not isinstance(tiler, Sequence):
        modes = tuple(chain.from_iterable(layout.dims))
        return replace(layout, dims=(modes, repeated(modes, tiler, axis_of(layout))))
    check_items(layout, tiler)
    dims = [modes + repeated(modes, tile, axis_of(layout)) for modes, tile in zip(layout.dims, tiler, strict=False)]
    return replace(layout, dims=(*dims, *layout.dims[len(dims) :]))


def by_dim(layout: Form, tiler: Sequence[Tile]) -> list[Parts]:
    """The modes within tiles and of tiles, for each dim that has an item in the tiler."""
    check_items(layout, tiler)
    end = bounded(layout)
    return [divided(merge(modes), tile, end) for modes, tile in zip(layout.dims, tiler, strict=False)]


def check_items(layout: Form, tiler: Sequence[Tile]) -> None:
    """Raises LayoutError where the tiler has more items than the layout has dims."""
    check_layout(layout)
    if len(tiler) > layout.rank:
        raise LayoutError(f"a tiler of {len(tiler)} items for {layout}, which has rank {layout.rank}")


def divided(run: Modes, tile: Tile, end: bool) -> Parts:
    """The modes within a tile and those of the tiles."""
    inner = modes_of(tile)
    return composed(run, (inner, filling(inner, MEM, extent_of(run))), end)


def repeated(modes: Modes, tile: Tile, axis: str) -> Modes:
    """The modes that count copies."""
    order = modes_of(tile)
    copies = 1 + sum((mode.extent - 1) * mode.stride for mode in order)
    found, reach = gaps(merge(modes), axis)
    above = Mode(-(-copies // extent_of(found)), axis, reach)
    return composed(merge([*found, above]), (order,))[0]


def modes_of(tile: Tile) -> Modes:
    """The run of a tile, on mem. Raises LayoutError for what is neither a layout on one axis nor a count."""
    if not isinstance(tile, Form):
        return (Mode(whole(tile, "tiler", "an item"), MEM, 1),)
    return tuple(Mode(mode.extent, MEM, mode.stride) for mode in plain_run(tile, "tiler"))
