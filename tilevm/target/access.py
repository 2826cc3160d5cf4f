"""Accesses of whole tiles: how wide each thread's vectors are, and what every instruction of every warp costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tilevm.layout import Layout, LayoutError
from tilevm.layout.mode import MEM, REG, THREAD
from tilevm.layout.normal import swizzled
from tilevm.target.banks import Access, Wavefronts, wavefronts
from tilevm.target.machine import Target
from tilevm.target.traffic import Traffic, traffic


@dataclass(frozen=True)
class TileAccess:
    """A tile moved between registers and memory: vectors of ``width`` elements, of ``width_bytes``.

    ``instructions``: for each, the registers that its vector holds, in order of memory. ``addresses``: for each
    instruction and warp, the byte address of each lane.
    """

    width: int
    width_bytes: int
    instructions: tuple[tuple[int, ...], ...]
    addresses: tuple[tuple[tuple[int, ...], ...], ...]


@dataclass(frozen=True)
class SharedAccess(TileAccess):
    """The same in shared memory: the cost of each instruction in each warp, and their sums."""

    costs: tuple[tuple[Wavefronts, ...], ...]

    @property
    def wavefronts(self) -> int:
        return sum(cost.count for each in self.costs for cost in each)

    @property
    def least(self) -> int:
        return sum(cost.least for each in self.costs for cost in each)

    @property
    def ways(self) -> int:
        """Passes of the worst phase for each that it needs: 1 is free of conflicts."""
        return max((cost.ways for each in self.costs for cost in each), default=1)


@dataclass(frozen=True)
class GlobalAccess(TileAccess):
    """The same in global memory: what each instruction touches in each warp, and the sums."""

    traffic: tuple[tuple[Traffic, ...], ...]

    @property
    def sectors(self) -> int:
        return sum(one.sectors for each in self.traffic for one in each)

    @property
    def least_sectors(self) -> int:
        return sum(one.least_sectors for each in self.traffic for one in each)


def shared_access(registers: Layout, memory: Layout, bits: int, machine: Target, kind: Access = "read") -> SharedAccess:
    """Moving a tile of elements of ``bits`` between the registers of whole warps and shared memory.

    The widest vectors are taken that lie without gaps and aligned in every thread. Raises LayoutError for layouts of
    other shapes or axes, for elements that no access can move, and where a machine's banks are not known.
    """
    sizes = sorted({banks.width for banks in machine.banks if banks.access == kind}, reverse=True)
    width, size, groups, addresses = vectors(registers, memory, bits, machine.lanes, sizes)
    banks = machine.banks_for(kind, size)
    costs = tuple(tuple(wavefronts(lanes, banks) for lanes in warps) for warps in addresses)
    return SharedAccess(width, size, groups, addresses, costs)


def global_access(registers: Layout, memory: Layout, bits: int, machine: Target) -> GlobalAccess:
    """The same for global memory, a tile of which begins at an aligned address; ``memory`` has its pitches."""
    width, size, groups, addresses = vectors(registers, memory, bits, machine.lanes, [16, 8, 4, 2, 1])
    moved = tuple(tuple(traffic(lanes, size, machine.memory) for lanes in warps) for warps in addresses)
    return GlobalAccess(width, size, groups, addresses, moved)


Groups = tuple[tuple[int, ...], ...]
Addresses = tuple[tuple[tuple[int, ...], ...], ...]


def vectors(
    registers: Layout, memory: Layout, bits: int, lanes: int, sizes: list[int]
) -> tuple[int, int, Groups, Addresses]:
    """Elements and bytes of a vector, the registers of each, and the addresses of each in each warp."""
    offsets = offsets_of(registers, memory, lanes)
    for size in sizes:
        width = size * 8 // bits
        if width < 1 or size * 8 % bits or offsets.shape[1] % width:
            continue
        groups = grouped(offsets, width)
        if groups is not None:
            first = offsets[:, [group[0] for group in groups]] * bits // 8
            warps = first.reshape(-1, lanes, len(groups)).transpose(2, 0, 1)
            return width, size, groups, tuple(tuple(tuple(map(int, warp)) for warp in each) for each in warps)
    raise LayoutError(f"no access moves elements of {bits} bits as {registers} holds them and {memory} has them")


def grouped(offsets: np.ndarray, width: int) -> Groups | None:
    """The registers of each vector, if they are neighbours in memory, in one order and aligned, in every thread."""
    order = np.argsort(offsets[0], kind="stable")
    held = offsets[:, order].reshape(len(offsets), -1, width)
    runs = held[..., :1] + np.arange(width)
    if not (np.array_equal(held, runs) and np.all(held[..., 0] % width == 0)):
        return None
    return tuple(tuple(map(int, group)) for group in order.reshape(-1, width))


def offsets_of(registers: Layout, memory: Layout, lanes: int) -> np.ndarray:
    """int64[thread, slot]: the offset in memory of what each register holds."""
    check(registers, memory, lanes)
    thread, slot = np.arange(registers.threads)[:, None], np.arange(registers.registers)[None, :]
    found = np.zeros((registers.threads, registers.registers), np.int64)
    for own, other in zip(registers.dims, memory.dims, strict=True):
        index, weight = np.zeros_like(found), 1
        for mode in own:
            at = thread if mode.axis == THREAD else slot
            index += at // max(mode.stride, 1) % mode.extent * weight
            weight *= mode.extent
        for mode in other:
            found += index % mode.extent * mode.stride
            index //= mode.extent
    return swizzled(found, memory.xor)


def check(registers: Layout, memory: Layout, lanes: int) -> None:
    """Raises LayoutError unless one holds the tile of the other, in whole warps."""
    if registers.shape != memory.shape:
        raise LayoutError(f"registers hold a tile of shape {registers.shape}, memory one of {memory.shape}")
    for layout, axes in ((registers, (THREAD, REG)), (memory, (MEM,))):
        foreign = sorted(set(layout.axes) - set(axes))
        if foreign:
            raise LayoutError(f"{layout} lies on {', '.join(foreign)}, where {' and '.join(axes)} are due")
    if registers.threads % lanes:
        raise LayoutError(f"{registers.threads} threads are no whole warps of {lanes}: put replicate(n) in front")
