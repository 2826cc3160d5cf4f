"""Global memory as threads reach it: vectors of units, at offsets from an argument's element 0."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

import numpy as np

from tilevm.backend import Array as Argument
from tilevm.types import DType

from ..rounding import Array
from ..values import in_memory
from .history import History


@dataclass(frozen=True)
class Track:
    """The history of a stretch of memory, in cells of so many bytes from the address ``base``.

    Arguments that overlap share one.
    """

    base: int
    granule: int
    history: History


class GlobalMemory:
    """A tensor or pointer argument as bytes of its owner.

    ``reach``: the bytes around its address that may be touched, the second excluded: what extents and strides reach,
    or for a pointer, whose bounds nobody states, all of the owner's. ``owner``: the bytes that there are.
    """

    def __init__(self, argument: Argument, name: str, free: bool) -> None:
        self.argument, self.name = argument, name
        self.packed, self.bits = argument.packed, stored_bits(argument)
        self.owner = self.bytes_of(argument.lowest, argument.highest)
        self.reach = self.owner if free else self.bytes_of(*reached(argument))
        self.low = argument.address + self.owner[0]
        count = max(0, self.owner[1] - self.owner[0])
        raw: Any = (ctypes.c_char * count).from_address(self.low) if count else bytearray()
        self.bytes: Array = np.frombuffer(raw, np.uint8)  # may be written to, be there nothing
        self.track: Track | None = None
        self.views: dict[str, tuple[Array, int]] = {}

    def bytes_of(self, low: int, high: int) -> tuple[int, int]:
        """The bytes that elements ``low`` to ``high`` lie in, the second excluded."""
        return low * self.bits // 8, -(-high * self.bits // 8)

    def units(self, unit: DType) -> tuple[Array, int]:
        """The aligned units of this memory, and the address of the first."""
        found = self.views.get(unit.name)
        if found is None:
            kind = np.dtype(in_memory(unit))
            skip = -self.low % kind.itemsize
            count = max(0, self.bytes.size - skip) // kind.itemsize
            view = self.bytes[skip : skip + count * kind.itemsize].view(kind)
            found = self.views[unit.name] = view, self.low + skip
        return found

    def limits(self, size: int, store: bool) -> tuple[int, int, int]:
        """The least byte of a unit of ``size`` bytes, the byte that its first, and that its end must not pass.

        A unit that is read may reach over the last, partly used byte of a packed tensor, as far as the owner's go.
        """
        low, high = self.reach
        if self.packed and not store:
            return low, high - 1, self.owner[1]
        return low, high - size, high


def stored_bits(argument: Argument) -> int:
    """Bits from one element to the next."""
    return argument.dtype.bits if argument.packed else 8 * int(np.dtype(in_memory(argument.dtype)).itemsize)


def reached(argument: Argument) -> tuple[int, int]:
    """The offsets of elements that extents and strides reach, the second excluded."""
    if 0 in argument.shape:
        return 0, 0
    ends = [(extent - 1) * stride for extent, stride in zip(argument.shape, argument.strides, strict=True)]
    return sum(min(0, e) for e in ends), 1 + sum(max(0, e) for e in ends)
