"""Sums across the lanes of as many vectors as each has lanes: made together, they take a sixth of the instructions.

A vector alone is folded onto itself once for each halving of its lanes. Here every step combines two vectors into one,
half of whose lanes are the one's and half the other's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .dot.arrange import halved, lanes_from
from .emit import LLVM, Emitter, lanes_of

WIDTH = 4  # lanes of 32 bits that the cheap shuffles stay in
LANES = (4, 8, 16)  # of a vector for which this is done

Combine = Callable[[LLVM, LLVM], LLVM]


def across(e: Emitter, rows: Sequence[LLVM], combine: Combine) -> LLVM:
    """Lane n of the result is all lanes of vector n, combined."""
    assert lanes_of(rows[0]) == len(rows) in LANES
    for block in (1, 2):
        rows = [
            combine(*(halved(e, a, b, block, WIDTH, high) for high in (0, 1)))
            for a, b in zip(rows[::2], rows[1::2], strict=True)
        ]
    if len(rows) == 4:
        rows = [joined(e, a, b, ((0, 1), (2, 3)), combine) for a, b in zip(rows[::2], rows[1::2], strict=True)]
        return joined(e, rows[0], rows[1], ((0, 2), (1, 3)), combine)
    return joined(e, rows[0], rows[1], ((0,), (1,)), combine) if len(rows) == 2 else rows[0]


def joined(e: Emitter, a: LLVM, b: LLVM, picks: Sequence[Sequence[int]], combine: Combine) -> LLVM:
    """Two choices of register lanes of a and b, combined."""
    return combine(*(lanes_from(e, a, b, pick, WIDTH) for pick in picks))
