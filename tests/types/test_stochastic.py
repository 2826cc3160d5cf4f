"""Stochastic rounding: the draw decides exactly, on average it is right, and parts round as the whole."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, strategies as st

import tilevm as tv
from tests.types.reference import SMALL_NAMED, SPREAD, form, rounded
from tilevm.types import DType, philox


def draws(seed: int, first: int, count: int) -> np.ndarray:
    return philox.words(seed, np.uint64(first) + np.arange(count, dtype=np.uint64))


@given(seed=st.integers(0, 2**64 - 1), first=st.integers(0, 2**64 - 100), count=st.integers(0, 99))
def test_stretches_of_the_stream(seed: int, first: int, count: int) -> None:
    assert np.array_equal(philox.stretch(seed, first, count), draws(seed, first, count))


def test_the_stream_begins_with_the_known_block() -> None:
    assert philox.stretch(0, 0, 4).tolist() == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]  # of Random123


def test_kernels_draw_the_same() -> None:
    @tv.kernel
    def words(w: tv.Tensor, seed: tv.Tile) -> None:
        w.store((0,), tv.randint(seed, tv.arange(64)))

    w = np.zeros(64, np.uint32)
    words[1](w, 2**40 + 7)
    assert np.array_equal(w, philox.stretch(2**40 + 7, 0, 64))


@pytest.mark.parametrize("kind", [k for k in SPREAD if form(k).zero], ids=str)
def test_the_draw_decides(kind: DType) -> None:
    rng = np.random.default_rng(4)
    x = np.ldexp(rng.uniform(0.5, 1, 300), rng.integers(-14 - kind.bias, kind.bias + 3, 300))
    x[:3] = 0.0, 5e-324, float(kind.smallest_subnormal) * 2.0**-33
    words = draws(11, 5, 300)
    wanted = [
        min(rounded(Fraction(float(v)), form(kind), "stochastic", int(w)), kind.largest_code)
        for v, w in zip(x, words, strict=True)
    ]
    assert tv.encode(x, kind, "stochastic", seed=11, first=5).tolist() == wanted


@given(value=st.integers(0, 2**64 - 1), seed=st.integers(0, 2**64 - 1))
def test_the_draw_decides_for_large_integers(value: int, seed: int) -> None:
    draw = int(draws(seed, 0, 1)[0])
    for name in ("f16", "f32", "f64", "f9e8m0finite"):
        kind = tv.dtype(name)
        wanted = min(rounded(Fraction(value), form(kind), "stochastic", draw), kind.largest_code)
        assert int(tv.encode(value, kind, "stochastic", seed=seed)) == wanted


@given(value=st.floats(-1000, 1000), seed=st.integers(0, 1000), kind=st.sampled_from([tv.i8, tv.u8, tv.i32, tv.u3]))
def test_the_draw_decides_for_whole_numbers(value: float, seed: int, kind: DType) -> None:
    low = int(abs(Fraction(value)))
    up = Fraction(int(draws(seed, 0, 1)[0]), 2**32) < abs(Fraction(value)) - low
    number = (low + up) * (1 if value > 0 else -1)
    assert int(tv.decode(tv.encode(value, kind, "stochastic", seed=seed), kind)) == min(max(number, kind.min), kind.max)


@pytest.mark.parametrize("kind", [*SMALL_NAMED, tv.i8], ids=str)
def test_the_mean_is_right(kind: DType) -> None:
    count = 1 << 18
    for value in (1.3, 1.0 + 2.0**-12, 1.96875):
        numbers = tv.decode(tv.encode(np.full(count, value), kind, "stochastic", seed=3), kind)
        low, high = numbers.min(), numbers.max()
        if low == high:  # the number itself, or one so near that no draw went up
            assert abs(low - value) <= 2.0**-12
            continue
        part = (value - low) / (high - low)
        sigma = (high - low) * np.sqrt(part * (1 - part) / count)
        assert set(np.unique(numbers)) == {low, high} and low < value < high
        assert abs(numbers.mean() - value) < 4 * sigma


@pytest.mark.parametrize("kind", ["f8e4m3", "f4e2m1", "bf16", "i8", "f32"])
def test_parts_round_as_the_whole(kind: str) -> None:
    x = np.random.default_rng(5).standard_normal((41, 1001)) * 3
    whole = tv.encode(x, kind, "stochastic", seed=9)
    rows = [tv.encode(row, kind, "stochastic", seed=9, first=1001 * i) for i, row in enumerate(x)]
    assert np.array_equal(whole, np.stack(rows))
    assert np.array_equal(whole.ravel()[7:5000], tv.encode(x.ravel()[7:5000], kind, "stochastic", seed=9, first=7))
    assert not np.array_equal(whole, tv.encode(x, kind, "stochastic", seed=10))


@pytest.mark.parametrize("kind", ["f8e4m3", "f8e5m2", "f6e2m3", "f8e4m3fnuz"])
def test_beyond_the_largest(kind: str) -> None:
    of = tv.dtype(kind)
    below = float(tv.decode(of.largest_code - 1, of))
    between = np.full(4096, of.max + (of.max - below) / 4)
    found = tv.decode(tv.encode(between, of, "stochastic", saturate=False), of)
    other = np.inf if of.has_inf else np.nan if of.has_nan else of.max
    assert np.array_equal(np.unique(found), np.unique([of.max, other]), equal_nan=True)
    assert set(tv.decode(tv.encode(between, of, "stochastic"), of)) == {of.max}
