"""Tiles read from shared memory 8 x 8 matrices at a time: found by division."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

import numpy as np

from tilevm.ir import Value, threads
from tilevm.layout import Layout, LayoutError, local, replicate, row_major, spatial
from tilevm.passes.layouts.room import Room
from tilevm.passes.threads import coordinates, shared
from tilevm.passes.threads.coordinates import Table
from tilevm.passes.threads.lowering import Lowering
from tilevm.target import MatrixCopy

ROWS, ROW_BITS = 8, 128


@dataclass(frozen=True)
class Matrices:
    """A tile in matrices: the copy of several at once, and the offset of the row that each thread gives, by copy."""

    copy: MatrixCopy
    offsets: Table  # int64[thread, copy], in elements


def read(low: Lowering, region: shared.Region, layout: Layout) -> Value | None:
    """The tile in registers as ``layout`` has it; None where no such copy gives that."""
    buffer = region.buffer
    layout, memory = flat(layout), flat(region.memory)
    found = divided(low, layout, memory, shared.bits_of(region))
    if found is None:
        return None
    at = coordinates.places(layout)
    return low.add(
        threads.MatrixLoad,
        buffer=buffer,
        offsets=shared.spoken(low, at, memory, found.offsets),
        slot=region.slot,
        copy=found.copy.name,
        words=found.copy.words,
    )


def flat(layout: Layout) -> Layout:
    """Without dims of extent 1, where there are more than two dims."""
    return layout.squeeze() if layout.rank > 2 else layout


def reading(room: Room, layout: Layout, bits: int, along: int) -> Layout | None:
    """The layout in which lanes give rows along a dim, eight after each other in the first: what is to be free of
    conflicts. None where no copy of matrices gives ``layout`` out of such rows. Dims of extent 1 do not count."""
    sides = [dim for dim, extent in enumerate(layout.shape) if extent > 1]
    if len(sides) == 2 < layout.rank:
        found = reading(room, layout.squeeze(), bits, sides.index(along)) if along in sides else None
        return found and found.reshape(layout.shape)
    if (
        layout.rank != 2
        or ROW_BITS % bits
        or not any(
            outer_of(copy, layout, bits, along, room.lanes)
            for copy in room.target.matrix_copies
            if copy.source == "shared"
        )
    ):
        return None
    width, other = ROW_BITS // bits, 1 - along
    down = gcd(room.threads, layout.shape[other])
    across = gcd(room.threads // down, layout.shape[along] // width)
    sizes = {
        along: (layout.shape[along] // width // across, across, width),
        other: (layout.shape[other] // down, down, 1),
    }
    rest, lanes, inner = (tuple(sizes[d][part] for d in (0, 1)) for part in range(3))
    order = (along, other)
    spare = room.threads // (down * across)
    return replicate(spare) * local(*rest) * spatial(*lanes, order=order) * local(*inner)


def outer_of(copy: MatrixCopy, layout: Layout, bits: int, along: int, lanes: int) -> tuple[Layout, Layout] | None:
    """What is left of ``layout`` when one matrix with rows along a dim is taken out, and the matrix."""
    if not copy.moves(bits):
        return None
    fragment = copy.fragment(bits).slice([0, None, None])[0]
    if along == 0:
        fragment = fragment.permute((1, 0))
    try:
        outer = local(1, 1) * (layout / fragment)  # of two dims also where a tile is one matrix
    except LayoutError:
        return None
    fits = outer.registers % copy.count == 0 and outer.threads * lanes == layout.threads
    return (outer, fragment) if fits else None


def divided(low: Lowering, layout: Layout, memory: Layout, bits: int) -> Matrices | None:
    """The widest copy that gives ``layout``, of rows along either dim."""
    if layout.rank != 2 or layout.shape != memory.shape or ROW_BITS % bits:
        return None
    sides = [along for along in (1, 0) if in_pieces(memory, along, ROW_BITS // bits)]
    for copy in sorted(low.target.matrix_copies, key=lambda copy: -copy.count):
        if copy.source != "shared":
            continue
        for along in sides:
            found = by(low, copy, layout, memory, bits, along)
            if found is not None:
                return found
    return None


def in_pieces(memory: Layout, along: int, width: int) -> bool:
    """Whether each row of ``width`` elements along a dim lies in one piece, on an offset that ``width`` divides."""
    try:
        memory / (row_major(1, width) if along else row_major(width, 1))
    except LayoutError:
        return False
    return True


def by(low: Lowering, copy: MatrixCopy, layout: Layout, memory: Layout, bits: int, along: int) -> Matrices | None:
    """The same by one copy, with rows along one dim."""
    found = outer_of(copy, layout, bits, along, low.room.lanes)
    if found is None:
        return None
    outer, fragment = found
    table = rows(coordinates.places(outer), fragment.shape, memory, along, copy.count, low.room.lanes)
    return None if shared.flipped(table) is None else Matrices(copy, table)  # rows of an odd pitch are not told so


def rows(at: coordinates.Places, step: tuple[int, ...], memory: Layout, along: int, count: int, lanes: int) -> Table:
    """Where the row begins that each thread tells a copy of ``count`` matrices: lane l tells row l mod 8 of matrix
    l div 8."""
    warps, matrices = at.threads.shape[1], at.registers.shape[1]
    thread = np.arange(warps * lanes)
    lane = thread % lanes
    number = np.arange(matrices).reshape(-1, count)
    which = number[:, lane // ROWS % count]  # [copy, thread]
    index = [
        (at.threads[d][thread // lanes][None, :] + at.registers[d][which]) * step[d]
        + (0 if d == along else lane % ROWS)
        for d in (0, 1)
    ]
    return shared.offset_at(memory, index).T
