"""Tiles whose last vector holds one element: nothing is written past the end."""

from typing import Any

import ml_dtypes
import numpy as np
import pytest

import tilevm as tv

PAIRS = [
    *((np.int32, np.int8), (np.int32, np.int16), (np.int64, np.int32), (np.float64, np.float32)),
    *((np.float32, ml_dtypes.bfloat16), (np.float32, np.float16), (np.float32, np.int8)),
]


@tv.kernel
def convert(x: tv.Tensor, y: tv.Tensor, N: tv.constexpr) -> None:
    y.store(0, (x.load(0, N) + 1).to(y.dtype))


@pytest.mark.parametrize(("source", "to"), PAIRS, ids=str)
def test_a_narrowing_store_ends_with_its_tile(source: Any, to: Any) -> None:
    for size in (1, 2, 3, 5, 7, 9, 15, 17, 31, 33, 49, 65):
        x, y = np.arange(80).astype(source), np.full(80, 7).astype(to)
        convert[1](x[:size], y[:size], N=size, device="cpu")
        assert y[:size].astype(int).tolist() == list(range(1, size + 1))
        assert y[size:].astype(int).tolist() == [7] * (80 - size)
