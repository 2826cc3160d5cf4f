"""Conversions among number types of every width on the CPU, bit for bit as the codec has them."""

from __future__ import annotations

import numpy as np
import pytest

import tilevm as tv
from tests.cpu.launch import vector
from tilevm.backend import Array, place
from tilevm.driver import compile_func
from tilevm.text import read_func
from tilevm.types import DType
from tilevm.types.codec import decode, encode

NAMES = (
    *("f8e4m3", "f8e5m2", "f8e4m3fnuz", "f8e5m2fnuz", "f8e8m0", "f8ue4m3", "f8ue5m3", "f6e2m3", "f6e3m2", "f4e2m1"),
    *("f2e1m0", "f3e0m2", "f4e3m0", "f5e1m3", "f7e3m3", "f9e8m0", "f10e8m1ieee", "f12e5m6", "f8ue8m0finite"),
    *("f13e8m4fnuz", "f16e8m7finite", "f15e5m9", "f14ue5m9", "f8e4m3ieee", "f7ue6m1", "f11ue8m3"),
    *("f3e2m0fnuz", "f9e8m0fnuz"),  # codes are odd where the exponents of f32 are even
)
SMALL = [tv.dtype(name) for name in NAMES]
NATIVE = [tv.f16, tv.bf16, tv.tf32, tv.f32, tv.f64]
INTEGERS = [tv.dtype(name) for name in ("i1", "u1", "i3", "u4", "i8", "u13", "i24", "u32", "i33", "u63", "i64", "u64")]
ROUNDINGS = ("nearest_even", "toward_zero", "stochastic")
SEED = 7


def held(codes: np.ndarray, dtype: DType) -> Array:
    """Codes in memory as an argument of their type, which numpy may not have."""
    return Array(dtype, codes.ctypes.data, codes.shape, (1,), 0, codes.size, codes)


def cast(codes: np.ndarray, source: DType, to: DType, rounding: str = "natural", saturate: bool = False) -> np.ndarray:
    """Codes cast from one type to another; stochastic rounding draws the stream of SEED."""
    n, out = codes.size, np.zeros(codes.size, f"u{to.numpy_bytes}")
    draws = ", %w" if rounding == "stochastic" else ""
    text = f"""
    func @f(%x: {vector(source.name, n)}, %y: {vector(to.name, n)}) {{
      %0 = constant {{value = 0, of = i32}} : i32
      %seed = constant {{value = {SEED}, of = i32}} : i32
      %i = arange {{start = 0, size = {n}}} : i32[{n}]
      %w = philox %seed, %i : u32[{n}]
      %t = load %x, [%0] {{shape = [{n}]}} : {source}[{n}]
      %c = cast %t{draws} {{to = {to}, saturate = {str(saturate).lower()}, rounding = "{rounding}"}} : {to}[{n}]
      store %y, %c, [%0]
      yield []
    }}"""
    built = compile_func(read_func(text), place("cpu"))
    built.artifact.launch((1, 1, 1), [held(codes, source), held(out, to)])
    return out


def same(found: np.ndarray, expected: np.ndarray, dtype: DType, numbers: np.ndarray) -> None:
    """Equal codes; the sign of a NaN is nobody's concern."""
    wrong = found != expected
    if dtype.is_float:
        wrong &= ~(np.isnan(decode(found, dtype)) & np.isnan(decode(expected, dtype)))
    where = np.flatnonzero(wrong)
    told = [(numbers[k], found[k], expected[k]) for k in where[:5]]
    assert not where.size, f"{where.size} differ, among them (number, found, expected) {told}"


def words() -> np.ndarray:
    """f32: every bf16 and f16, random words, and the middles and neighbours of small floats."""
    every = np.arange(1 << 16, dtype=np.uint32)
    random = np.random.default_rng(1).integers(0, 1 << 32, 1 << 15, dtype=np.uint32)
    near = (every[: 1 << 12, None] * np.uint32(1 << 20) + np.array([1, 0xFFFFF, 0x80000, 0x7FFFF], np.uint32)).ravel()
    half = every.astype(np.uint16).view(np.float16).astype(np.float32)
    return np.concatenate(
        [(every << np.uint32(16)).view(np.float32), half, random.view(np.float32), near.view(np.float32)]
    )


@pytest.mark.parametrize("saturate", [False, True])
@pytest.mark.parametrize("source", SMALL, ids=str)
def test_every_code_is_decoded(source: DType, saturate: bool) -> None:
    codes = np.arange(1 << source.bits).astype(f"u{source.numpy_bytes}")
    numbers = decode(codes, source)
    if saturate:  # f64 takes f64 as it is
        numbers = np.clip(numbers, float(tv.f64.min), float(tv.f64.max))
    for to in NATIVE:
        with np.errstate(over="ignore"):
            same(cast(codes, source, to, saturate=saturate), encode(numbers, to, saturate=saturate), to, numbers)


@pytest.mark.parametrize("saturate", [False, True])
@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("to", [*SMALL, *NATIVE], ids=str)
def test_numbers_are_encoded(to: DType, rounding: str, saturate: bool) -> None:
    x = words()
    found = cast(x.view(np.uint32), tv.f32, to, rounding, saturate)
    if to == tv.f32:
        expected = x.view(np.uint32)  # nothing is converted
    else:
        expected = encode(x, to, rounding, saturate, seed=SEED)
    same(found, expected, to, x)


@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("to", [tv.f8e4m3, tv.f8e8m0, tv.f6e3m2, tv.dtype("f16e8m7finite"), tv.f16, tv.f32], ids=str)
def test_f64_is_rounded_once(to: DType, rounding: str) -> None:
    rng = np.random.default_rng(2)
    codes = rng.integers(0, to.largest_code, 1 << 13)
    middles = (decode(codes, to) + decode(codes + 1, to)) / 2
    x = np.concatenate([middles, np.nextafter(middles, 0), np.nextafter(middles, np.inf), rng.standard_normal(1000)])
    x = np.concatenate([x, -x, [np.inf, -np.inf, np.nan, 5e-324, 1e308]])
    found = cast(x.view(np.uint64), tv.f64, to, rounding)
    same(found, encode(x, to, rounding, saturate=False, seed=SEED), to, x)


@pytest.mark.parametrize("to", INTEGERS, ids=str)
def test_integers(to: DType) -> None:
    rng = np.random.default_rng(3)
    for source in INTEGERS:
        limit = (1 << source.bits) - 1
        codes = rng.integers(0, limit, 500, dtype=np.uint64, endpoint=True).astype(f"u{source.numpy_bytes}")
        numbers = decode(codes, source)
        lying = np.where(numbers < 0, numbers, numbers).astype(f"u{source.numpy_bytes}") if source.signed else codes
        for saturate in (False, True):
            found = cast(lying, source, to, saturate=saturate)
            mask = np.uint64((1 << to.bits) - 1)
            same(found.astype(np.uint64) & mask, encode(numbers, to, saturate=saturate).astype(np.uint64), to, numbers)
            assert np.array_equal(
                decode((found.astype(np.uint64) & mask).astype(found.dtype), to).astype(found.dtype), found
            )


@pytest.mark.parametrize("to", [*SMALL[:10], *NATIVE], ids=str)
def test_integers_to_floats(to: DType) -> None:
    rng = np.random.default_rng(4)
    for source in INTEGERS:
        codes = rng.integers(0, (1 << source.bits) - 1, 500, dtype=np.uint64, endpoint=True).astype(
            f"u{source.numpy_bytes}"
        )
        numbers = decode(codes, source)
        for saturate in (False, True):
            found = cast(codes, source, to, saturate=saturate)
            same(found, encode(numbers, to, saturate=saturate), to, numbers)


@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("to", INTEGERS, ids=str)
def test_floats_to_integers(to: DType, rounding: str) -> None:
    x = np.concatenate([words()[::7], (np.arange(-40, 40) / 4).astype(np.float32)])
    found = cast(x.view(np.uint32), tv.f32, to, rounding).astype(np.uint64) & np.uint64((1 << to.bits) - 1)
    same(found, encode(x, to, rounding, seed=SEED).astype(np.uint64), to, x)
