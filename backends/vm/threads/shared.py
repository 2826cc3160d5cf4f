"""Shared memory of a block: its bytes, which of them were written, and copies that are on their way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tilevm.ir import threads
from tilevm.types import DType

from ..rounding import Array
from ..values import in_memory
from .history import Clocks, History


@dataclass(frozen=True)
class Buffer:
    """A buffer in shared memory, from the byte ``at`` on."""

    op: threads.SharedBuffer
    at: int

    @property
    def dtype(self) -> DType:
        return self.op.of

    @property
    def size(self) -> int:
        """Bytes of an element."""
        return self.op.of.bits // 8

    @property
    def name(self) -> str:
        return self.op.result.hint


class SharedMemory:
    """The bytes that blocks use one after another.

    What is kept of them stands by the cell: ``granule`` bytes, of which no element takes a part.
    """

    def __init__(self, buffers: dict[threads.SharedBuffer, Buffer], size: int, granule: int, clocks: Clocks) -> None:
        self.buffers, self.granule, self.clocks = buffers, granule, clocks
        self.bytes = np.zeros(-(-size // 16) * 16, np.uint8)
        count = self.bytes.size // granule
        self.written = np.zeros(count, bool)
        self.flying = np.zeros(count, np.int32)  # the moment of the copy that is on its way; 0 where none is
        self.history = History(count, clocks)

    def begin(self) -> None:
        """Another block: no copy of the last one lands. Buffers are forgotten as they begin."""
        self.flying[...] = 0

    def forget(self, buffer: Buffer) -> None:
        """A buffer begins with nothing in it."""
        first = buffer.at // self.granule
        self.written[first : first + buffer.op.count * buffer.op.slots * buffer.size // self.granule] = False

    def elements(self, dtype: DType) -> Array:
        """All bytes as elements of ``dtype``."""
        return self.bytes.view(in_memory(dtype))
