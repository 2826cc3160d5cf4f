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


@tv.kernel
def sums_in_a_gap(x: tv.Tensor, k: tv.Tensor, y: tv.Tensor, z: tv.Tensor, N: tv.constexpr) -> None:
    f, g = x.load((0, 0), (5, N)), x.load((1, 0), (5, N))
    for _ in range(2):
        g = g + f[:1]  # what the slice becomes lies before g, and is not needed any more
    sums = k.load((0, 0), (5, N)).sum(axis=0)
    z.store((0, 0), k.load((1, 0), (5, N)) + sums[None, :])
    y.store((0, 0), g + f)


@pytest.mark.parametrize("kind", [np.float64, np.int64, np.uint64], ids=str)
def test_sums_begin_within_their_memory(kind: Any) -> None:
    for size in range(2, 50):
        x = np.arange(6 * size).reshape(6, size).astype(np.float16) % 11
        k = x.astype(kind)
        y, z = np.zeros_like(x[1:]), np.zeros_like(k[1:])
        sums_in_a_gap[1](x, k, y, z, N=size, device="cpu")
        assert np.array_equal(z, k[1:] + k[:5].sum(axis=0)), size
        assert np.array_equal(y, x[1:] + 2 * x[:1] + x[:5]), size
