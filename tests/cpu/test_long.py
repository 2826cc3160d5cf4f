"""Long chains of instructions: compiled in time that grows with their length, however often each result is used."""

import numpy as np
import pytest

import tilevm as tv


@tv.kernel
def sum_of_many(x: tv.Tensor, y: tv.Tensor, N: tv.constexpr):
    total = x.load(0, 8)
    for i in tv.static_range(N):
        total = total + i
    y.store(0, total)


@tv.kernel
def used_twice(x: tv.Tensor, y: tv.Tensor, N: tv.constexpr):
    value = x.load(0, 8)
    for _ in tv.static_range(N):
        value = value * 0.5 + value
    y.store(0, value)


@tv.kernel
def used_by_two(x: tv.Tensor, y: tv.Tensor, N: tv.constexpr):
    a, b = x.load(0, 8), x.load(0, 8) + 1
    for _ in tv.static_range(N):
        a, b = a - b, b - a * 0.5
    y.store(0, a + b)


@tv.kernel
def far_offset(x: tv.Tensor, y: tv.Tensor, n: int, N: tv.constexpr):
    for _ in tv.static_range(N):
        n = n + 1
    y.store(n - N, x.load(n - N, 8))


@pytest.mark.parametrize("kernel", [sum_of_many, used_twice, used_by_two, far_offset], ids=lambda k: k.__name__)
def test_long_chains(kernel: tv.Kernel) -> None:
    x = np.arange(8, dtype=np.float32)
    found = []
    for device in ("cpu", "vm"):
        y = np.zeros_like(x)
        with np.errstate(all="ignore"):
            kernel[1](x, y, *([0] if kernel is far_offset else []), N=700, device=device)
        found.append(y)
    assert np.array_equal(*found, equal_nan=True)
