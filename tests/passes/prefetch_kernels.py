"""Kernels whose loops have loads that are begun a trip ahead, and loops whose loads must stay.

Extents that nothing divides keep threads from copying on their own, so the pass ``stage`` leaves these loads.
"""

import tilevm as tv


@tv.kernel("x: u8[N], y: i32[64], n: i32")
def sums(x: tv.Tensor, y: tv.Tensor, n: int, B: tv.constexpr = 64) -> None:
    """The tensor may end before the loop, with it, or behind it; n may be less than one."""
    acc = tv.zeros((64,), tv.i32)
    for k in tv.range(0, n, B, num_stages=2):
        acc = acc + x.load(k, 64).to(tv.i32)
    y.store(0, acc)


@tv.kernel("x: u8[N], y: i32[64], n: i32")
def rows(x: tv.Tensor, y: tv.Tensor, n: int) -> None:
    """Trips that are known to come, of an index that begins below the tensor."""
    acc = tv.zeros((64,), tv.i32)
    for k in tv.range(-64, 192, 64, num_stages=3):
        acc = acc + x.load(k, 64).to(tv.i32) * n
    y.store(0, acc)


@tv.kernel("x: u8[H, N%64], y: i32[H, N], n: i32", grid=lambda N, **_: (tv.cdiv(N, 64),))
def inside(x: tv.Tensor, y: tv.Tensor, n: int) -> None:
    """Rows up to the tensor's edge, columns that lie inside whatever the row is."""
    column = tv.program_id(0) * 64
    acc = tv.zeros((1, 64), tv.i32)
    for h in tv.range(0, x.shape[0], num_stages=2):
        acc = acc + x.load((h, column), (1, 64)).to(tv.i32) * n
    y.store((0, column), acc)


@tv.kernel("x: u8[N], y: i32[64], n: i32")
def filled(x: tv.Tensor, y: tv.Tensor, n: int) -> None:
    """Outside stands a number that the loop does not make."""
    acc = tv.zeros((64,), tv.i32)
    for k in tv.range(0, n, 64, num_stages=2):
        acc = acc + x.load(k, 64, other=7).to(tv.i32)
    y.store(0, acc)


@tv.kernel("x: u8[N], y: i32[64], n: i32")
def filled_anew(x: tv.Tensor, y: tv.Tensor, n: int) -> None:
    """Outside stands what the loop makes."""
    acc = tv.zeros((64,), tv.i32)
    for k in tv.range(0, n, 64, num_stages=2):
        acc = acc + x.load(k, 64, other=(k // 64 + 1).to(tv.u8)).to(tv.i32)
    y.store(0, acc)


@tv.kernel("x: u8[N], y: i32[64], n: i32")
def stored(x: tv.Tensor, y: tv.Tensor, n: int) -> None:
    """Each trip writes what a later one may load."""
    for k in tv.range(0, n, 64, num_stages=2):
        x.store(k + 64, x.load(k, 64) + 1)
    y.store(0, x.load(n, 64).to(tv.i32))


@tv.kernel("x: u8[N], y: i32[64], n: i32")
def stored_below(x: tv.Tensor, y: tv.Tensor, n: int) -> None:
    """The store stands in a loop inside the loop."""
    for k in tv.range(0, n, 64, num_stages=2):
        found = x.load(k, 64)
        for j in tv.range(0, 2):
            x.store(k + 64, found + j.to(tv.u8))
    y.store(0, x.load(n, 64).to(tv.i32))


@tv.kernel("x: u8[N], y: i32[64], n: i32")
def around(x: tv.Tensor, y: tv.Tensor, n: int) -> None:
    """What the loop reads is written before it and behind it."""
    x.store(0, x.load(0, 64) * 2)
    acc = tv.zeros((64,), tv.i32)
    for k in tv.range(0, n, 64, num_stages=2):
        acc = acc + x.load(k, 64).to(tv.i32)
    x.store(n, acc.to(tv.u8))
    y.store(0, acc)


@tv.kernel("x: u8[N], y: i32[64], n: i32")
def nested(x: tv.Tensor, y: tv.Tensor, n: int) -> None:
    """Both loops have loads of their own; the inner one may have no trips."""
    acc = tv.zeros((64,), tv.i32)
    for k in tv.range(0, n, 64, num_stages=2):
        acc = acc + x.load(k, 64).to(tv.i32)
        for j in tv.range(64, k, 64, num_stages=2):
            acc = acc + x.load(j + k, 64).to(tv.i32) * 3
    y.store(0, acc)


@tv.kernel("x: u8[N], y: i32[64], n: i32")
def kept(x: tv.Tensor, y: tv.Tensor, n: int) -> None:
    """What a trip loads is also carried into the next one, and out of the loop."""
    acc, before = tv.zeros((64,), tv.i32), tv.zeros((64,), tv.u8)
    for k in tv.range(0, n, 64, num_stages=2):
        found = x.load(k, 64)
        acc = acc + found.to(tv.i32) * 2 - before.to(tv.i32)
        before = found
    y.store(0, acc + before.to(tv.i32) * 100)


@tv.kernel("x: u8[N], y: i32[64], n: i32")
def chosen(x: tv.Tensor, y: tv.Tensor, n: int) -> None:
    """One load is used in an `if`, one stands in it."""
    acc = tv.zeros((64,), tv.i32)
    for k in tv.range(0, n, 64, num_stages=2):
        found = x.load(k, 64).to(tv.i32)
        if k % 128 == 0:
            acc = acc + found
        else:
            acc = acc + x.load(k + 1, 64).to(tv.i32) * 5
    y.store(0, acc)


@tv.kernel("x: u8[N], y: i32[64], n: i32")
def carried(x: tv.Tensor, y: tv.Tensor, n: int) -> None:
    """The place is carried from trip to trip: nobody foresees it."""
    acc, at = tv.zeros((64,), tv.i32), n - n
    for k in tv.range(0, n, 64, num_stages=2):
        acc = acc + x.load(at, 64).to(tv.i32)
        at = at + k
    y.store(0, acc)


@tv.kernel("x: u8[N], y: i32[64], n: i32")
def looked_up(x: tv.Tensor, y: tv.Tensor, n: int) -> None:
    """The place is loaded itself."""
    acc = tv.zeros((64,), tv.i32)
    for k in tv.range(0, n, 64, num_stages=2):
        acc = acc + x.load(x.gather(k % x.shape[0]).to(tv.i32), 64).to(tv.i32)
    y.store(0, acc)


@tv.kernel("x: u8[N], y: i32[64], n: i32")
def looked_up_twice(x: tv.Tensor, y: tv.Tensor, n: int) -> None:
    """The place of the place is loaded too, and the first trip knows nothing of the edge."""
    acc = tv.zeros((64,), tv.i32)
    for k in tv.range(0, n, 64, num_stages=2):
        place = x.gather(k, mask=k < x.shape[0]).to(tv.i32) % x.shape[0]
        acc = acc + x.load(x.gather(place).to(tv.i32) - 3, 64).to(tv.i32)
    y.store(0, acc)


@tv.kernel("x: u8[N], y: i32[64], n: i32")
def looked_up_or_not(x: tv.Tensor, y: tv.Tensor, n: int) -> None:
    """Where the place is looked up, a branch tells."""
    acc = tv.zeros((64,), tv.i32)
    for k in tv.range(0, n, 64, num_stages=3):
        place = k // 2
        if k % 128 == 0:
            if k < x.shape[0]:
                place = x.gather(k).to(tv.i32)
        else:
            place = place - x.gather(k % x.shape[0], mask=k % 3 == 0, other=7).to(tv.i32)
        acc = acc + x.load(place, 64).to(tv.i32)
    y.store(0, acc)


@tv.kernel("x: u8[N], y: i32[64], n: i32")
def looked_up_in_a_tile(x: tv.Tensor, y: tv.Tensor, n: int) -> None:
    """The place is made of a tile."""
    acc = tv.zeros((64,), tv.i32)
    for k in tv.range(0, n, 64, num_stages=2):
        acc = acc + x.load(x.load(k, 4).to(tv.i32).max(), 64).to(tv.i32)
    y.store(0, acc)


@tv.kernel("x: u8[N], y: i32[64], n: i32")
def endless(x: tv.Tensor, y: tv.Tensor, n: int) -> None:
    """A `while` knows no index, the loop inside it does."""
    acc, k = tv.zeros((64,), tv.i32), n - n
    while k < n:
        acc = acc + x.load(k, 64).to(tv.i32)
        for j in tv.range(0, k, 64, num_stages=2):
            acc = acc + x.load(j + k, 64).to(tv.i32) * 3
        k = k + 64
    y.store(0, acc)


@tv.kernel("x: u8[N], y: i32[64], n: i32")
def downwards(x: tv.Tensor, y: tv.Tensor, n: int) -> None:
    """The place goes down while the index goes up: the trip behind the last lies below the tensor."""
    acc = tv.zeros((64,), tv.i32)
    for k in tv.range(0, n, 64, num_stages=2):
        acc = acc + x.load(n - 64 - k, 64).to(tv.i32) * (k + 1)
    y.store(0, acc)


@tv.kernel("x: u8[N], y: i32[64], n: i32")
def unrolled(x: tv.Tensor, y: tv.Tensor, n: int) -> None:
    """Three trips in a row, and what is left of them; each begins the loads of the one behind it."""
    acc = tv.zeros((64,), tv.i32)
    for k in tv.range(0, n, 64, num_stages=2, unroll=3):
        acc = acc * 3 + x.load(k, 64).to(tv.i32) - x.load(k + 1, 64).to(tv.i32)
    y.store(0, acc)


@tv.kernel("x: u8[N], y: i32[64], n: i32")
def counted(x: tv.Tensor, y: tv.Tensor, n: int) -> None:
    """Each trip changes memory, be it by one instruction that others may run too."""
    for k in tv.range(0, n, 64, num_stages=2):
        y.atomic_add(tv.arange(64), x.load(k, 64).to(tv.i32))


@tv.kernel("x: f16[N], y: f32[8192], n: i32")
def many(x: tv.Tensor, y: tv.Tensor, n: int) -> None:
    """Words of a thread: 16, 32, 4 and 8. There is room for the first and the third alone."""
    acc, more = tv.zeros((4096,), tv.f32), tv.zeros((8192,), tv.f32)
    least, less = tv.zeros((1024,), tv.f32), tv.zeros((2048,), tv.f32)
    for k in tv.range(0, n, 8192, num_stages=2):
        acc = acc + x.load(k, 4096).to(tv.f32)
        more = more + x.load(k + 1, 8192).to(tv.f32)
        least = least + x.load(k + 3, 1024).to(tv.f32)
        less = less + x.load(k + 5, 2048).to(tv.f32)
    y.store(0, more)
    y.store(0, y.load(0, 4096) - acc)
    y.store(0, y.load(0, 1024) + least * 2)
    y.store(7, y.load(7, 2048) - less * 3)


@tv.kernel("x: u8[N], y: i32[64], n: i32")
def at_once(x: tv.Tensor, y: tv.Tensor, n: int) -> None:
    """A loop of one stage asks for nothing ahead."""
    acc = tv.zeros((64,), tv.i32)
    for k in tv.range(0, n, 64):
        acc = acc + x.load(k, 64).to(tv.i32)
    y.store(0, acc)


@tv.kernel("x: u8[N], y: i32[N], n: i32", grid=lambda N, **_: (tv.cdiv(N, 256),))
def in_place(x: tv.Tensor, y: tv.Tensor, n: int) -> None:
    """Each program sums up a part of a tensor and writes there: what it loads behind its part is its neighbour's."""
    first, acc = tv.program_id(0) * 256, tv.zeros((64,), tv.i32)
    for k in tv.range(first, first + 256, 64, num_stages=2):
        acc = acc + x.load(k, 64).to(tv.i32)
    for k in tv.range(first, first + 256, 64):
        x.store(k, (acc * n).to(tv.u8))


def summed(x: tv.Tensor, y: tv.Tensor, n: int) -> None:
    """Rows that begin anywhere."""
    acc = tv.zeros((2, 33), tv.f64)
    for h in tv.range(0, n, 2, num_stages=2):
        acc = acc * 2 + x.load((h, 0), (2, 33)).to(tv.f64)
    y.store((0, 0), acc)


of_type = tv.kernel("x: X[H, 33], y: f64[H, 33], n: i32")(summed)
of_codes = tv.kernel("x: X[H, 33] packed, y: f64[H, 33], n: i32")(summed)
