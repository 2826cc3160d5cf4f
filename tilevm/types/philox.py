"""Philox4x32-10, from the paper: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (2011)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

FACTORS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
WEYL = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10
LOW, HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
WORDS = 4  # of a block


def philox(counter: Sequence[Array], key: tuple[int, int]) -> tuple[Array, ...]:
    """The block of four words (as u64) at a counter of four words under a key of two."""
    a, b, c, d = np.broadcast_arrays(*(np.asarray(w, np.uint64) for w in counter))
    even, odd = (np.stack(pair).reshape(2, -1) for pair in ((a, c), (b, d)))
    rounds(even, odd, key)
    return tuple(w.reshape(a.shape) for w in (even[0], odd[0], even[1], odd[1]))


def rounds(even: Array, odd: Array, key: tuple[int, int]) -> None:
    """Counters turned into blocks where they lie: words 0 and 2 of each in ``even``, 1 and 3 in ``odd``, as u64.

    Both pairs are worked on at once and nothing is allocated, as calls and memory cost numpy more than arithmetic.
    """
    factors, product = np.reshape(FACTORS, (2, 1)), np.empty_like(even)
    crossed = product[::-1]
    for n in range(ROUNDS):
        np.multiply(even, factors, out=product)
        np.right_shift(crossed, HALF, out=even)
        even ^= odd
        even ^= np.array([[(k + n * w) & 0xFFFFFFFF] for k, w in zip(key, WEYL, strict=True)], np.uint64)
        np.bitwise_and(crossed, LOW, out=odd)


def halves(seed: int) -> tuple[int, int]:
    """The key of a seed."""
    return seed & 0xFFFFFFFF, (seed >> 32) & 0xFFFFFFFF


def words(seed: int, index: Array) -> Array:
    """Word ``index`` (u64) of the stream of ``seed``, as u32: word i is word i % 4 of block i // 4."""
    number = index >> np.uint64(2)
    none = np.zeros_like(number)
    blocks = philox((number & LOW, number >> HALF, none, none), halves(seed))
    return np.choose((index & np.uint64(3)).astype(np.int64), blocks).astype(np.uint32)


def stretch(seed: int, first: int, count: int) -> Array:
    """Words ``first`` … ``first + count - 1`` of the stream of ``seed``, as u32; each block is made once."""
    begin, skip = divmod(first, WORDS)
    number = np.uint64(begin) + np.arange(-(-(skip + count) // WORDS), dtype=np.uint64)
    even, odd = np.zeros((2, number.size), np.uint64), np.zeros((2, number.size), np.uint64)
    np.bitwise_and(number, LOW, out=even[0])
    np.right_shift(number, HALF, out=odd[0])
    rounds(even, odd, halves(seed))
    found = np.empty((number.size, WORDS), np.uint32)
    found[:, ::2], found[:, 1::2] = even.T, odd.T
    return found.reshape(-1)[skip : skip + count]
