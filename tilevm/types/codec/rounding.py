"""One step up or not: the three ways to round what a shift leaves behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from tilevm.types.codec.arrays import Array
from tilevm.types.codec.parts import LEAD

ONE = np.uint64(1)
DRAW = 32  # bits of a random word
WIDEST = LEAD + 1  # bits of a significand: shifts by more leave all behind, less than half a step


class Cut(NamedTuple):
    """Significands shifted right by ``shift`` (i64, at least 0): what was ``kept`` and what was ``left`` behind.

    ``odd``: 1 (u64) where the code that keeps ``kept`` is odd. ``draws``: a random word (u32) each, where rounding is
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
    """Up where draw / 2**32 < left / 2**shift: both are compared as parts of 2**64, exactly."""
    assert found.draws is not None
    down, part = found.shift - WIDEST, found.left
    if (down > 0).any():  # the rest of one of 2**64 counts as one, as draws are whole
        some = (part > 0).astype(np.uint64)
        part = ((part - some) >> np.minimum(np.maximum(down, 0), WIDEST).view(np.uint64)) + some
    part = part << np.minimum(np.maximum(-down, 0), WIDEST).view(np.uint64)
    return np.asarray(found.draws.astype(np.uint64) << np.uint64(DRAW) < part)


Rounding = Callable[[Cut], Array]
ROUNDINGS: Mapping[str, Rounding] = {
    "nearest_even": nearest_even,
    "toward_zero": toward_zero,
    "stochastic": stochastic,
}
