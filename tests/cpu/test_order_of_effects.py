"""Single elements are read and written in their place among stores of tiles."""

import numpy as np
import pytest

import tilevm as tv


@tv.kernel(grid=lambda **_: 1)
def read_after_store(x: tv.Tensor, y: tv.Tensor) -> None:
    x.store(0, tv.full((4,), 7.0, tv.f32))
    y.store(0, x.gather(0))


@tv.kernel(grid=lambda **_: 1)
def write_after_load(x: tv.Tensor, y: tv.Tensor) -> None:
    y.store(0, x.load(0, 4))
    x.scatter(1, 5.0)


@pytest.mark.parametrize("device", ["cpu", "vm"])
def test_an_element_is_read_after_the_store_before_it(device: str) -> None:
    x, y = np.zeros(4, np.float32), np.zeros(1, np.float32)
    read_after_store(x, y, device=device)
    assert y.tolist() == [7.0]


@pytest.mark.parametrize("device", ["cpu", "vm"])
def test_an_element_is_written_after_the_load_before_it(device: str) -> None:
    x, y = np.zeros(4, np.float32), np.ones(4, np.float32)
    write_after_load(x, y, device=device)
    assert y.tolist() == [0.0] * 4 and x.tolist() == [0.0, 5.0, 0.0, 0.0]


@tv.kernel(grid=lambda **_: 1)
def load_after_store(x: tv.Tensor, y: tv.Tensor) -> None:
    x.store(0, tv.arange(8))
    y.store(0, x.load(0, 8).reshape(2, 4).T.reshape(8))


@pytest.mark.parametrize("device", ["cpu", "vm"])
def test_a_tile_is_loaded_after_the_store_before_it(device: str) -> None:
    x, y = np.zeros(8, np.int32), np.zeros(8, np.int32)
    load_after_store(x, y, device=device)
    assert y.tolist() == [0, 4, 1, 5, 2, 6, 3, 7]


@tv.kernel(grid=lambda **_: 1)
def shifted_onto_itself(x: tv.Tensor) -> None:
    x.store(3, x.load(0, 40))


@tv.kernel(grid=lambda **_: 1)
def turned_in_place(x: tv.Tensor, y: tv.Tensor) -> None:
    y.store((0, 0), x.load((0, 0), (6, 6)).T)


@tv.kernel(grid=lambda **_: 1)
def overlapping_stores(x: tv.Tensor, y: tv.Tensor) -> None:
    a = y.load((0, 0), (6, 6))
    b = a + 100
    for _ in range(2):  # nothing stands between the two
        x.store((0, 3), a)
        x.store((2, 1), b)


@tv.kernel(grid=lambda **_: 1)
def product_of_what_was_overwritten(x: tv.Tensor, y: tv.Tensor) -> None:
    t = x.load((0, 0), (6, 6))
    x.store((1, 0), t * 0)
    y.store((0, 0), tv.dot(t, t.T))


@tv.kernel(grid=lambda **_: 1)
def sums_swapped_with_a_factor(x: tv.Tensor, y: tv.Tensor, n: int) -> None:
    t = x.load((0, 0), (6, 6))
    u, v = t + 1, t - 1
    for _ in range(n):
        u, v = v, tv.dot(v.T, t, u)
    y.store((0, 0), u)
    y.store((6, 0), v)


@tv.kernel(grid=lambda **_: 1)
def sums_begun_alike_in_each_trip(x: tv.Tensor, y: tv.Tensor, n: int) -> None:
    t = x.load((0, 0), (6, 6))
    start, total = tv.dot(t, t), t * 0
    for _ in range(n):
        total = total + tv.dot(t, t.T, start)
    y.store((0, 0), total)


@pytest.mark.parametrize("device", ["cpu", "vm"])
def test_a_tile_is_read_whole_before_it_is_stored(device: str) -> None:
    x = np.arange(43, dtype=np.int32)
    expected = np.concatenate([x[:3], x[:40]])
    shifted_onto_itself(x, device=device)
    assert np.array_equal(x, expected)
    square = np.arange(36, dtype=np.int32).reshape(6, 6)
    expected = square.T.copy()
    turned_in_place(square, square, device=device)
    assert np.array_equal(square, expected)


@pytest.mark.parametrize("device", ["cpu", "vm"])
def test_the_later_store_stays(device: str) -> None:
    x, y = np.zeros((9, 9), np.int32), np.arange(36, dtype=np.int32).reshape(6, 6)
    expected = x.copy()
    expected[0:6, 3:9], expected[2:8, 1:7] = y, y + 100
    overlapping_stores(x, y, device=device)
    assert np.array_equal(x, expected)


@pytest.mark.parametrize("device", ["cpu", "vm"])
def test_a_product_takes_what_was_loaded(device: str) -> None:
    x, y = np.arange(49, dtype=np.int32).reshape(7, 7), np.zeros((6, 6), np.int32)
    t = x[:6, :6].copy()
    product_of_what_was_overwritten(x, y, device=device)
    assert np.array_equal(y, t @ t.T)


@pytest.mark.parametrize("trips", [0, 1, 2, 3])
@pytest.mark.parametrize("device", ["cpu", "vm"])
def test_sums_share_memory_only_with_what_is_done(device: str, trips: int) -> None:
    t = np.random.default_rng(0).integers(-3, 4, (6, 6)).astype(np.int32)
    y = np.zeros((12, 6), np.int32)
    u, v = t + 1, t - 1
    for _ in range(trips):
        u, v = v, u + v.T @ t
    sums_swapped_with_a_factor(t, y, trips, device=device)
    assert np.array_equal(y, np.concatenate([u, v]))
    sums_begun_alike_in_each_trip(t, y, trips, device=device)
    assert np.array_equal(y[:6], trips * (t @ t.T + t @ t))
