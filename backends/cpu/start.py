"""What starts a kernel without Python: ``start.ll``, and what it is told of a kernel."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import llvmlite.binding as llvm
import numpy as np

from tilevm.backend import Starter
from tilevm.compiling import COMPILING, once
from tilevm.native import Loaded

from .host import host, machine
from .pool import ALIGN

WORTH_SHARING = 20e-6  # seconds of work below which offering it to workers costs more than it gains
RUN, SLOTS, SCRATCH, SECONDS, WORTH, WORDS = 0, 1, 2, 3, 4, 5  # of a context, and how many


class Context:
    """What is told of a kernel: its code, how many slots it takes, and how long a program took."""

    def __init__(self, run: int, slots: int) -> None:
        self._words = np.zeros(WORDS, np.int64)
        self._times = self._words.view(np.float64)
        self._words[RUN], self._words[SLOTS], self._times[WORTH] = run, slots, WORTH_SHARING
        self._scratch = np.empty(0, np.uint8)

    @property
    def seconds(self) -> float:
        """Of one program, as last measured; 0.0 before."""
        return float(self._times[SECONDS])

    def measured(self, seconds: float) -> None:
        """Take in how long a program took: faster at once, slower by and by."""
        before = self.seconds
        self._times[SECONDS] = seconds if before == 0.0 else min(seconds, before * 1.1)

    def starter(self, room: int, long: Callable[[int, int, int, int, int], None]) -> Starter:
        """``room``: bytes of scratch. One launch at a time is at it: it holds Python's lock meanwhile."""
        with COMPILING:  # two threads may ask at once, and what one of them has got stays where it is
            if self._scratch.size < room + 2 * ALIGN:
                self._scratch = np.empty(room + 2 * ALIGN, np.uint8)
                self._words[SCRATCH] = -(-self._scratch.ctypes.data // ALIGN) * ALIGN
        return Starter(address(), self._words.ctypes.data, never, long, keep=self)


def never(code: int, *_: int) -> None:
    raise AssertionError(f"a kernel on the CPU started with {code}")


@once
def code() -> Loaded:
    """``start.ll`` in memory; a child process has it from its parent."""
    host()  # initialises LLVM
    text = Path(__file__).with_name("start.ll").read_text().replace("{clock}", str(time.CLOCK_MONOTONIC))
    return Loaded(llvm, machine().emit_object(llvm.parse_assembly(text)), "start")


def address() -> int:
    return code()["start"]
