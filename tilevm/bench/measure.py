"""Times of rival functions, taken in turn so that a drifting machine hurts both alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Call = Callable[[], object]
PAUSE = 0.2  # seconds between rivals: OpenMP and BLAS workers spin on after a call, and eat the next one's cores
SAMPLES = 3  # timed calls of a rival in one round, after one that warms up


@dataclass(frozen=True)
class Timing:
    """Seconds of one call: the median of many, and the least."""

    median: float
    best: float


def once(call: Call) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def rivals(calls: Mapping[str, Call], seconds: float = 2.0, pause: float = PAUSE) -> dict[str, Timing]:
    """Each call's time, in rounds: a pause, a call to warm up, then calls that count. About ``seconds`` for each."""
    first = {name: min(once(call) for _ in range(2)) for name, call in calls.items()}
    rounds = int(max(5, min(50, seconds / ((1 + SAMPLES) * max(first.values()) + pause))))
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            time.sleep(pause)
            call()
            taken[name] += [once(call) for _ in range(SAMPLES)]
    return {name: Timing(statistics.median(t), min(t)) for name, t in taken.items()}
