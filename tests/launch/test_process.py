"""Threads, forks, settings and the end of a kernel."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time
import traceback
import weakref
from typing import Any

import numpy as np
import pytest

import tilevm as tv
from tests.kernel.fake import NativeBackend
from tests.launch.calls import axpy, numbers, prepared
from tilevm.compiling import COMPILING, once
from tilevm.runtime.launch import plan


def test_threads_may_call_while_others_prepare(soon: None) -> None:
    @tv.kernel(grid=1)
    def shared(x: tv.Tensor, y: tv.Tensor, B: tv.constexpr):
        y.store(0, x.load(0, B) * 2.0)

    wrong: list[object] = []

    def work(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for _ in range(60):
            size = int(rng.integers(1, 6))
            x = rng.standard_normal(size * 4).astype(rng.choice([np.float32, np.float64]))
            y = np.zeros_like(x)
            try:
                shared(x, y, B=size)
            except Exception:  # whatever it is, the test tells it
                wrong.append(traceback.format_exc())
            if not (y[:size] == x[:size] * 2).all() or y[size:].any():
                wrong.append((x, y))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, wrong[0]


def test_a_kernel_is_freed_with_what_was_prepared(backend: NativeBackend) -> None:
    kernel = prepared(backend)
    kernel[2](np.zeros((33, 4), np.float32), np.zeros((33, 4), np.float32), 3, 0.5, True)
    gone = weakref.ref(kernel)
    del kernel
    gc.collect()
    assert gone() is None


TWICE = """
import threading
from tilevm.backends.cpu.start import address
from tilevm.runtime.launch.program import machine

found, all_there = set(), threading.Barrier(8)

def ask():
    all_there.wait()
    found.add((address(), machine().entry, machine().find))

threads = [threading.Thread(target=ask) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert len(found) == 1, found
"""


def test_of_native_code_there_is_one_copy() -> None:
    """However many threads are the first to ask: a second one would be freed with its address in use."""
    done = subprocess.run([sys.executable, "-c", TWICE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_nothing_forks_while_a_call_is_prepared(backend: NativeBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[bool] = []

    def program(*args: Any) -> None:
        other = threading.Thread(target=lambda: taken.append(COMPILING.acquire(blocking=False)))
        other.start()
        other.join()

    monkeypatch.setattr(plan, "program", program)
    prepared(backend)
    assert taken == [False]


SCRIPT = """
import sys, numpy as np, tilevm as tv
from tests.launch.calls import axpy, numbers
for n in range(20):
    x, y = numbers()
    axpy(x, y, 2.0)
    assert (y == 1 + 2 * x).all()
print("tilevm.runtime.launch.guard" in sys.modules, axpy.__call__)
"""


@pytest.mark.parametrize("said", ["native", "python", "neither"])
def test_the_setting(said: str, tmp_path: Any) -> None:
    env = {**os.environ, "TILEVM_LAUNCH": said, "TILEVM_CACHE": "1", "TILEVM_CACHE_DIR": str(tmp_path)}
    for _ in range(2):  # the second time, the machine comes from the disk
        done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, env=env)
        if said == "neither":
            assert "TILEVM_LAUNCH is 'neither'" in done.stderr and "native prepares launches" in done.stderr
        else:
            assert done.returncode == 0, done.stderr
            assert ("built-in method axpy" in done.stdout) is (said == "native")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_launches_too(soon: None) -> None:
    x, y = numbers()
    for _ in range(3):
        axpy(x, y, 0.0)
    child = os.fork()
    if child == 0:
        axpy(x, y, 2.0)
        os._exit(0 if (y == 1 + 2 * x).all() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_code_is_made_once_for_all_threads() -> None:
    made: list[object] = []
    ready = threading.Barrier(8)

    @once
    def code() -> object:
        time.sleep(0.02)
        made.append(object())
        return made[-1]

    def ask() -> None:
        ready.wait()
        found.append(code())

    found: list[object] = []
    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1 and found == made * 8
