"""Kernels with loops whose loads may run ahead, and with loops whose loads may not."""

import tilevm as tv


@tv.kernel("a: f16[M%64, K%32], b: f16[K, N%64], c: f32[M, N]")
def product(
    a: tv.Tensor, b: tv.Tensor, c: tv.Tensor, BM: tv.constexpr, BN: tv.constexpr, BK: tv.constexpr, S: tv.constexpr
) -> None:
    m, n = tv.program_id(0) * BM, tv.program_id(1) * BN
    acc = tv.zeros((BM, BN), tv.f32)
    for k in tv.range(0, a.shape[1], BK, num_stages=S):
        acc = tv.dot(a.load((m, k), (BM, BK)), b.load((k, n), (BK, BN)), acc)
    c.store((m, n), acc)


@tv.kernel("a: f16[M%64, K%32], b: f16[N%64, K], c: f32[M, N]")
def turned(a: tv.Tensor, b: tv.Tensor, c: tv.Tensor, S: tv.constexpr) -> None:
    """b is transposed on its way."""
    acc = tv.zeros((64, 64), tv.f32)
    for k in tv.range(0, a.shape[1], 32, num_stages=S):
        acc = tv.dot(a.load((0, k), (64, 32)), b.load((0, k), (64, 32)).T, acc)
    c.store((0, 0), acc)


@tv.kernel("a: f32[8, K], b: f32[N, K], c: f32[8, N]")
def single(a: tv.Tensor, b: tv.Tensor, c: tv.Tensor, S: tv.constexpr) -> None:
    """Turned for the matrix unit, a is a single matrix in each trip."""
    acc = tv.zeros((8, 64), tv.f32)
    for k in tv.range(0, a.shape[1], 4, num_stages=S):
        acc = tv.dot(a.load((0, k), (8, 4)), b.load((0, k), (64, 4)).T, acc, precision="tf32")
    c.store((0, 0), acc)


@tv.kernel("a: f64[K, M%32], b: f64[K, N%8], c: f64[M, N]")
def doubles(a: tv.Tensor, b: tv.Tensor, c: tv.Tensor, S: tv.constexpr) -> None:
    """Elements that no copy of matrices moves."""
    acc = tv.zeros((32, 8), tv.f64)
    for k in tv.range(0, a.shape[0], 16, num_stages=S):
        acc = tv.dot(a.load((k, 0), (16, 32)).T, b.load((k, 0), (16, 8)), acc)
    c.store((0, 0), acc)


@tv.kernel("a: f32[M%64, K%32], b: f32[K, N%64], c: f32[M, N]")
def by_numbers(a: tv.Tensor, b: tv.Tensor, c: tv.Tensor, S: tv.constexpr) -> None:
    acc = tv.zeros((64, 64), tv.f32)
    for k in tv.range(0, a.shape[1], 32, num_stages=S):
        acc = tv.dot(a.load((0, k), (64, 32)), b.load((k, 0), (32, 64)), acc)
    c.store((0, 0), acc)


@tv.kernel("a: f32[M%16, K%32], b: f32[K, N%8], c: f32[M, N]")
def both_ways(a: tv.Tensor, b: tv.Tensor, c: tv.Tensor, S: tv.constexpr) -> None:
    """b is an operand of products number by number, and turned of one by the matrix unit."""
    acc = tv.zeros((16, 8), tv.f32)
    for k in tv.range(0, a.shape[1], 32, num_stages=S):
        rows = b.load((k, 0), (32, 8))
        part = tv.dot(a.load((0, k), (16, 32)), rows)
        acc = tv.dot(tv.dot(part, rows.T, precision="tf32"), rows, acc)
    c.store((0, 0), acc)


@tv.kernel("a: f16[M, K%8], b: f16[K%8, N%8], c: f32[M, N]")
def ragged(
    a: tv.Tensor, b: tv.Tensor, c: tv.Tensor, BM: tv.constexpr, BN: tv.constexpr, BK: tv.constexpr, S: tv.constexpr
) -> None:
    """Any extents that whole vectors fill."""
    m, n = tv.program_id(0) * BM, tv.program_id(1) * BN
    acc = tv.zeros((BM, BN), tv.f32)
    for k in tv.range(0, a.shape[1], BK, num_stages=S):
        acc = tv.dot(a.load((m, k), (BM, BK)), b.load((k, n), (BK, BN)), acc)
    c.store((m, n), acc)


@tv.kernel("x: f32[N%16], y: f32[N]")
def stores(x: tv.Tensor, y: tv.Tensor) -> None:
    """What the loop writes may be what it loads."""
    for k in tv.range(0, x.shape[0], 512, num_stages=3):
        y.store(k, x.load(k, 512) * 2)


@tv.kernel("x: f32[N%16], p: i32[P], y: f32[512]")
def follows(x: tv.Tensor, p: tv.Tensor, y: tv.Tensor, S: tv.constexpr) -> None:
    """The place of two loads is loaded itself."""
    acc = tv.zeros((512,), tv.f32)
    for k in tv.range(0, p.shape[0], 1, num_stages=S):
        place = p.gather(k) * 512
        acc = acc * 2.0 + x.load(place, 512) + x.load(place + 16, 512)
    y.store(0, acc)


@tv.kernel("x: f32[N%16], p: i32[P], y: f32[512]")
def follows_in_branches(x: tv.Tensor, p: tv.Tensor, y: tv.Tensor, S: tv.constexpr) -> None:
    """Where the place is loaded, a branch tells; the place of one load is that of the place of another."""
    acc = tv.zeros((512,), tv.f32)
    for k in tv.range(0, p.shape[0], 1, num_stages=S):
        place, next_place = k, 0
        if k % 2 == 0:
            place = p.gather(k)
            if place < p.shape[0]:
                next_place = p.gather(place)
        acc = acc * 2.0 + x.load(place * 512, 512) + x.load(next_place * 512 + k * 16, 512)
    y.store(0, acc)


@tv.kernel("x: f32[N%16], p: *i32, y: f32[512]")
def pointed(x: tv.Tensor, p: tv.Pointer, y: tv.Tensor) -> None:
    """A pointer knows no end, behind which nothing would be read."""
    acc = tv.zeros((512,), tv.f32)
    for k in tv.range(0, 3, 1, num_stages=3):
        acc = acc + x.load(p.load(k) * 512, 512)
    y.store(0, acc)


@tv.kernel("x: f32[N%16], y: f32[512]")
def filled(x: tv.Tensor, y: tv.Tensor) -> None:
    """Outside stands 1, and copies fill with 0."""
    acc = tv.zeros((512,), tv.f32)
    for k in tv.range(0, x.shape[0], 512, num_stages=3):
        acc = acc + x.load(k, 512, other=1.0)
    y.store(0, acc)


@tv.kernel("x: u8[N], y: i32[512]")
def narrow(x: tv.Tensor, y: tv.Tensor) -> None:
    """Threads would copy a byte at a time, as nothing divides the extent."""
    acc = tv.zeros((512,), tv.i32)
    for k in tv.range(0, x.shape[0], 512, num_stages=3):
        acc = acc + x.load(k, 512).to(tv.i32)
    y.store(0, acc)


@tv.kernel("x: f32[N%16], y: f32[512]")
def far(x: tv.Tensor, y: tv.Tensor) -> None:
    """Three steps ahead is an index that i32 does not hold."""
    acc = tv.zeros((512,), tv.f32)
    for k in tv.range(0, 2**31 - 1, 2**30, num_stages=4):
        acc = acc + x.load(k, 512)
    y.store(0, acc)


@tv.kernel("a: f16[M%64, K%32], b: f16[K, N%64], c: f32[M, N], most: f32[M]")
def taken_twice(a: tv.Tensor, b: tv.Tensor, c: tv.Tensor, most: tv.Tensor, S: tv.constexpr) -> None:
    """A product takes the rows, and a maximum does."""
    acc, largest = tv.zeros((64, 64), tv.f32), tv.full((64,), -1e30, tv.f32)
    for k in tv.range(0, a.shape[1], 32, num_stages=S):
        rows = a.load((0, k), (64, 32))
        acc = tv.dot(rows, b.load((k, 0), (32, 64)), acc)
        largest = tv.maximum(largest, rows.to(tv.f32).max(axis=1))
    c.store((0, 0), acc)
    most.store(0, largest)


@tv.kernel("a: f16[64, 32], b: f16[K%32, N%64], c: f32[M, N], most: f32[M]")
def made_once(a: tv.Tensor, b: tv.Tensor, c: tv.Tensor, most: tv.Tensor, S: tv.constexpr) -> None:
    """What the product takes is computed of what was loaded: it lies in registers alone."""
    acc, largest = tv.zeros((64, 64), tv.f32), tv.full((32,), -1e30, tv.f32)
    for k in tv.range(0, b.shape[0], 32, num_stages=S):
        columns = b.load((k, 0), (32, 64))
        acc = tv.dot(a.load((0, 0), (64, 32)), tv.exp(columns.to(tv.f32)).to(tv.f16), acc)
        largest = tv.maximum(largest, tv.exp(columns.to(tv.f32)).max(axis=1))
    c.store((0, 0), acc)
    most.store(0, largest)
