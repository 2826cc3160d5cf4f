"""Worker threads that share the programs of a launch, one pinned to each core.

The waiting and the handing over are native code (``team.ll``); Python starts the threads and wakes them. A thread
pool gains nothing for kernels under a few milliseconds: its worker wakes up on the caller's core, and too late.
"""

from __future__ import annotations

import ctypes
import os
import threading
import time
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numpy as np

from tilevm.compiling import once
from tilevm.native import Loaded

from .host import host, machine
from .pool import ALIGN, cores, scratch

PATIENCE = 100e-6  # seconds that a worker looks for more before it sleeps
MOST = 63  # workers: a launch names those to wake by the bits of a word
JOB_WORDS, DESK_WORDS = 8, 8
PIECES = {
    "pause": (
        "define internal void @pause() {\n  ret void\n}",
        "declare void @llvm.x86.sse2.pause()\n"
        "define internal void @pause() {\n  call void @llvm.x86.sse2.pause()\n  ret void\n}",
    ),
    "sched_getcpu": ("define internal i32 @sched_getcpu() {\n  ret i32 -1\n}", "declare i32 @sched_getcpu()"),
}


def text() -> str:
    """The module, with what this machine lacks left out."""
    present = {
        "pause": llvm.get_default_triple().startswith(("x86_64", "i")),
        "sched_getcpu": hasattr(os, "sched_setaffinity"),
    }
    found = Path(__file__).with_name("team.ll").read_text()
    for name, forms in PIECES.items():
        declared = next(line for line in found.splitlines() if line.startswith("declare") and f"@{name}(" in line)
        found = found.replace(declared, forms[present[name]])
    return found


class Native:
    """The functions of ``team.ll``."""

    def __init__(self) -> None:
        host()  # initialises LLVM
        self._code = Loaded(llvm, machine().emit_object(llvm.parse_assembly(text())), "serve", "offer", "share")
        pointer, long = ctypes.c_void_p, ctypes.c_int64
        self.serve: Any = self._function("serve", None, pointer, pointer, long)
        self.offer: Any = self._function("offer", long, pointer, pointer, long, long)
        self.share: Any = self._function("share", None, pointer, pointer, long, pointer)

    def _function(self, name: str, result: Any, *parameters: Any) -> Any:
        return ctypes.CFUNCTYPE(result, *parameters)(self._code[name])


@once
def native() -> Native:
    """Those of this process; a child has them from its parent."""
    return Native()


class Worker(threading.Thread):
    """A thread that sits at a desk."""

    def __init__(self, team: Team, desk: int, core: int) -> None:
        super().__init__(name=f"tilevm-{core}", daemon=True)
        self._team, self._desk, self._core = team, desk, core
        self.bell = threading.Lock()  # open when it rings; native, so that no interrupt leaves it half rung
        self.bell.acquire()

    def run(self) -> None:
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {self._core})
        while True:
            self.bell.acquire()
            self._team.native.serve(self._team.job, self._desk, self._team.patience)


class Team:
    """The workers of this process. One launch at a time has them; another one meanwhile runs on its own thread."""

    def __init__(self, size: int) -> None:
        available = cores()
        self.native = native()
        self._memory = np.zeros(JOB_WORDS + DESK_WORDS * (size + 1), np.int64)
        start = -(-self._memory.ctypes.data // ALIGN) * ALIGN
        first = (start - self._memory.ctypes.data) // 8
        self._job = self._memory[first : first + JOB_WORDS]
        self._desks = self._memory[first + JOB_WORDS :][: DESK_WORDS * size].reshape(size, DESK_WORDS)
        self.job, self._desk = start, start + JOB_WORDS * 8
        self._desks[:, 1] = 1  # all asleep
        self._desks[:, 3] = [available[n % len(available)] for n in range(size)]
        self.patience = self._pauses(PATIENCE)
        self._scratch: list[np.ndarray] = []
        self._room = -1
        self._taken = threading.Lock()
        self._workers = [Worker(self, self._desk + 64 * n, int(self._desks[n, 3])) for n in range(size)]
        for worker in self._workers:
            worker.start()

    def _pauses(self, seconds: float) -> int:
        """How many pauses take so long."""
        job, desk = np.zeros(JOB_WORDS, np.int64), np.zeros(DESK_WORDS, np.int64)
        begin = time.perf_counter()
        self.native.serve(job.ctypes.data, desk.ctypes.data, 2000)
        return max(1, int(seconds / (time.perf_counter() - begin) * 2000))

    def _make_room(self, size: int) -> None:
        """Scratch of ``size`` bytes, and a vector more, at every desk."""
        if size <= self._room:
            return
        self._scratch = [np.empty(size + 3 * ALIGN, np.uint8) for _ in self._workers]
        self._desks[:, 2] = [-(-s.ctypes.data // ALIGN) * ALIGN for s in self._scratch]
        self._room = size

    def launch(self, threads: int, job: tuple[int, ...], size: int) -> bool:
        """Run a job on so many threads, this one among them; False, and nothing done, where the team is taken.

        ``job``: the eight words of ``team.ll``. ``size``: the bytes of scratch that a thread needs.
        """
        if not self._taken.acquire(blocking=False):
            return False
        try:
            self._make_room(size)
            count, own = len(self._workers), scratch.address(size)
            self._job[:] = job
            try:
                self._wake(self.native.offer(self.job, self._desk, count, threads - 1))
            finally:  # an interrupt does not leave workers at a job whose arguments are gone
                self.native.share(self.job, self._desk, count, own)
        finally:
            self._taken.release()
        return True

    def _wake(self, sleeping: int) -> None:
        """Ring for the workers that are named by bits."""
        while sleeping:
            lowest = sleeping & -sleeping
            bell = self._workers[lowest.bit_length() - 1].bell
            if bell.locked():  # else it rings still for an offer that was taken back
                bell.release()
            sleeping ^= lowest


@cache
def team(size: int) -> Team:
    """The team with a worker on each of ``size`` cores."""
    return Team(min(size, MOST))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=team.cache_clear)  # threads do not survive a fork
