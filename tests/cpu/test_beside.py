"""Two pools of threads in one process, ours and torch's: while one computes the other sleeps."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import tilevm as tv

torch = pytest.importorskip("torch")
TASKS = Path("/proc/self/task")
pytestmark = pytest.mark.skipif(
    not (TASKS / str(os.getpid()) / "schedstat").exists(), reason="no clock for each thread"
)
WORK = 0.3  # seconds of the process's CPU time
IDLE = 0.02  # of that, at most, for threads that have nothing to do


@tv.kernel("x: f32[N]", grid=lambda N, **_: tv.cdiv(N, 256))
def slow(x: tv.Tensor):
    at = tv.program_id(0) * 256
    tile = x.load(at, 256)
    for _ in range(200):
        tile = tv.exp(tile) * 0.5
    x.store(at, tile)


@pytest.fixture(autouse=True)
def two_threads_each(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TILEVM_NUM_THREADS", "2")
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


X, A = np.zeros(1 << 16, np.float32), torch.ones(256, 256)


def ours() -> None:
    slow(X)


def theirs() -> None:
    torch.mm(A, A)


def cpu_times() -> dict[int, float]:
    """Seconds that each thread of this process has run, by its number."""
    return {int(task.name): int((task / "schedstat").read_text().split()[0]) * 1e-9 for task in TASKS.iterdir()}


def workers() -> set[int]:
    return {thread.native_id or 0 for thread in threading.enumerate() if thread.name.startswith("tilevm-")}


def others() -> set[int]:
    """Threads that are neither Python's nor ours: those of torch and of other libraries."""
    return cpu_times().keys() - {thread.native_id for thread in threading.enumerate()}


def idle_share(work: Callable[[], None], idle: set[int]) -> float:
    """What part of the process's CPU time the threads ``idle`` take while the caller works."""
    ours(), theirs()  # both pools are there, and have just been awake
    time.sleep(0.5)  # ours looks for more work for 100 us, OpenMP's for some milliseconds
    before, begin = cpu_times(), time.process_time()
    while time.process_time() - begin < WORK:
        work()
    now = cpu_times()
    return sum(now[n] - before.get(n, 0.0) for n in idle & now.keys()) / (time.process_time() - begin)


def test_workers_sleep_while_torch_computes() -> None:
    ours(), theirs()
    assert workers() and idle_share(theirs, workers()) < IDLE


def test_threads_of_torch_sleep_while_kernels_run() -> None:
    ours(), theirs()
    assert others() and idle_share(ours, others()) < IDLE


def test_a_pool_that_works_takes_its_share() -> None:
    """The measure itself: what computes is seen."""
    ours(), theirs()
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("one core: the caller does everything")
    assert idle_share(ours, workers()) > IDLE
