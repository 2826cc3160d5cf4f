"""Kernels that leave early, and that keep lists: what the tests of the frontend trace besides ``kernels``."""

from typing import Any

import tilevm as tv


def first_above(x: tv.Tensor, y: tv.Tensor, n: tv.Tile, s: tv.Tile) -> None:
    """A loop over a range that is left: the rest of its body and what follows the break stand under an if."""
    found: Any = -1
    total: tv.Number = 0.0
    for k in tv.range(0, n, 3, num_stages=2):
        largest = x.load(k, 4).max()
        if largest > s:
            found = k
            break
        if largest < 0:
            continue
        total += largest
    y.store(0, total)
    y.store(found, 1.0)


def skipped(x: tv.Tensor, y: tv.Tensor, n: tv.Tile) -> None:
    """With nothing but continue a loop stays a for."""
    for k in range(n):
        if k % 3 == 0:
            continue
        tile = x.load(k * 8, 8)
        if k % 5 == 0:
            tile = tile * 2.0
            if k == 10:
                continue
        y.store(k * 8, tile)


def newton(y: tv.Tensor, s: tv.Tile) -> None:
    """``while True``, left from inside."""
    root = s
    while True:
        better = 0.5 * (root + s / root)
        if tv.abs(better - root) < 1e-6:
            break
        root = better
    y.store(0, root)


def guarded(x: tv.Tensor, y: tv.Tensor, n: tv.Tile) -> None:
    """An early return of the kernel; a loop whose condition is not asked again after a break."""
    if n <= 0:
        return
    while n > 1:
        if n == 7:
            break
        n = n // 2
    y.store(0, x.load(n, 8))


@tv.function
def search(x: tv.Tensor, n: tv.Tile, s: tv.Tile) -> tuple[tv.Tile, Any]:
    """The first element above s and where it is, or the first of all."""
    for k in range(n):
        found = x.load(k, 1)
        if tv.any(found > s):
            return found, k
    return x.load(0, 1), -1


def returned(x: tv.Tensor, y: tv.Tensor, n: tv.Tile, s: tv.Tile) -> None:
    value, place = search(x, n, s)
    y.store(place, value)


def copies(y: tv.Tensor, n: tv.Tile, BIG: tv.constexpr = True) -> None:
    """Loops at compile time: known conditions leave at once, others keep the copies that follow under an if."""
    for k in tv.static_range(8):
        if k == 1:
            continue
        if BIG and k == 3:
            break
        if n == k:
            break
        y.store(k, 1.0)


def blocked(a: tv.Tensor, b: tv.Tensor, c: tv.Tensor, ROWS: tv.constexpr = 2) -> None:
    """Register blocking with a list, carried through a loop at run time."""
    _, extent = a.shape
    accs = [tv.zeros((8, 16), tv.f32) for _ in range(ROWS)]
    for k in range(0, extent, 32):
        right = b.load((k, 0), (32, 16))
        for i, acc in enumerate(accs):
            accs[i] = tv.dot(a.load((i * 8, k), (8, 32)), right, acc)
    for i in reversed(range(ROWS)):
        c.store((i * 8, 0), accs[i].to(tv.f16))


def listed(x: tv.Tensor, y: tv.Tensor, n: tv.Tile) -> None:
    """What lists can do; ``sizes`` is known at compile time throughout."""
    sizes = [2**k for k in range(6) if k > 2]
    sizes.append(4)
    sizes[0] += 8
    first, *others = sizes
    tiles = [x.load(0, size) for size in others]
    pair: list[Any] = [tiles[0].sum(), 0.0]
    if n > 3:
        pair = [pair[1], *pair[:1]]
    for at, value in zip(sorted(sizes), [*pair, sum(pair), max(pair)], strict=True):
        y.store(at, value)
    y.store(first, float(len(tiles)))
