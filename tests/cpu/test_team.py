"""Launches that are broken off, and processes that are forked while others compile."""

import os
import threading
import time

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


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_launches_what_its_parent_compiled_while_a_thread_compiles() -> None:
    assert launched().all()
    going = True

    def compile_more() -> None:
        while going:
            type(increased)(increased._function, increased.signature, increased.grid).compile("x: f32[N], y: f32[N]")

    thread = threading.Thread(target=compile_more)
    thread.start()
    try:
        for _ in range(8):
            time.sleep(0.01)
            assert child() == 0
    finally:
        going = False
        thread.join()


def child() -> int:
    """The exit status of a child that launches; one that hangs is ended."""
    pid = os.fork()
    if pid == 0:
        os._exit(0 if launched().all() else 1)
    for _ in range(500):
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return status
        time.sleep(0.01)
    os.kill(pid, 9)
    return os.waitpid(pid, 0)[1]
