"""What it costs that torch and tilevm compute in turn, in one process."""

from __future__ import annotations

import statistics
import time

from tilevm.bench.cases import OURS, Peers, matmul
from tilevm.bench.measure import Call, once

SIZE = 512  # of the matrices: a few milliseconds, in which a thread that will not sleep is felt
PART = 4  # parts of the time: torch alone, tilevm alone, and two for both in turn


def beside_torch(peers: Peers, seconds: float) -> float | None:
    """The time of a product by torch and then one by tilevm, over the sum of both where each runs alone.

    None where torch is not installed. No pause lies between them, so a pool that still spins takes the other's cores.
    """
    if peers.torch is None:
        return None
    calls = matmul(SIZE, SIZE, SIZE, peers).calls
    ours, theirs = calls[OURS], calls["torch"]

    def both() -> None:
        theirs()
        ours()

    alone = [again(call, seconds / PART) for call in (theirs, ours)]
    return again(both, 2 * seconds / PART) / sum(alone)


def again(call: Call, seconds: float) -> float:
    """The median time of a call that follows itself, for so many seconds."""
    call()
    taken, end = [once(call)], time.perf_counter() + seconds
    while time.perf_counter() < end:
        taken.append(once(call))
    return statistics.median(taken)
