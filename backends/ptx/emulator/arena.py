"""Bytes with bounds, and for each byte whether it was ever written."""

from __future__ import annotations

from typing import Any

import numpy as np

from .kinds import BITS, Array


class Arena:
    """Memory of one space. ``inside`` marks bytes that belong to something, ``written`` those with a value.

    All three are rounded up to 16 bytes, so that numbers of any width may be seen in them.
    """

    def __init__(self, size: int, inside: bool = True) -> None:
        whole = (size + 15) // 16 * 16
        self.size = size
        self.data = np.zeros(whole, np.uint8)
        self.inside = np.zeros(whole, bool)
        self.inside[:size] = inside
        self.written = np.zeros(whole, bool)

    def outside(self, at: Array, count: int) -> Array:
        """Which of some stretches of ``count`` bytes do not lie inside; gaps are wider than a stretch."""
        low = (at >= 0) & (at + count <= self.size)
        safe = np.where(low, at, 0)
        return ~(low & self.inside[safe] & self.inside[safe + count - 1]) if self.size else np.ones(at.shape, bool)

    def view(self, bits: int) -> Array:
        """The bytes as unsigned numbers of a width."""
        return self.data.view(BITS[bits])

    def load(self, at: Array, bits: int) -> Array:
        """Values at aligned places that lie inside."""
        return np.asarray(self.view(bits)[at // (bits // 8)])

    def unwritten(self, at: Array, bits: int) -> Array:
        """Ones for the bits of values at aligned places that were never written."""
        marks = self.written.view(BITS[bits])[at // (bits // 8)]
        return np.asarray((ONES[bits] - marks) * marks.dtype.type(255))

    def store(self, at: Array, value: Array, bits: int, lacking: Array | None = None) -> None:
        """Values to aligned places that lie inside; a byte counts as written where it lacks no bit."""
        place = at // (bits // 8)
        self.view(bits)[place] = value
        mark: Any = ONES[bits]
        if lacking is not None:
            mark = (np.ascontiguousarray(lacking).view(np.uint8) == 0).view(BITS[bits]).reshape(lacking.shape)
        self.written.view(BITS[bits])[place] = mark


ONES = {bits: np.array([1] * (bits // 8), np.uint8).view(BITS[bits])[0] for bits in (8, 16, 32, 64)}
