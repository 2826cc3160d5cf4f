"""Layouts and accesses as plain data, for programs."""

from __future__ import annotations

from typing import Any

from tilevm.layout import Layout, LayoutError
from tilevm.layout.mode import BLOCK, MEM, extent_of
from tilevm.layout.picture.draw import Memory, unravelled
from tilevm.layout.place import place
from tilevm.target import SharedAccess


def layout_data(layout: Layout, memory: Memory, limit: int) -> dict[str, Any]:
    """Text, shape, counts, and the first ``limit`` elements in row-major order.

    An element has its index and its coordinate on each axis, those of the first copy where ``replicas`` is above 1;
    on mem its bank too. Raises LayoutError for a ``limit`` below 0.
    """
    if limit < 0:
        raise LayoutError(f"the data of {limit} elements: 0 or more can be listed")
    indices = (unravelled(number, layout.shape) for number in range(min(layout.size, limit)))
    return {
        "text": str(layout),
        "shape": list(layout.shape),
        "axes": list(layout.axes),
        "threads": layout.threads,
        "registers": layout.registers,
        "blocks": layout.cosize_of(BLOCK),
        "replicas": extent_of(layout.replicas),
        "elements": [element(layout, memory, index) for index in indices],
    }


def element(layout: Layout, memory: Memory, index: tuple[int, ...]) -> dict[str, Any]:
    at = place(layout, index)
    bank = {"bank": memory.bank(at[MEM])} if MEM in layout.axes else {}
    return {"index": list(index), **{axis: at[axis] for axis in layout.axes}, **bank}


def access_data(found: SharedAccess) -> dict[str, Any]:
    """Vectors and wavefronts, of each instruction in each warp too."""
    return {
        "width": found.width,
        "width_bytes": found.width_bytes,
        "wavefronts": found.wavefronts,
        "least": found.least,
        "ways": found.ways,
        "instructions": [
            {
                "registers": list(registers),
                "warps": [
                    {"wavefronts": cost.count, "least": cost.least, "ways": cost.ways, "addresses": list(addresses)}
                    for cost, addresses in zip(costs, lanes, strict=True)
                ],
            }
            for registers, costs, lanes in zip(found.instructions, found.costs, found.addresses, strict=True)
        ],
    }
