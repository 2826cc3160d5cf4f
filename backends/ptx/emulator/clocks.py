"""Who has waited for whom: vector clocks of the warps of a block."""

from __future__ import annotations

import numpy as np

from .kinds import Array


class Clocks:
    """``known[v, w]`` is the time of warp w up to which warp v has waited for it.

    What warp w did at its time t happened before what warp v does now if and only if ``known[v, w] >= t``.
    ``phase`` counts the barriers that all warps passed together: whatever is of an earlier phase is ordered.
    """

    def __init__(self, warps: int) -> None:
        self.known = np.eye(warps, dtype=np.int64)
        self.phase = 1

    def now(self) -> Array:
        """The time of each warp."""
        return np.asarray(np.diagonal(self.known))

    def arrive(self, warps: Array) -> Array:
        """What these warps know, as others learn it from a barrier; what they do next is later."""
        learnt: Array = self.known[warps].max(axis=0)
        self.known[warps, warps] += 1
        return learnt

    def learn(self, warps: Array, learnt: Array) -> None:
        """These warps have waited for all that ``learnt`` tells."""
        self.known[warps] = np.maximum(self.known[warps], learnt)
        if len(warps) == len(self.known):
            self.phase += 1
