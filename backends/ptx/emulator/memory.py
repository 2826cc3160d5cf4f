"""Global memory: arrays of the caller at addresses of their own, with gaps that nobody may touch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tilevm.source import TileError

from .arena import Arena
from .kinds import Array

BASE = 1 << 33  # no global address fits 32 bits, so code that cuts one is found out
GAP = 512
SHARED_WINDOW, LOCAL_WINDOW, WINDOW = 1 << 24, 1 << 28, 1 << 24  # where generic addresses find the other spaces


@dataclass(frozen=True)
class Region:
    """An array of the caller, and where it lies. ``filled`` is False where reading before writing is a fault."""

    name: str
    array: Array
    address: int
    filled: bool


@dataclass
class Memory:
    """Global memory that launches share. Arrays hold their values between launches."""

    regions: list[Region] = field(default_factory=list)
    top: int = BASE

    def add(self, array: Array, name: str = "", filled: bool = True) -> int:
        """The address of an array, the same each time; it must be contiguous.

        :raises TileError: the array has gaps, so that it is no stretch of memory
        """
        for region in self.regions:
            if region.array is array:
                return region.address
        if not array.flags.c_contiguous:
            raise TileError(
                f"array {name or len(self.regions)} of strides {array.strides} is no single stretch of memory",
                help="pass numpy.ascontiguousarray(array)",
            )
        address = self.top
        self.regions.append(Region(name or f"array {len(self.regions)}", array, address, filled))
        self.top = (address + array.nbytes + GAP + 255) // 256 * 256
        return address

    def open(self) -> Arena:
        """All regions as one arena, whose offset 0 is address ``BASE``."""
        arena = Arena(self.top - BASE, inside=False)
        for region in self.regions:
            part = slice(region.address - BASE, region.address - BASE + region.array.nbytes)
            arena.data[part] = as_bytes(region.array)
            arena.inside[part] = True
            arena.written[part] = region.filled
        return arena

    def close(self, arena: Arena) -> None:
        """What was written goes back to the arrays; those that are read-only must be as they were.

        :raises TileError: the kernel wrote to a read-only array
        """
        for region in self.regions:
            part = arena.data[region.address - BASE : region.address - BASE + region.array.nbytes]
            if np.array_equal(part, as_bytes(region.array)):
                continue
            if not region.array.flags.writeable:
                raise TileError(f"the kernel wrote to {region.name}, which is read-only", help="pass a copy of it")
            as_bytes(region.array)[:] = part

    def describe(self, address: int) -> str:
        """Where an address lies, in words: how far from which array."""
        if not self.regions:
            return f"address {address:#x}; there are no arrays"
        distance = [distance_to(r, address) for r in self.regions]
        near = self.regions[int(np.argmin(np.abs(distance)))]
        off = address - near.address
        if 0 <= off < near.array.nbytes:
            return f"byte {off} of {near.name}, which has {near.array.nbytes} bytes"
        where = f"{-off} bytes before" if off < 0 else f"{off - near.array.nbytes} bytes after the end of"
        return f"address {address:#x}, {where} {near.name} ({near.array.nbytes} bytes)"


def distance_to(region: Region, address: int) -> int:
    """Bytes between an address and a region, 0 within it."""
    if address < region.address:
        return address - region.address
    return max(0, address - region.address - region.array.nbytes + 1)


def as_bytes(array: Any) -> Array:
    """The bytes of a contiguous array, sharing its memory."""
    return np.asarray(array).reshape(-1).view(np.uint8)
