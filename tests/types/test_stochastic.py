"""Stochastic rounding: the draw decides exactly, on average it is right, and parts round as the whole."""

from __future__ import annotations

from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, strategies as st

import tilevm as tv
from tests.types.reference import SMALL_NAMED, SPREAD, form, rounded
from tilevm.types import DType, bf16, f16, f32, philox
from tilevm.types.codec.chances import computed, drawn, has_chances
from tilevm.types.codec.tables import WORTH
from tilevm.types.named import NAMED

BYTES = [tv.dtype(name) for name in ("i1", "i2", "u3", "u4", "i7", "i8", "u8")]  # integers that tables draw


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


def numbers() -> np.ndarray:
    """f32 of random bits, near the small formats more often, and those that tables do not tell apart."""
    rng = np.random.default_rng(7)
    words = rng.integers(0, 2**32, 1 << 16, dtype=np.uint32)
    words[::3] = (words[::3] & 0x87FFFFFF) + 0x38000000  # 2**-15 … 2**1
    words[1::5] &= 0xFFFF0003  # little below the upper half
    words[2::16] &= 0x807FFFFF  # subnormals
    words[:8] = 0, 0x80000000, 0x7F800000, 0xFF800000, 0x7F800001, 0xFFC00000, 1, 0x80000001
    return words.view(np.float32)


def deciding(x: np.ndarray) -> np.ndarray:
    """Draws of which many are the part of a number that some step leaves, or one less: there up and down meet."""
    rng = np.random.default_rng(8)
    words = (x.view(np.uint32) & 0x7FFFFF) | 0x800000
    draws = words << rng.integers(0, 20, x.size, dtype=np.uint32)
    draws -= rng.integers(0, 2, x.size, dtype=np.uint32)
    draws[::7] = rng.integers(0, 2**32, draws[::7].size, dtype=np.uint32)
    draws[3::8], draws[5::8] = 0, 2**32 - 1
    return draws


@pytest.mark.parametrize("kind", [*(k for k in SPREAD if k.mantissa_bits < 8), tv.bf16, *BYTES], ids=str)
def test_tables_draw_as_arithmetic(kind: DType) -> None:
    x = numbers()
    draws = deciding(x)
    with np.errstate(invalid="ignore"):
        for saturate in (True, False) if kind.is_float else (True,):
            assert has_chances(x, kind, saturate)
            wanted = computed(x, kind, saturate, draws)
            assert np.array_equal(drawn(x, kind, saturate, draws), wanted)
            assert not np.array_equal(wanted, computed(x, kind, saturate, draws + np.uint32(1))) or kind.bits == 1


@pytest.mark.parametrize("source", [f32, f16, bf16], ids=str)
@pytest.mark.parametrize("kind", ["f8e4m3", "f8e5m2fnuz", "f8e8m0", "f4e2m1", "bf16", "i8", "u8", "i16", "f16"])
def test_large_arrays_draw_as_small_ones(source: DType, kind: str) -> None:
    if source.name == kind:
        pytest.skip("taken bit by bit")
    x = numbers()
    if source != f32:
        x = (x.view(np.uint32) >> 16).astype(np.uint16).view(np.float16 if source == f16 else ml_dtypes.bfloat16)
    step = WORTH // 2
    for saturate in (True, False):
        parts = [tv.encode(x[i : i + step], kind, "stochastic", saturate, 2, i + 3) for i in range(0, x.size, step)]
        assert np.array_equal(tv.encode(x, kind, "stochastic", saturate, 2, 3), np.concatenate(parts))


def test_types_that_tables_cannot_draw() -> None:
    x = np.ones(WORTH, np.float32)
    assert all(has_chances(x, k, True) for k in NAMED.values() if k.bits <= 8 and not k.is_bool)
    assert not any(has_chances(x, k, True) for k in (f16, f32, tv.i9, tv.tf32))
    assert not has_chances(x, tv.i8, False) and not has_chances(x[:-1], tv.i8, True)
    assert not has_chances(x.astype(np.float64), tv.i8, True)
