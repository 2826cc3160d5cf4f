"""Where the elements of a tile lie in shared memory, as threads compute it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from tilevm.ir import Value, ops, threads
from tilevm.layout import Layout
from tilevm.layout.mode import MEM, Mode
from tilevm.layout.normal import swizzled
from tilevm.passes.threads.coordinates import Digit, Places, Table
from tilevm.passes.threads.lowering import Lowering
from tilevm.passes.threads.parity import Term, terms
from tilevm.types import DType, Shared


@dataclass(frozen=True)
class Region:
    """A tile's place in a buffer: ``memory`` gives offsets in elements; ``slot`` of a ring of them, where it is one."""

    buffer: Value
    memory: Layout
    slot: Value | None = None


def buffer(low: Lowering, memory: Layout, of: DType, reach: int = 0, name: str = "") -> Region:
    """A buffer for a tile laid out as ``memory``, of ``reach`` elements at least."""
    count = max(memory.cosize, reach)
    made = low.add(threads.SharedBuffer, of=of, count=count, align=1024 if memory.xor else 16)
    made.hint = name
    return Region(made, memory)


def row_major(shape: Sequence[int], pitch: int | None = None) -> Layout:
    """Offsets with the last dim contiguous, ``pitch`` apart along the one before where given."""
    steps = [prod(shape[dim + 1 : -1]) * (pitch or shape[-1]) for dim in range(len(shape) - 1)]
    return Layout.parse(" ".join(f"{e}:{s}@mem" for e, s in zip(shape, [*steps, 1], strict=True)))


def bits_of(region: Region) -> int:
    """Bits of an element in a buffer."""
    assert isinstance(region.buffer.type, Shared), "a region lies in a buffer"
    return region.buffer.type.dtype.bits


def step(memory: Layout, dim: int) -> int:
    """Elements between neighbours along a dim of row-major memory."""
    return next((mode.stride for mode in memory.dims[dim]), 0)


def is_even(memory: Layout) -> bool:
    """Whether neighbours along each dim are as far apart everywhere, as :func:`step` says."""
    return not memory.xor and all(len(modes) <= 1 for modes in memory.dims)


@dataclass(frozen=True)
class Way:
    """Registers in the order of the vectors that move them, the width of one, and the offset of each."""

    order: tuple[int, ...]
    first: tuple[int, ...]
    width: int
    offsets: Table  # int64[thread, vector], in elements


def way(at: Places, memory: Layout, width: int) -> Way:
    """Vectors of ``width`` elements; narrower where a thread's neighbours in memory are fewer."""
    held = offsets_of(at, memory)
    while width > 1:
        found = runs(held, width)
        if found is not None:
            return found
        width //= 2
    every = tuple(range(at.layout.registers))
    return Way(every, every, 1, held)


def runs(held: Table, width: int) -> Way | None:
    """The same registers in every thread, side by side in memory and aligned; None where they are not."""
    if held.shape[1] % width:
        return None
    order = np.argsort(held[0], kind="stable").reshape(-1, width)
    order = order[np.argsort(order[:, 0], kind="stable")]
    vectors = held[:, order]
    if not np.array_equal(vectors, vectors[..., :1] + np.arange(width)) or np.any(vectors[..., 0] % width):
        return None
    return Way(tuple(map(int, order.ravel())), tuple(map(int, order[:, 0])), width, vectors[..., 0])


def offsets_of(at: Places, memory: Layout) -> Table:
    """int64[thread, register]: the offset of what each register holds. What lies beyond the tile goes on in line."""
    return offset_at(
        memory, [own[:, None] + other[None, :] for own, other in zip(at.threads, at.registers, strict=True)]
    )


def offset_at(memory: Layout, index: Sequence[Table]) -> Table:
    """The offsets of elements, given their index along each dim."""
    found = np.zeros(np.broadcast_shapes(*(each.shape for each in index)), np.int64)
    for each, modes in zip(index, memory.dims, strict=True):
        assert all(mode.axis == MEM for mode in modes), f"{memory} is of memory"
        digit = each
        for mode in modes[:-1]:
            above = digit // mode.extent
            found += (digit - above * mode.extent) * mode.stride
            digit = above
        for mode in modes[-1:]:  # the last one goes on beyond the tile
            found += digit * mode.stride
    return swizzled(found, memory.xor)


def spoken(low: Lowering, at: Places, memory: Layout, table: Table) -> Value:
    """i32 for each vector: ``table[thread, vector]``, as the thread computes it.

    The thread's part is flipped with, or added to, what is fixed for the vector.
    """
    base, fixed = table[:, 0], table[0] ^ table[0, 0]
    found = flipped(table)
    if found is not None:
        reach = 0
        for term in found:
            reach |= term.reach
        own = low.joined(found)
        return both(low, both(low, own, fixed & reach, ops.Xor), fixed & ~reach, ops.Add)
    own, fixed, digits = base - base[0], table[0], in_line(at, memory)
    assert np.array_equal(table, own[:, None] + fixed[None, :]), f"{at.layout} and {memory} have no sum of parts"
    told = sum(np.arange(len(own)) // digit.stride % digit.extent * digit.weight for digit in digits)
    assert np.array_equal(own, told + np.zeros_like(own)), f"digits of {at.layout} do not tell these offsets"
    return both(low, low.of_thread(own, digits), fixed, ops.Add)


def flipped(table: Table) -> tuple[Term, ...] | None:
    """The thread's part of a table whose bits are flips of the thread's bits; None of others."""
    base, fixed = table[:, 0], table[0] ^ table[0, 0]
    return terms(base) if np.array_equal(table, base[:, None] ^ fixed[None, :]) else None


def both(low: Lowering, own: Value | None, fixed: Table, kind: type[ops.Binary]) -> Value:
    """The thread's part with that of each vector."""
    if own is None:
        return low.numbers(fixed)
    return low.both(kind, low.splat(own, len(fixed)), low.numbers(fixed)) if fixed.any() else low.splat(own, len(fixed))


def in_line(at: Places, memory: Layout) -> list[Digit]:
    """The digits that make the thread's part of an offset."""
    found = [parted(digit, modes) for digits, modes in zip(at.digits, memory.dims, strict=True) for digit in digits]
    assert not memory.xor and all(parts is not None for parts in found), f"{at.layout} does not go along {memory}"
    return [part for parts in found for part in parts or ()]


def parted(digit: Digit, modes: Sequence[Mode]) -> list[Digit] | None:
    """A digit of an index along a dim as digits of the offset, one a mode that it reaches; None where it ends amid one
    that it does not begin or end with."""
    found, below, left = [], 1, digit
    for place, mode in enumerate(modes):
        end = below * mode.extent if place < len(modes) - 1 else left.weight * left.extent
        if left.weight < end:
            count = min(left.extent, end // left.weight)
            if left.weight % below or end % left.weight or left.extent % count:
                return None
            found.append(Digit(count, left.stride, left.weight // below * mode.stride))
            left = Digit(left.extent // count, left.stride * count, left.weight * count)
            if left.extent == 1:
                break
        below *= mode.extent
    return found


def speaks(at: Places, memory: Layout) -> bool:
    """Whether threads can compute where what they hold lies in memory: as ``spoken`` does."""
    table = offsets_of(at, memory)
    if np.array_equal(table, table[:, :1] ^ (table[:1] ^ table[0, 0])) and terms(table[:, 0]) is not None:
        return True
    digits = [parted(digit, modes) for each, modes in zip(at.digits, memory.dims, strict=True) for digit in each]
    return None not in digits and np.array_equal(table, table[:, :1] - table[0, 0] + table[:1])


def write(low: Lowering, region: Region, x: Value, at: Places, shape: tuple[int, ...], width: int) -> None:
    """Registers of the tile to its place; each element once, and none beyond the tile."""
    found = way(at, region.memory, width)
    mask = low.within(at, shape, found.first)
    once = low.first_copy(at)
    if once is not None:
        mask = low.all(mask, low.splat(once, len(found.first)))
    low.do(
        threads.SharedStore,
        buffer=region.buffer,
        value=low.take(x, found.order),
        offsets=spoken(low, at, region.memory, found.offsets),
        mask=None if mask is None else low.splat(mask, len(found.first)),
        width=found.width,
    )


def read(low: Lowering, region: Region, at: Places, shape: tuple[int, ...], width: int) -> Value:
    """The elements of a tile in registers; 0 beyond it."""
    found = way(at, region.memory, width)
    got = low.add(
        threads.SharedLoad,
        buffer=region.buffer,
        offsets=spoken(low, at, region.memory, found.offsets),
        slot=region.slot,
        width=found.width,
    )
    return low.defined(low.take(got, tuple(map(int, np.argsort(np.array(found.order))))), at, shape)
