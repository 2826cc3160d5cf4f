"""Times of rival functions, taken in turn so that a drifting machine hurts both alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Call = Callable[[], object]
PAUSE = 0.02  # seconds between rivals: OpenMP workers keep spinning after a call and would eat our cores


@dataclass(frozen=True)
class Timing:
    """Seconds of one call: the median of many, and the least."""

    median: float
    best: float


def once(call: Call) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def rivals(calls: Mapping[str, Call], seconds: float = 1.0, pause: float = PAUSE) -> dict[str, Timing]:
    """Each call's time, alternating; about ``seconds`` for each, 5 to 200 rounds, each warmed up before it counts."""
    first = {name: min(once(call) for _ in range(2)) for name, call in calls.items()}
    rounds = int(max(5, min(200, seconds / (max(first.values()) + pause))))
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            time.sleep(pause)
            call()
            taken[name].append(once(call))
    return {name: Timing(statistics.median(t), min(t)) for name, t in taken.items()}
