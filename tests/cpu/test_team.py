"""Launches that are broken off, and processes that are forked while others compile."""

import os
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

import tilevm as tv
from tilevm.backends.cpu.team import Team


@tv.kernel("x: f32[N], y: f32[N]", grid=lambda N, **_: tv.cdiv(N, 64))
def increased(x: tv.Tensor, y: tv.Tensor):
    at = tv.program_id(0) * 64
    y.store(at, x.load(at, 64) + 1)


def launched() -> np.ndarray:
    x = np.zeros(1 << 20, np.float32)
    y = np.zeros_like(x)
    increased(x, y)
    return y


def test_an_interrupt_between_offer_and_work_leaves_no_one_at_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILEVM_NUM_THREADS", "2")
    assert launched().all()
    x = np.zeros(1 << 20, np.float32)
    y = np.zeros_like(x)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Team, "_wake", interrupted)
        increased(x, y)
    assert y.all()  # all programs have run: nothing is left to do with memory that may go now
    assert launched().all()


def compiled_by_another() -> bool:
    """The same source as a kernel of its own, compiled anew."""
    kernel = type(increased)(increased._function, increased.signature, increased.grid)
    return len(kernel.compile("x: f32[N], y: f32[N]").binary) > 0


def compiled_by_the_same(number: int = 0) -> bool:
    """The kernel that all threads have, compiled for extents it has not seen."""
    return len(scaled.compile("x: f32[N], y: f32[N]", FACTOR=number).binary) > 0


@tv.kernel("x: f32[N], y: f32[N]", grid=lambda N, **_: tv.cdiv(N, 64))
def scaled(x: tv.Tensor, y: tv.Tensor, FACTOR: tv.constexpr = 1):
    at = tv.program_id(0) * 64
    y.store(at, tv.exp(x.load(at, 64)) * FACTOR)


CHILDREN = {  # what a child does while a thread of its parent does something
    "launch": (lambda: bool(launched().all()), lambda _: compiled_by_another()),
    "compile by the compiler that is busy": (compiled_by_another, lambda _: compiled_by_another()),
    "compile the kernel that is being compiled": (compiled_by_the_same, lambda n: compiled_by_the_same(n + 1)),
}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize(("does", "meanwhile"), CHILDREN.values(), ids=CHILDREN)
def test_a_child_of_a_process_that_compiles(does: Callable[[], bool], meanwhile: Callable[[int], bool]) -> None:
    assert launched().all()
    going = True

    def compile_more() -> None:
        number = 0
        while going:
            meanwhile(number)
            number += 1

    thread = threading.Thread(target=compile_more)
    thread.start()
    try:
        for _ in range(8):
            time.sleep(0.01)
            assert child(does) == 0
    finally:
        going = False
        thread.join()


def child(does: Callable[[], bool]) -> int:
    """The exit status of a child that does something; one that hangs is ended."""
    pid = os.fork()
    if pid == 0:
        os._exit(0 if does() else 1)
    for _ in range(500):
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return status
        time.sleep(0.01)
    os.kill(pid, 9)
    return os.waitpid(pid, 0)[1]
