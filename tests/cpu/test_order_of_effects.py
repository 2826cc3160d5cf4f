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
