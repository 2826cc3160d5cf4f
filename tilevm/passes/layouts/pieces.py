"""Pieces of tiles in the registers that have them: where a tile is taken apart, or put together, without moving."""

from __future__ import annotations

from collections.abc import Sequence

from tilevm.layout import Layout, LayoutError, local
from tilevm.layout.mode import REG

Shape = tuple[int, ...]


def counts(whole: Shape, starts: Sequence[int], piece: Shape) -> Shape | None:
    """How many such pieces a tile has along each dim; None where they are not what layouts tell apart: pieces of equal
    extents, powers of two where there are several, of which this one begins where others end."""
    found = []
    for extent, start, part in zip(whole, starts, piece, strict=True):
        if part != extent and (part & (part - 1) or extent % part or start % part):
            return None
        found.append(extent // part)
    return tuple(found)


def taken(layout: Layout, whole: Shape, numbers: Shape) -> Layout:
    """Where a piece of a tile lies that lies in ``layout``. Raises LayoutError where pieces lie in several threads."""
    if any(n > 1 and held != extent for n, held, extent in zip(numbers, layout.shape, whole, strict=True)):
        raise LayoutError(f"{layout} exceeds the tile {list(whole)}, of which pieces are taken")
    apart = [
        part for n, held in zip(numbers, layout.shape, strict=True) for part in ((n, held // n) if n > 1 else (held,))
    ]
    split = layout.reshape(apart)
    outer = [at + sum(n > 1 for n in numbers[:at]) for at, n in enumerate(numbers) if n > 1]
    if any(mode.axis != REG for dim in outer for mode in split.dims[dim] if mode.extent > 1):
        raise LayoutError(f"pieces of {layout} lie in several threads")
    return split.reduce(outer)


def put_together(layout: Layout, piece: Shape, numbers: Shape) -> Layout:
    """Where a tile lies of which each piece lies in ``layout``: the pieces follow each other in registers."""
    if any(n > 1 and held != extent for n, held, extent in zip(numbers, layout.shape, piece, strict=True)):
        raise LayoutError(f"{layout} exceeds the piece {list(piece)}")
    return local(*numbers) * layout
