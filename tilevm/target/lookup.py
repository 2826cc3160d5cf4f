"""From a name to its machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from tilevm.source import TileError, nearest
from tilevm.target.amd import gfx90a, gfx942, gfx950
from tilevm.target.machine import Target
from tilevm.target.nvidia import sm_80, sm_86, sm_89, sm_90a, sm_100a

MADE: Mapping[str, Callable[[], Target]] = {
    **{"sm_80": sm_80, "sm_86": sm_86, "sm_89": sm_89, "sm_90a": sm_90a, "sm_100a": sm_100a},
    **{"gfx90a": gfx90a, "gfx942": gfx942, "gfx950": gfx950},
}
TARGETS = tuple(MADE)
PRODUCTS = {  # what people call them
    **{"a100": "sm_80", "ampere": "sm_80", "a10": "sm_86", "a40": "sm_86", "l4": "sm_89", "l40s": "sm_89"},
    **{"ada": "sm_89", "h100": "sm_90a", "h200": "sm_90a", "hopper": "sm_90a", "sm_90": "sm_90a"},
    **{"b200": "sm_100a", "blackwell": "sm_100a", "sm_100": "sm_100a", "mi250x": "gfx90a", "cdna2": "gfx90a"},
    **{"mi300x": "gfx942", "mi325x": "gfx942", "cdna3": "gfx942", "mi350x": "gfx950", "mi355x": "gfx950"},
    "cdna4": "gfx950",
}


@cache
def target(name: str) -> Target:
    """The machine called ``name``, one of ``TARGETS``; its record is made, and proves its atoms, when first asked for.

    Raises TileError with the nearest name when there is none.
    """
    if name in MADE:
        return MADE[name]()
    near = PRODUCTS.get(name.lower()) or nearest(name, TARGETS)
    help = f"did you mean {near!r}?" if near else f"one of {', '.join(TARGETS)}"
    raise TileError(f"no machine is called {name!r}", help=help)
