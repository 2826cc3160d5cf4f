"""The pictures of the documents, made by the tool itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tilevm.layout import Swizzle, column_local, local, row_major, spatial
from tilevm.layout.picture.svg import svg
from tilevm.report.accesses import access_picture
from tilevm.target import target

ATOM = column_local(2, 2) * spatial(8, 4) * local(1, 2)  # operand a of mma.m16n8k16, in 16 bits
ACCUMULATOR = local(2, 1) * spatial(8, 4) * local(1, 2)
TILE = row_major(8, 64)
FRAGMENT = local(1, 8) * spatial(8, 4) * local(1, 2)
SWIZZLE = Swizzle(3, 3, 3)

FIGURES: Mapping[str, Callable[[], str]] = {
    "spatial": lambda: spatial(4, 8).to_svg(),
    "product": lambda: (spatial(4, 4) * local(2, 2)).to_svg(),
    "operand": lambda: ATOM.to_svg(),
    "row_sums": lambda: ACCUMULATOR.reduce(1).to_svg(),
    "swizzled": lambda: row_major(8, 64).swizzle(SWIZZLE).to_svg(bits=16),
    "conflicts": lambda: svg(access_picture(FRAGMENT, TILE, 16, target("sm_80"), "read")),
    "no_conflicts": lambda: svg(access_picture(FRAGMENT, TILE.swizzle(SWIZZLE), 16, target("sm_80"), "read")),
}
