"""Kernels that the tests of the frontend trace: each shows one part of the language."""

import math
from typing import Any

import tilevm as tv

SCALE = 0.5
BLOCKS = (64, 32)


@tv.function
def gelu(x: tv.Tile) -> tv.Tile:
    return 0.5 * x * (1.0 + tv.erf(x * math.sqrt(0.5)))


@tv.function
def activation(x: tv.Tile, kind: tv.constexpr) -> tv.Tile:
    if kind == "relu":
        return tv.maximum(x, 0)
    if kind == "gelu":
        return gelu(x)
    return x


@tv.function
def moments(x: tv.Tile, axis: int = 0) -> tuple[tv.Tile, tv.Tile]:
    """The sum, and the sum of squares."""
    return x.sum(axis), (x**2).sum(axis)


def vector_add(x: tv.Tensor, y: tv.Tensor, z: tv.Tensor, BLOCK: tv.constexpr = 1024) -> None:
    """Element by element."""
    i = tv.program_id(0) * BLOCK
    z.store(i, x.load(i, BLOCK) + y.load(i, BLOCK))


def softmax(a: tv.Tensor, c: tv.Tensor, BLOCK: tv.constexpr = 256) -> None:
    row = tv.program_id(0)
    x = a.load((row, 0), (1, BLOCK), other=-math.inf).to(tv.f32)
    e = tv.exp(x - tv.max(x, axis=1, keepdims=True))
    c.store((row, 0), (e / e.sum(1, keepdims=True)).to(c.dtype))


def matmul(
    a: tv.Tensor,
    b: tv.Tensor,
    x: tv.Tensor,
    c: tv.Tensor,
    BM: tv.constexpr = 64,
    BN: tv.constexpr = 128,
    BK: tv.constexpr = 32,
    KIND: tv.constexpr = "gelu",
) -> None:
    _, K = a.shape
    m, n = tv.program_id(0) * BM, tv.program_id(1) * BN
    acc = tv.zeros((BM, BN), tv.f32)
    for k in tv.range(0, K, BK, num_stages=3):
        acc = tv.dot(a.load((m, k), (BM, BK)), b.load((k, n), (BK, BN)), acc)
    acc = activation(acc + x.load(n, BN), KIND)
    c.store((m, n), acc.to(c.dtype))


def loops(x: tv.Tensor, y: tv.Tensor, n: tv.Tile) -> None:
    total: tv.Number = 0.0
    count = 0
    kept = 64
    for k in range(0, n, kept):
        tile = x.load(k, 64)
        largest, squares = moments(tile)
        total = total + largest + squares
        count += 1
        kept = 64
        y.store(k, x.load(k, kept))
    for i in range(10):
        for j in range(i, 10):
            total += i * j
    y.store(count, total)
    y.store(kept, 1.0)


def temporaries(x: tv.Tensor, y: tv.Tensor, n: tv.Tile) -> None:
    tile = x.load(0, 64)
    y.store(0, tile)
    for k in range(0, n, 32):
        tile = x.load(k, 32)
        y.store(k, tile)


def branches(x: tv.Tensor, y: tv.Tensor, n: tv.Tile, s: tv.Tile, flag: tv.Tile) -> None:
    tile, step = x.load(0, 64), 1
    pair: Any = (1.0, 2)
    if n > 0 and not flag:
        tile = tile * s
        step = 2
        pair = (s, 2)
    elif 0 < n < 10:
        pair = (3.0, 2)
    y.store(step, tile + (pair[0] if flag else 0.25))
    y.store(pair[1], 1.0)


def collatz(y: tv.Tensor, n: tv.Tile) -> None:
    steps = 0
    while n > 1 and steps < 1000:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    y.store(0, float(steps))


def unrolled(x: tv.Tensor, y: tv.Tensor) -> None:
    total = tv.zeros(16, tv.f32)
    for block, factor in ((0, 1.0), (16, SCALE)):
        total += x.load(block, 16) * factor
    for i in tv.static_range(2):
        y.store(BLOCKS[i], total)


def promotion(x: tv.Tensor, p: tv.Pointer, n: tv.Tile, u: tv.Tile, s: tv.Tile) -> None:
    i = tv.arange(16)
    a = (i + n) / 3
    b = i * 2.5 + s
    c = (i & 1) == 0
    d = (u.to(tv.i64) + n) << 2
    e = tv.where(c, a, -b) ** 3
    p.store(i + d, e, mask=c & (i < n))
    p.store(i, p.load(i, mask=i < 8, other=1.0) % 2 // 1)
    x.store(min(n, 4), max(s, 1.0, 2.0))  # type: ignore[call-overload]


def shapes(a: tv.Tensor, c: tv.Tensor, x: tv.Tensor) -> None:
    t = a.load((0, 0), (8, 16))
    row, column = x.load(0, 16), x.load(0, 8)
    t = t + row + column[:, None]
    u = t.T.reshape(2, -1).permute(1, 0)[None, ..., None].reshape((8, 16))
    v = tv.broadcast(tv.expand(row, 0), (8, 16)) - u.max() + tv.sum(u, axis=(0, 1), keepdims=True)
    c.store((tv.cdiv(a.shape[0], 8), len(t)), v.to(tv.f16))


def gathering(a: tv.Tensor, x: tv.Tensor, n: tv.Tile) -> None:
    i = tv.arange(2, 10)
    t = a.gather((i[:, None], i % 4), mask=i < n, other=-1)
    x.scatter(i, t.sum(1).to(tv.f32))
    x.scatter(n, 1.0, mask=n > 0)


def closure(block: int, dtype: tv.DType, combine: Any) -> Any:
    """A kernel made by a function, over its variables."""

    def kernel(x: tv.Tensor, y: tv.Tensor) -> None:
        y.store(0, combine(x.load(0, block), tv.full(block, 2, dtype)))

    return kernel


@tv.function
def product(a: tv.Tile, b: tv.Tile) -> tv.Tile:
    return a * b
