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
    a, b, c, d = (np.asarray(w, np.uint64) for w in counter)
    for n in range(ROUNDS):
        first, second = (np.uint64((k + n * w) & 0xFFFFFFFF) for k, w in zip(key, WEYL, strict=True))
        x, y = a * FACTORS[0], c * FACTORS[1]
        a, b, c, d = (y >> HALF) ^ b ^ first, y & LOW, (x >> HALF) ^ d ^ second, x & LOW
    return a, b, c, d


def blocks(seed: int, number: Array) -> tuple[Array, ...]:
    """The four words (as u64) of each block of the stream of ``seed``; ``number`` counts blocks, as u64."""
    none = np.zeros_like(number)
    return philox((number & LOW, number >> HALF, none, none), (seed & 0xFFFFFFFF, (seed >> 32) & 0xFFFFFFFF))


def words(seed: int, index: Array) -> Array:
    """Word ``index`` (u64) of the stream of ``seed``, as u32: word i is word i % 4 of block i // 4."""
    return np.choose((index & np.uint64(3)).astype(np.int64), blocks(seed, index >> np.uint64(2))).astype(np.uint32)


def stretch(seed: int, first: int, count: int) -> Array:
    """Words ``first`` … ``first + count - 1`` of the stream of ``seed``, as u64; each block is made once."""
    begin, skip = divmod(first, WORDS)
    number = np.uint64(begin) + np.arange(-(-(skip + count) // WORDS), dtype=np.uint64)
    return np.stack(blocks(seed, number), axis=-1).ravel()[skip : skip + count]
