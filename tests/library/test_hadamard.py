"""Hadamard transforms: against the matrix, orthogonal, and what they are for: outliers."""

import numpy as np
import pytest

import tilevm as tv
from tests.library.reference import DEVICES
from tilevm.library import quantise
from tilevm.library.hadamard import transformed
from tilevm.types import philox


def matrix(size: int, seed: int) -> np.ndarray:
    h = np.ones((1, 1))
    while len(h) < size:
        h = np.block([[h, h], [h, -h]])
    signs = np.where(philox.stretch(seed, 0, size) >> 31, -1.0, 1.0)
    return np.diag(signs) @ h / np.sqrt(size)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("size", [2, 16, 32, 64, 128, 256])
def test_the_matrix_and_its_inverse(size: int, device: str) -> None:
    x = np.random.default_rng(8).standard_normal((3, 5, 2 * size)).astype(np.float32)
    y = transformed(x, size, seed=7, device=device)
    exact = (x.reshape(-1, size).astype(float) @ matrix(size, 7)).reshape(x.shape)
    assert np.abs(y - exact).max() < 4e-6
    assert np.array_equal(y, transformed(x, size, seed=7)), "every device adds in the same order"
    assert np.abs(transformed(y, size, seed=7, inverse=True, device=device) - x).max() < 4e-6


def test_products_stay() -> None:
    rng = np.random.default_rng(9)
    x, w = (rng.standard_normal(s).astype(np.float32) for s in ((40, 512), (30, 512)))
    for size in (16, 256):
        found = transformed(x, size).astype(float) @ transformed(w, size).astype(float).T
        exact = x.astype(float) @ w.astype(float).T
        assert np.abs(found - exact).max() < 1e-5 * np.abs(exact).max()


def test_long_rows_go_in_pieces() -> None:
    x = np.random.default_rng(10).standard_normal((3, 2048 + 16)).astype(np.float16)
    assert np.abs(transformed(x) - (x.reshape(-1, 16).astype(float) @ matrix(16, 0)).reshape(x.shape)).max() < 4e-6
    assert transformed(np.zeros((0, 16), np.float32)).shape == (0, 16)


def test_fewer_numbers_beside_an_outlier_become_zero() -> None:
    """One of 16 is 30 times as large as the rest: MXFP4 then flushes most of them, and few once it is spread."""
    rng = np.random.default_rng(11)
    x = rng.standard_normal((2000, 32)).astype(np.float32)
    x[:, 3] *= 30
    lost = [np.mean(quantise.dequantise(quantise.mx(y, "f4e2m1")) == 0) for y in (x, transformed(x, 32))]
    assert lost[0] > 0.5 and lost[1] < 0.1


@pytest.mark.parametrize(("size", "extent"), [(12, 24), (16, 24), (1024, 2048), (16.0, 32), ("16", 32)])
def test_sizes_that_do_not_go(size: object, extent: int) -> None:
    with pytest.raises(tv.TileError, match=f"no Hadamard transform of size {size!r} goes along {extent} numbers"):
        transformed(np.zeros((2, extent), np.float32), size)


def test_no_array() -> None:
    with pytest.raises(tv.TileError, match="rows lie in arrays, not in this list"):
        transformed([1.0, 2.0])
