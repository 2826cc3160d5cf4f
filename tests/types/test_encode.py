"""Encoding to floats against ml_dtypes, numpy, and codes found among sorted numbers."""

from __future__ import annotations

from fractions import Fraction
from functools import cache

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, strategies as st

import tilevm as tv
from tests.types.reference import SMALL, SMALL_NAMED, SPREAD, edges, encoded, form, rounded
from tilevm.types import DType, bf16, f16, f32, f64
from tilevm.types.codec.arrays import numpy_dtype
from tilevm.types.codec.tables import WORTH
from tilevm.types.foreign import ABROAD

PATTERNS = np.arange(1 << 16, dtype=np.uint16)
HALVES = {"f16": PATTERNS.view(np.float16), "bf16": PATTERNS.view(ml_dtypes.bfloat16)}
MODES = [(rounding, saturate) for rounding in ("nearest_even", "toward_zero") for saturate in (True, False)]
FLOATS = {"f16": np.float16, "f32": np.float32, "f64": np.float64}


def f64_of(x: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return x.astype(np.float64)


@cache
def random_words(size: int) -> np.ndarray:
    """f32 of random bits, and more of those that lie near the small formats, subnormals and ties among them."""
    words = np.random.default_rng(1).integers(0, 2**32, size, dtype=np.uint32)
    words[::4] &= 0xFFF00000  # few bits: numbers and ties
    words[1::8] = (words[1::8] & 0x83FFFFFF) + 0x3C000000  # 2**-7 … 2**1
    words[2::16] &= 0x807FFFFF  # subnormals
    words[:4] = 0x7F800000, 0xFF800000, 0x7FC00000, 0x80000000
    return words.view(np.float32)


def in_parts(x: np.ndarray, *args: object) -> np.ndarray:
    """Encoded in parts too small for a table."""
    step = WORTH // 2
    return np.concatenate([tv.encode(x[i : i + step], *args) for i in range(0, len(x), step)])


def agree(x: np.ndarray, kind: DType) -> None:
    """All ways to encode ``x`` give what the sorted numbers say."""
    for mode in MODES:
        wanted = encoded(f64_of(x), kind, *mode)
        assert np.array_equal(tv.encode(x, kind, *mode), wanted), mode


each_spread = pytest.mark.parametrize("kind", SPREAD, ids=str)


@each_spread
@pytest.mark.parametrize("source", HALVES)
def test_every_number_of_16_bits(kind: DType, source: str) -> None:
    if kind.name == source:
        pytest.skip("taken bit by bit")
    agree(HALVES[source], kind)


@pytest.mark.slow
@pytest.mark.parametrize("kind", SMALL, ids=str)
def test_every_number_of_16_bits_to_every_split(kind: DType) -> None:
    for source in HALVES.values():
        agree(source, kind)
    agree(random_words(1 << 20), kind)


@pytest.mark.parametrize("kind", [k for k in SMALL_NAMED if k in ABROAD] + [tv.dtype("f8e3m4")], ids=str)
def test_against_other_libraries(kind: DType) -> None:
    x = random_words(1 << 20)
    with np.errstate(all="ignore"):
        theirs = x.astype(numpy_dtype(ABROAD[kind]))
    theirs = theirs.view(np.uint16 if kind.bits == 16 else np.uint8)
    ours = tv.encode(x, kind, saturate=False)
    if (
        kind.name == "f8e8m0"
    ):  # ml_dtypes makes NaN of zero and negative numbers, rounds ties up, and f32's subnormals up
        mantissa = x.view(np.uint32) & 0x7FFFFF
        plain = (x >= 2.0**-126) & (mantissa != 0x400000)
    else:
        plain = ~np.isnan(x) | (kind.has_nan and kind != f16)  # numpy keeps what a NaN carries
    assert plain.any() and np.array_equal(ours[plain], theirs[plain])


@pytest.mark.parametrize("kind", SMALL_NAMED, ids=str)
def test_random_words(kind: DType) -> None:
    x = random_words(1 << 20)
    for mode in MODES:
        whole = tv.encode(x, kind, *mode)
        assert np.array_equal(whole, in_parts(x, kind, *mode)), mode
        part = slice(None, None, 7)
        assert np.array_equal(whole[part], encoded(f64_of(x[part]), kind, *mode)), mode


@each_spread
def test_edges(kind: DType) -> None:
    x = edges(kind)
    agree(x, kind)
    with np.errstate(all="ignore"):
        short = x.astype(np.float32)
    agree(short, kind)
    if len(short) < WORTH:
        agree(np.tile(short, WORTH // len(short) + 1), kind)


@pytest.mark.parametrize("kind", [f16, f32], ids=str)
def test_f64_to_native_floats(kind: DType) -> None:
    rng = np.random.default_rng(2)
    x = np.ldexp(rng.uniform(-2, 2, 1 << 18), rng.integers(-160, 140, 1 << 18))
    x[:6] = 0.0, -0.0, np.inf, -np.inf, 5e-324, 1e308
    theirs = FLOATS[kind.name]
    with np.errstate(all="ignore"):
        nearest = x.astype(theirs)
        down = np.where(np.abs(nearest) > np.abs(x), np.nextafter(nearest, theirs(0)), nearest)
    word = np.uint16 if kind is f16 else np.uint32
    assert np.array_equal(tv.encode(x, kind, saturate=False), nearest.view(word))
    assert np.array_equal(tv.encode(x, kind, "toward_zero", saturate=False), down.view(word))
    top = np.clip(nearest, -kind.max, kind.max).astype(theirs)
    assert np.array_equal(tv.encode(x, kind), top.view(word))


def test_f32_to_f64_and_tf32() -> None:
    x = random_words(1 << 16)
    x = np.where(np.isnan(x), np.float32(np.nan), x)
    assert np.array_equal(tv.encode(x, f64, saturate=False), f64_of(x).view(np.uint64))
    for mode in MODES:  # tf32 lies as f32 does, its low 13 bits unused
        assert np.array_equal(tv.encode(x, tv.tf32, *mode), encoded(f64_of(x), tv.tf32, *mode) << 13), mode


@pytest.mark.parametrize("rounding", ["nearest_even", "toward_zero"])
@given(
    value=st.integers(-(2**63), 2**64 - 1) | st.builds(lambda n, k: n << k, st.integers(0, 2**12), st.integers(0, 52))
)
def test_integers_are_rounded_once(rounding: str, value: int) -> None:
    for name in ("f16", "bf16", "f32", "f64", "f8e4m3ieee", "f10e8m1"):
        kind = tv.dtype(name)
        wanted = min(rounded(Fraction(abs(value)), form(kind), rounding), kind.largest_code)
        wanted |= (value < 0) << (kind.bits - 1)
        assert int(tv.encode(value, kind, rounding)) == wanted


@given(
    value=st.floats(allow_nan=False, allow_infinity=False), kind=st.sampled_from([k for k in SPREAD if form(k).zero])
)
def test_one_number(value: float, kind: DType) -> None:
    for rounding in ("nearest_even", "toward_zero"):
        code = min(rounded(Fraction(abs(value)), form(kind), rounding), kind.largest_code)
        if not kind.signed:
            code = 0 if np.signbit(value) else code
        elif np.signbit(value) and not (kind.specials.value == "fnuz" and code == 0):
            code |= 1 << (kind.exponent_bits + kind.mantissa_bits)
        assert int(tv.encode(value, kind, rounding)) == code


def test_rules_in_words() -> None:
    assert tv.encode([464, 465], "f8e4m3", saturate=False).tolist() == [0x7E, 0x7F]  # the tie goes to 448
    assert tv.encode([247, 248], "f8e4m3fnuz", saturate=False).tolist() == [0x7F, 0x80]  # the tie goes beyond
    assert tv.encode([np.inf, 1e6, -np.inf], "f8e5m2").tolist() == [0x7B, 0x7B, 0xFB]
    assert tv.encode([np.inf, 1e6, -np.inf], "f8e5m2", saturate=False).tolist() == [0x7C, 0x7C, 0xFC]
    assert tv.encode([np.inf, 1e6], "f8e5m2", "toward_zero", saturate=False).tolist() == [0x7C, 0x7B]
    assert tv.encode([np.inf, 1e6, -1e6], "f4e2m1", saturate=False).tolist() == [7, 7, 15]
    assert tv.encode([np.nan, -np.nan], "f6e2m3").tolist() == [0, 0]
    assert tv.encode([np.nan, -np.nan], "f8e5m2").tolist() == [0x7E, 0xFE]
    assert tv.encode([np.inf, -0.0, -1e-9], "f8e4m3fnuz").tolist() == [0x7F, 0, 0]
    assert tv.encode([np.inf], "f8e4m3fnuz", saturate=False).tolist() == [0x80]
    assert tv.encode([0.0, -0.0, -3.0, np.nan, np.inf], "f8e8m0").tolist() == [0, 0, 0, 255, 254]
    assert tv.encode([-1.0, -np.inf, -0.0, 1.0], "f8ue4m3", saturate=False).tolist() == [0, 0, 0, 0x38]
    assert tv.encode([1.5, 3.0, 6.0], "f8e8m0").tolist() == [128, 128, 130]  # ties to the even code
    assert tv.encode([0.0, -0.0, 0.5, np.nan, -3], "bool").tolist() == [0, 0, 1, 1, 1]


@pytest.mark.parametrize("name", [n for n in ABROAD.values() if n != "bool"])
def test_own_arrays_are_their_bits(name: str) -> None:
    theirs = numpy_dtype(name)
    [kind] = [kind for kind, n in ABROAD.items() if n == name]
    words = np.arange(256).astype(f"u{theirs.itemsize}")
    assert np.array_equal(tv.encode(words.view(theirs), kind), words & words.dtype.type(2**kind.bits - 1))


@pytest.mark.parametrize(
    "name", ["float8_e4m3fn", "float8_e4m3b11fnuz", "float6_e2m3fn", "float4_e2m1fn", "bfloat16", "int4", "uint2"]
)
def test_other_arrays_are_read_by_value(name: str) -> None:
    there = (
        np.arange(-1, 2).astype(numpy_dtype(name))
        if not name.startswith("u")
        else np.arange(3).astype(numpy_dtype(name))
    )
    for kind in ("f32", "f8e5m2", "i8", "f64"):
        numbers = there.astype(np.float32)
        assert np.array_equal(tv.decode(tv.encode(there, kind), kind), numbers)


@pytest.mark.parametrize("values", [1.5, [1.5], ((1, 2), (3, 4)), np.float32(2), True, np.ones((2, 0, 3)), [], 7])
def test_shapes(values: object) -> None:
    codes = tv.encode(values, "f16")
    assert isinstance(codes, np.ndarray) and codes.shape == np.shape(values) and codes.dtype == np.uint16
    assert np.array_equal(tv.decode(codes, "f16"), np.asarray(values, float))


def test_strides_and_byte_order() -> None:
    x = np.arange(24, dtype=np.float32).reshape(4, 6) - 7.5
    assert np.array_equal(tv.encode(x.T[::-1], bf16), tv.encode(x, bf16).T[::-1])
    assert np.array_equal(tv.encode(x.astype(">f4"), bf16), tv.encode(x, bf16))
    assert np.array_equal(tv.encode(x.astype(">f2"), f16), tv.encode(x, f16))
