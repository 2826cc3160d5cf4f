"""Small numbers turned to wide ones many at a time: every code of every type, at any place in a row."""

from __future__ import annotations

import itertools

import ml_dtypes
import numpy as np
import pytest

import tilevm as tv
from tilevm.types import DType
from tilevm.types.codec import decode, pack, unpack

ROWS, COLUMNS = 9, 203


def splits() -> list[DType]:
    """Every integer of at most 8 bits, every signed float by its bare name, and some with other special codes."""
    found = [tv.dtype(f"{s}{n}") for n in range(1, 9) for s in "iu"]
    found += [tv.float_(e, m) for e, m in itertools.product(range(8), range(8)) if 1 <= e + m <= 7]
    names = ("f8e4m3ieee", "f8e5m2fnuz", "f8e4m3fnuz", "f6e2m3fn", "f8e5m2finite", "f8ue4m3", "f8ue5m3", "f8ue4m4")
    return [*found, *map(tv.dtype, names)]


@tv.kernel("x: T[M, N] packed, y: U[M, N]")
def widened(x: tv.Tensor, y: tv.Tensor, i: int, j: int, BM: tv.constexpr = 6, BN: tv.constexpr = 144) -> None:
    y.store((i, j), x.load((i, j), (BM, BN)).to(y.dtype))


@tv.kernel("x: T[M, N], y: U[M, N]")
def widened_bytes(x: tv.Tensor, y: tv.Tensor, i: int, j: int, BM: tv.constexpr = 6, BN: tv.constexpr = 144) -> None:
    y.store((i, j), x.load((i, j), (BM, BN)).to(y.dtype))


@pytest.mark.parametrize("dtype", splits(), ids=str)
def test_packed(dtype: DType) -> None:
    codes = np.random.default_rng(1).integers(0, 1 << dtype.bits, (ROWS, COLUMNS)).astype(np.uint8)
    buffer = pack(codes, dtype)
    x = tv.packed(buffer, dtype, codes.shape)
    numbers = decode(unpack(buffer, dtype, codes.size), dtype).reshape(codes.shape)
    for element in (np.float32, ml_dtypes.bfloat16):
        for i, j in ((0, 0), (1, 5), (3, 59), (4, 100)):
            y = np.full(codes.shape, 99, element)
            widened[1](x, y, i, j)
            expected = np.full(codes.shape, 99, element)
            box = slice(i, i + 6), slice(j, j + 144)
            with np.errstate(invalid="ignore"):  # NaN may be a signalling one
                expected[box] = numbers[box].astype(element)
            assert np.array_equal(y.astype(np.float64), expected.astype(np.float64), equal_nan=True), (element, i, j)


@pytest.mark.parametrize("name", ["float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "int8", "uint8"])
def test_bytes(name: str) -> None:
    element = np.dtype(getattr(ml_dtypes, name, name))
    x = (np.arange(ROWS * COLUMNS) * 7 % 256).astype(np.uint8).view(element).reshape(ROWS, COLUMNS)
    for target in (np.float32, ml_dtypes.bfloat16):
        y = np.zeros(x.shape, target)
        widened_bytes[1](x, y, 1, 3)
        box = slice(1, 7), slice(3, 147)
        assert np.array_equal(y[box].astype(np.float32), x[box].astype(np.float32), equal_nan=True)
        assert not y[0].any() and not y[:, :3].any() and not y[:, 147:].any()
