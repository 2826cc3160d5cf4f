"""Medians with their spread, and ratios of times that were taken in turn."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """Several numbers told by their quartiles. ``count``: how many they were."""

    median: float
    low: float
    high: float
    count: int

    @classmethod
    def of(cls, numbers: Sequence[float]) -> Spread:
        """The quartiles, between neighbours where they fall there; all alike of one number alone."""
        if len(numbers) == 1:
            return cls(numbers[0], numbers[0], numbers[0], 1)
        low, median, high = statistics.quantiles(numbers, n=4, method="inclusive")
        return cls(median, low, high, len(numbers))


def ratios(lead: Sequence[float], peer: Sequence[float]) -> list[float]:
    """Peer time over lead time: round i's is of ``peer[i]``, and of the mean of ``lead[i]`` and ``lead[i + 1]``.

    The lead ran before and after the peer in that round, so what drifts evenly (a clock, the heat) cancels out.
    """
    assert len(lead) == len(peer) + 1, f"{len(lead)} times of the lead do not enclose {len(peer)}"
    return [2.0 * b / (before + after) for before, b, after in zip(lead, peer, lead[1:], strict=False)]
