"""What layouts cost, in issue slots of one warp: accesses of memory, conversions, work done twice."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from math import prod

from tilevm.layout import Layout, LayoutError
from tilevm.layout.convert import conversion_cost
from tilevm.layout.convert.roundtrip import BARRIER
from tilevm.layout.mode import REG, THREAD
from tilevm.passes.layouts.room import WIDEST, Room
from tilevm.types import Tensor

LINE = 128  # bytes that one request to global memory moves
BYTE = 8  # bits of the narrowest elements that go from thread to thread as they are
HALF = 16  # bits of elements that are still found in a word by its half
LINE_COST = 4.0  # issue slots that a line takes, in bandwidth of the first cache


@lru_cache(maxsize=4096)
def conversion(source: Layout, wanted: Layout, bits: int, room: Room, shape: tuple[int, ...]) -> float:
    """The cost of converting a tile; of a round trip, what it costs without conflicts, which are rare."""
    if source == wanted:
        return 0.0
    found = conversion_cost(source, wanted, bits, room.lanes, room.banks, shape)
    return found + (renaming(source, bits) if not found or bits < BYTE else 0.0)


def trip(source: Layout, wanted: Layout) -> float:
    """The cost of a trip through shared memory that no conversion plans: each number is sent and served on its own."""
    return BARRIER + 2.0 * (source.registers + wanted.registers)


def renaming(layout: Layout, bits: int) -> float:
    """The cost of other registers for the same elements, or of a byte for each: nothing, but for codes of which a word
    holds many."""
    return float(layout.registers) if bits < HALF else 0.0


def contiguous(tensor: Tensor, shape: tuple[int, ...]) -> tuple[int, int]:
    """The dim along which a box of a tensor lies in memory without gaps, and how many elements one access may take."""
    dims = [dim for dim, stride in enumerate(tensor.strides) if stride == 1]
    dim = max(dims, key=lambda dim: shape[dim], default=len(shape) - 1)
    if not dims:
        return dim, 1
    bits = max(tensor.dtype.bits, 1)
    aligned = WIDEST if tensor.packed else min(WIDEST, tensor.align * 8)
    vector = max(1, aligned // bits)
    return dim, 1 << (vector.bit_length() - 1)


@lru_cache(maxsize=4096)
def access(layout: Layout, dim: int, vector: int, bits: int, room: Room) -> float:
    """The cost of reading or writing a box of global memory whose elements are neighbours along ``dim``."""
    run, reach = 1, 1  # elements in a row of one thread, and of one instruction
    in_order = True
    for mode in layout.key[0][dim]:
        if mode.axis == REG and run == reach:
            in_order = in_order and mode.stride == run
            run *= mode.extent
            reach = run
        elif mode.axis == THREAD and mode.stride < room.lanes:
            reach *= min(mode.extent, room.lanes // mode.stride)
        else:
            break
    width = min(vector, run & -run)
    instructions = layout.registers / width
    alike = prod(
        min(mode.extent, room.lanes // mode.stride)
        for mode in layout.key[1]
        if mode.axis == THREAD and 0 < mode.stride < room.lanes
    )
    bytes_moved = room.lanes // alike * width * bits / 8
    stretch = max(1.0, min(reach, room.lanes * width) * bits / 8)  # bytes in a row that one instruction touches
    lines = max(1.0, bytes_moved / stretch) * max(1.0, stretch / LINE)
    return instructions * (1 + LINE_COST * lines) + (0.0 if in_order else renaming(layout, bits))


@lru_cache(maxsize=4096)
def folding(layout: Layout, axis: int, room: Room) -> float:
    """The cost of folding one dim away: in registers, then across lanes, then across warps."""
    shuffles, crossing = 0, False
    for mode in layout.key[0][axis]:
        if mode.axis == THREAD:
            within = max(1, min(mode.extent, room.lanes // mode.stride if mode.stride < room.lanes else 1))
            shuffles += within.bit_length() - 1
            crossing = crossing or within < mode.extent
    try:
        left = layout.reduce(axis).registers
    except LayoutError:
        return float("inf")
    return layout.registers + 2 * shuffles * left + (BARRIER + 2 * left if crossing else 0.0)


def along(layout: Layout, dim: int) -> Layout:
    """The same elements in each thread, its registers numbered along a dim first."""
    dims = list(layout.dims)
    count = 1
    for at in (dim, *(other for other in range(layout.rank) if other != dim)):
        modes = []
        for mode in dims[at]:
            if mode.axis == REG:
                mode, count = replace(mode, stride=count), count * mode.extent
            modes.append(mode)
        dims[at] = tuple(modes)
    return replace(layout, dims=tuple(dims)) if count == layout.registers else layout
