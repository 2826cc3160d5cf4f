"""Numbers of a row that each of its elements takes: made once, in vectors, and kept."""

from __future__ import annotations

import numpy as np
import pytest

import tilevm as tv

ROWS, COLUMNS = 48, 32


@tv.kernel("x: f32[M, N], y: f32[M, N]")
def along_a_new_dimension(x: tv.Tensor, y: tv.Tensor) -> None:
    tile = x.load((0, 0), (ROWS, COLUMNS))
    y.store((0, 0), tile * (1.0 / tile.max(axis=1))[:, None])


@tv.kernel("x: f32[M, N], y: f32[M, N]")
def along_a_kept_dimension(x: tv.Tensor, y: tv.Tensor) -> None:
    tile = x.load((0, 0), (ROWS, COLUMNS))
    y.store((0, 0), tile * (1.0 / tile.max(axis=1, keepdims=True)))


@tv.kernel("x: f32[M, N], y: f32[M, N]")
def behind_two_dimensions(x: tv.Tensor, y: tv.Tensor) -> None:
    tile = x.load((0, 0), (ROWS, COLUMNS))
    factor = (1.0 / tile.max(axis=1)).reshape((1, ROWS, 1)).reshape((ROWS, 1))
    y.store((0, 0), tile * factor)


@pytest.mark.parametrize("kernel", [along_a_new_dimension, along_a_kept_dimension, behind_two_dimensions])
def test_quotients_of_rows_are_made_in_vectors(kernel: tv.Kernel) -> None:
    x = np.random.default_rng(0).uniform(1, 2, (ROWS, COLUMNS)).astype(np.float32)
    y = np.zeros_like(x)
    kernel[1](x, y)
    assert np.array_equal(y, x * (np.float32(1) / x.max(axis=1, keepdims=True)))
    divisions = [line for line in kernel.compile(x, y).stages["llvm"].splitlines() if "fdiv" in line]
    assert divisions and all("fdiv <" in line for line in divisions)
