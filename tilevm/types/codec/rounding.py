"""One step up or not: the three ways to round what a shift leaves behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from tilevm.types.codec.arrays import Array
from tilevm.types.codec.parts import LEAD

ONE = np.uint64(1)
DRAW = 32  # bits of a random word
WIDEST = LEAD + 1  # shifts by more leave all behind, less than half a step


class Cut(NamedTuple):
    """Significands shifted right by ``shift`` (i64, at least 0): what was ``kept`` and what was ``left`` behind.

    ``odd``: 1 (u64) where the code that keeps ``kept`` is odd. ``draws``: a random word each, as u64, where rounding is
    stochastic.
    """

    kept: Array
    left: Array
    shift: Array
    odd: Array
    draws: Array | None


def cut(significand: Array, shift: Array) -> tuple[Array, Array]:
    """What a shift to the right keeps, and what it leaves; 64 and more keep nothing."""
    steps = np.minimum(shift, WIDEST).view(np.uint64)
    kept = significand >> steps
    return kept, significand - (kept << steps)


def nearest_even(found: Cut) -> Array:
    """Up from beyond the middle, and from the middle itself where the code is odd."""
    half = ONE << (np.clip(found.shift, 1, WIDEST) - 1).view(np.uint64)
    return (found.left > half - found.odd) & (found.shift <= WIDEST)


def toward_zero(found: Cut) -> Array:
    """Never up."""
    return np.zeros(found.left.shape, bool)


def stochastic(found: Cut) -> Array:
    """Up where draw / 2**32 < left / 2**shift, compared exactly: as draw < ceil(left * 2**32 / 2**shift)."""
    assert found.draws is not None
    down = np.clip(found.shift - DRAW, 0, WIDEST).view(np.uint64)
    up = np.clip(DRAW - found.shift, 0, DRAW).view(np.uint64)
    wide = ((found.left - ONE) >> down) + ONE  # the ceiling of left / 2**down, for left > 0
    limit = np.where(found.shift >= DRAW, wide, found.left << up)
    return np.asarray((found.draws < limit) & (found.left > 0))


Rounding = Callable[[Cut], Array]
ROUNDINGS: Mapping[str, Rounding] = {
    "nearest_even": nearest_even,
    "toward_zero": toward_zero,
    "stochastic": stochastic,
}
