"""How many threads a launch uses, and the memory that each works in."""

from __future__ import annotations

import os
import threading

import numpy as np

from tilevm.source import TileError

ALIGN = 64
SETTING = "TILEVM_NUM_THREADS"


def cores() -> list[int]:
    """The cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def threads() -> int:
    """How many threads a launch uses: TILEVM_NUM_THREADS, or one a core."""
    said = os.environ.get(SETTING)
    if said is None:
        return len(cores())
    if not said.isdigit() or int(said) < 1:
        raise TileError(f"{SETTING} is {said!r}; it counts threads, 1 or more")
    return int(said)


class Scratch(threading.local):
    """Memory of this thread, grown to the largest kernel it ran."""

    def __init__(self) -> None:
        self._held = np.empty(0, np.uint8)

    def address(self, size: int) -> int:
        """A 64-byte aligned address with ``size`` bytes, and one vector more, behind it."""
        if self._held.size < size + 2 * ALIGN:
            self._held = np.empty(size + 2 * ALIGN, np.uint8)
        start: int = self._held.ctypes.data
        return -(-start // ALIGN) * ALIGN


scratch = Scratch()
