"""What a user of numba writes for the same problems: plain loops, the outer one parallel, results as exact as ours."""

from __future__ import annotations

import math
from typing import Any

Compiled = Any  # what numba makes of a function


def add(numba: Any) -> Compiled:
    prange = numba.prange

    @numba.njit(parallel=True)
    def run(a, b, c):  # type: ignore[no-untyped-def]
        for i in prange(a.size):
            c[i] = a[i] + b[i]

    return run


def softmax(numba: Any) -> Compiled:
    prange, fast = numba.prange, {"reassoc", "nsz", "contract"}  # sums in any order, as everybody's

    @numba.njit(parallel=True, fastmath=fast)
    def run(x, y):  # type: ignore[no-untyped-def]
        for i in prange(x.shape[0]):
            most = x[i].max()
            total = x.dtype.type(0)
            for j in range(x.shape[1]):
                y[i, j] = math.exp(x[i, j] - most)
                total += y[i, j]
            for j in range(x.shape[1]):
                y[i, j] /= total

    return run


def layer_norm(numba: Any) -> Compiled:
    prange, fast = numba.prange, {"reassoc", "nsz", "contract"}

    @numba.njit(parallel=True, fastmath=fast)
    def run(x, w, b, y):  # type: ignore[no-untyped-def]
        zero, count = x.dtype.type(0), x.dtype.type(x.shape[1])
        for i in prange(x.shape[0]):
            total = zero
            for j in range(x.shape[1]):
                total += x[i, j]
            mean, squares = total / count, zero
            for j in range(x.shape[1]):
                squares += (x[i, j] - mean) * (x[i, j] - mean)
            scale = x.dtype.type(1 / math.sqrt(squares / count + 1e-5))
            for j in range(x.shape[1]):
                y[i, j] = (x[i, j] - mean) * scale * w[j] + b[j]

    return run
