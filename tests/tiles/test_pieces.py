"""Pieces of tiles, against numpy's indexing."""

import numpy as np
import pytest

import tilevm as tv
from tests.devices import on
from tests.tiles.cases import BOOL, DEVICES, NUMPY, data, run, same, some_lines, zeros

EVERY = NUMPY | BOOL
each_device = pytest.mark.parametrize("device", DEVICES)


@tv.kernel
def joined(
    x: tv.Tensor,
    y: tv.Tensor,
    j: tv.Tensor,
    s: tv.Tensor,
    AT: tv.constexpr,
    SHAPE: tv.constexpr,
    PAIR: tv.constexpr,
) -> None:
    """x and y side by side; then the pairs taken apart, and put together the other way round."""
    pairs = tv.join(x.load(AT[:-1], SHAPE), y.load(AT[:-1], SHAPE))
    j.store(AT, pairs)
    a, b = tv.split(pairs)
    c, d = tv.split(j.load(AT, PAIR))
    s.store(AT, tv.join(tv.where(a == c, b, a), tv.where(b == d, a, b)))


@tv.kernel
def behind(x: tv.Tensor, y: tv.Tensor, z: tv.Tensor, AT: tv.constexpr, SHAPE: tv.constexpr, AXIS: tv.constexpr) -> None:
    a = x.load(AT, SHAPE)
    z.store(AT, tv.cat((a, y.load(AT, SHAPE), a == a), axis=AXIS) if a.dtype == tv.bool_ else tv.cat((a, a), AXIS))


@each_device
@pytest.mark.parametrize("dtype", EVERY)
def test_join_and_split(dtype: str, device: str) -> None:
    for n, (shape, _) in enumerate(some_lines(dtype)):
        if len(shape) == 5:
            continue
        x, y = (data(EVERY[dtype], shape, n + k) for k in (0, 50))
        x[x != x] = y[y != y] = 3  # NaN is not equal to what it was
        pair = (*shape, 2)
        j, s = np.empty(pair, x.dtype), np.empty(pair, x.dtype)
        run(joined, x, y, j, s, AT=zeros(pair), SHAPE=shape, PAIR=pair, device=device)
        assert same(j, np.stack([x, y], -1)), shape
        assert same(s, np.stack([y, x], -1)), shape


@each_device
@pytest.mark.parametrize("dtype", EVERY)
def test_cat(dtype: str, device: str) -> None:
    for n, (shape, axis) in enumerate(some_lines(dtype)):
        x, y = (data(EVERY[dtype], shape, n + k) for k in (0, 50))
        parts = [x, y, x == x] if dtype == "bool" else [x, x]
        expected = np.concatenate(parts, axis)
        z = np.empty(expected.shape, x.dtype)
        run(behind, x, y, z, AT=zeros(shape), SHAPE=shape, AXIS=axis, device=device)
        assert same(z, expected), (shape, axis)


@tv.kernel
def parts(x: tv.Tensor, y: tv.Tensor, z: tv.Tensor) -> None:
    t = x.load((0, 0, 0), (5, 7, 19))
    y.store((0, 0), t[2, 1:-1])
    y.store((5, 0), (t + 1)[-1][3:5, 4:23])
    y.store((7, 0), t[1:3, -2, ...] * t[..., 5, :][0:2])
    y.store((9, 0), t[:, :, 3].T[None, 2:5, :2][0])
    z.store(0, t[0, 0, 0] + t[4, 6, 18] * t[:, 2, 2][1])
    row = t[0, 0]
    for k in range(3):
        row = row + t[1, 2] * k.to(tv.f32)
        z.store(1 + k, row[5:9].sum() + row[7])


@each_device
def test_indexing_is_numpys(device: str) -> None:
    x = np.arange(5 * 7 * 19, dtype=np.float32).reshape(5, 7, 19)
    y, z = np.full((12, 19), -1, np.float32), np.empty(4, np.float32)
    run(parts, x, y, z, device=device)
    expected = np.full((12, 19), -1, np.float32)
    expected[:5], expected[5:7, :15] = x[2, 1:-1], (x + 1)[-1][3:5, 4:]
    expected[7:9], expected[9:12, :2] = x[1:3, -2] * x[..., 5, :][0:2], x[:, :, 3].T[2:5, :2]
    assert same(y, expected)
    row = x[0, 0]
    sums = [x[0, 0, 0] + x[4, 6, 18] * x[1, 2, 2]]
    for k in range(3):
        row = row + x[1, 2] * k
        sums.append(row[5:9].sum() + row[7])
    assert z.tolist() == sums


@tv.kernel
def halves(x: tv.Tensor, w: tv.Tensor, y: tv.Tensor) -> None:
    """Rotary embedding: halves of a tile as operands of arithmetic and of a product."""
    t = x.load((0, 0), (16, 32))
    a, b = t[:, :16], t[:, 16:]
    turned = tv.cat((-b, a), axis=1)
    y.store((0, 0), tv.dot(turned, w.load((0, 0), (32, 24))) + tv.dot(t[:, 8:24], w.load((0, 0), (32, 24))[4:20]))


@each_device
def test_pieces_in_products(device: str) -> None:
    rng = np.random.default_rng(0)
    x, w = (rng.integers(-3, 4, s).astype(np.float32) for s in ((16, 32), (32, 24)))
    y = np.empty((16, 24), np.float32)
    run(halves, x, w, y, device=device)
    assert same(y, np.concatenate([-x[:, 16:], x[:, :16]], 1) @ w + x[:, 8:24] @ w[4:20])


@tv.kernel
def from_nothing(y: tv.Tensor, n: tv.Tile) -> None:
    y.store((0, 0), tv.arange(12).reshape(3, 4))
    y.store((3, 0), tv.full((3, 4), n, tv.i32)[:2])
    y.store((5, 0), tv.arange(9)[2:6][None])
    y.store((6, 0), tv.join(tv.join(1, n), 7).reshape(1, 4))


@each_device
def test_tiles_made_of_numbers_alone(device: str) -> None:
    y = np.empty((7, 4), np.int32)
    from_nothing[1](y, 5, **on(device))
    assert y.tolist() == [*np.arange(12).reshape(3, 4).tolist(), *[[5] * 4] * 2, [2, 3, 4, 5], [1, 7, 5, 7]]


@tv.kernel
def columns(x: tv.Tensor, y: tv.Tensor) -> None:
    """A column of a tall tile, in vectors that do not divide it."""
    y.store((0, 0), (x.load((0, 0), (5, 3001)) + 1).T)


@pytest.mark.parametrize("device", [d for d in DEVICES if d != "gfx942"])  # the tile exceeds its shared memory
def test_columns_end_with_the_tile(device: str) -> None:
    x = np.arange(5 * 3001, dtype=np.float32).reshape(5, 3001)
    y = np.empty((3001, 5), np.float32)
    run(columns, x, y, device=device)
    assert same(y, (x + 1).T)


@tv.kernel
def beside_its_source(x: tv.Tensor, y: tv.Tensor, z: tv.Tensor) -> None:
    """Tiles of one shape, of which one is made from rows of another."""
    t = x.load((0, 0), (4, 4)) * 2
    y.store((0, 0), t + tv.broadcast(t[3:4], (4, 4)))
    z.store((0, 0), (t + 1).reshape(16)[None, 0:4] - t.reshape(2, 8).T.reshape(4, 4))


@each_device
def test_a_part_is_read_after_its_source_is_made(device: str) -> None:
    x = np.arange(16, dtype=np.int32).reshape(4, 4)
    y, z = np.zeros_like(x), np.zeros_like(x)
    run(beside_its_source, x, y, z, device=device)
    t = x * 2
    assert same(y, t + t[3:4])
    assert same(z, (t + 1).reshape(16)[None, 0:4] - t.reshape(2, 8).T.reshape(4, 4))
