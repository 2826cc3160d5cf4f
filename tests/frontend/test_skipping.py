"""What Python passes over in an expression is not run: where it writes, reads beyond a tensor, or would not end."""

import numpy as np
import pytest

import tilevm as tv

DEVICES = ("cpu", "vm", "emulator")
COUNTED = 6


@tv.function
def counted(counts: tv.Tensor, at: int) -> tv.Number:
    """How often this ran before."""
    return counts.atomic_add(at, 1)


@tv.function
def noted(counts: tv.Tensor, at: int) -> bool:
    counts.store(at, 1)
    return True


@tv.function
def halved(n: tv.Tile) -> tv.Tile:
    while n != 0:
        n -= 2
    return n


@tv.kernel
def choices(x: tv.Tensor, counts: tv.Tensor, y: tv.Tensor, n: int):
    size, found, at = x.shape[0], 0, 0
    if n < size and x.gather(n) > 2:
        found += 1
    if n >= size or x.gather(n) <= 2 or counted(counts, 0) < 0:
        found += 2
    if 0 <= n < counted(counts, 1) + 2 < 4 < counted(counts, 2) + 5:
        found += 4
    if n > 1 and noted(counts, 3):
        found += 8
    if n % 2 == 0 and halved(n) == 0:
        found += 16
    while at < size and x.gather(at) < n:
        at += 1
    y.store(0, found)
    y.store(1, at)
    y.store(2, counted(counts, 4) + 7 if n < 2 else counted(counts, 5) * 3)
    y.store(3, tv.full((2,), 3, tv.i32) + counted(counts, 5) if n > 2 else 4)


def by_python(x: list[int], n: int) -> tuple[list[int], list[int]]:
    counts, size, found, at = [0] * COUNTED, len(x), 0, 0

    def count(which: int) -> int:
        counts[which] += 1
        return counts[which] - 1

    if n < size and x[n] > 2:
        found += 1
    if n >= size or x[n] <= 2 or count(0) < 0:
        found += 2
    if 0 <= n < count(1) + 2 < 4 < count(2) + 5:
        found += 4
    if n > 1:
        found, counts[3] = found + 8, 1
    if n % 2 == 0:
        found += 16
    while at < size and x[at] < n:
        at += 1
    chosen = count(4) + 7 if n < 2 else count(5) * 3
    return counts, [found, at, chosen, *[3 + count(5) if n > 2 else 4] * 2]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("n", [0, 1, 2, 3, 5, 10**6 + 1])
def test_parts_that_show_are_passed_over(n: int, device: str) -> None:
    x = np.array([0, 5, 1, 3, 2], np.int32)
    counts, y = np.zeros(COUNTED, np.int32), np.zeros(5, np.int32)
    choices[1](x, counts, y, n, device=device)
    assert (counts.tolist(), y.tolist()) == by_python(x.tolist(), n)
