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


@tv.kernel
def moved(x: tv.Tensor, y: tv.Tensor, N: tv.constexpr):
    tile = x.load((0, 0), (16, 16))
    for _ in tv.static_range(N):
        tile = tile.reshape(8, 32).T.reshape(16, 16) + tile
    y.store((0, 0), tile)


def test_many_moved_tiles() -> None:
    """Elements that do not touch are gathered from an address and indices.

    From the numbers of addresses, LLVM's loop strength reduction looked at those of all loops in each loop: 300 tiles
    took 6 s, and twice as many four times as long.
    """
    x = np.arange(256, dtype=np.int32).reshape(16, 16)
    found = [np.zeros_like(x) for _ in range(2)]
    for y, device in zip(found, ("cpu", "vm"), strict=True):
        moved[1](x, y, N=200, device=device)
    assert np.array_equal(*found)
    assert "ptrtoint" not in moved.compile(x, x, N=200).stages["llvm"]
