"""Philox4x32-10, from the paper: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (2011)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tilevm.ir import ops
from tilevm.types import DType

from .elementwise import meaning
from .rounding import Array

FACTORS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
WEYL = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10
LOW, HALF = np.uint64(0xFFFFFFFF), np.uint64(32)


def philox(counter: Sequence[Array], key: tuple[int, int]) -> tuple[Array, ...]:
    """The block of four words (as u64) at a counter of four words under a key of two."""
    a, b, c, d = (np.asarray(w, np.uint64) for w in counter)
    for n in range(ROUNDS):
        first, second = (np.uint64((k + n * w) & 0xFFFFFFFF) for k, w in zip(key, WEYL, strict=True))
        x, y = a * FACTORS[0], c * FACTORS[1]
        a, b, c, d = (y >> HALF) ^ b ^ first, y & LOW, (x >> HALF) ^ d ^ second, x & LOW
    return a, b, c, d


@meaning.rule(ops.Philox)
def _(op: ops.Philox, dtype: DType, xs: Sequence[Array]) -> Array:
    seed, index = int(xs[0]) & (2**64 - 1), xs[1].astype(np.int64 if dtype.signed else np.uint64).astype(np.uint64)
    block, none = index >> np.uint64(2), np.zeros_like(index)
    words = philox((block & LOW, block >> HALF, none, none), (seed & 0xFFFFFFFF, seed >> 32))
    return np.choose((index & np.uint64(3)).astype(np.int64), words).astype(np.uint32)
