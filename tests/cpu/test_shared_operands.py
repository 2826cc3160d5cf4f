"""Values used twice by the next, many times over: compiling takes time by their number, not by the paths among them."""

from __future__ import annotations

import time

import numpy as np
import pytest

import tilevm as tv


@tv.kernel("x: i32[N], y: i32[N], n: i32")
def doubling(x: tv.Tensor, y: tv.Tensor, n: int, TIMES: tv.constexpr) -> None:
    values, at = x.load(0, 16), n
    for _ in tv.static_range(TIMES):
        values = values + values
        at = at * at + at
    y.store(at, values + x.load(at, 16))


@pytest.mark.parametrize("times", [3, 40, 400])
def test_a_chain_of_doublings(times: int) -> None:
    x, y = np.arange(16, dtype=np.int32), np.zeros(16, np.int32)
    begin = time.perf_counter()
    doubling[1](x, y, 0, TIMES=times)
    assert time.perf_counter() - begin < 30  # a walk along every path would not end
    assert (y == (x * 2**times + x if times < 32 else x)).all()
