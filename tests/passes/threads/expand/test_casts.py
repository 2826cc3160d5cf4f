"""Conversions spelled out in integer arithmetic give the codes that the codec gives."""

from __future__ import annotations

from contextlib import suppress
from itertools import product

import numpy as np
import pytest

from tests.cpu.test_small import INTEGERS, NATIVE, ROUNDINGS, SMALL, same, words
from tests.passes.threads.expand.expanding import cast, expanded, names, run
from tilevm.source import TileError
from tilevm.target import target
from tilevm.types import DType, Specials, bf16, bool_, dtype, f8e4m3, f8e5m2, f16, f32, f64, float_, i32, philox, tf32
from tilevm.types.codec import decode, encode

SEED = 7
DRAWN = "stochastic"


def draws(rounding: str, count: int) -> np.ndarray | None:
    return philox.stretch(SEED, 0, count).astype(np.uint32) if rounding == DRAWN else None


@pytest.mark.parametrize("source", SMALL, ids=str)
def test_every_code_is_decoded(source: DType) -> None:
    codes = np.arange(1 << source.bits).astype(f"u{source.numpy_bytes}")[:: 1 if source.bits <= 8 else 7]
    numbers = decode(codes, source)
    for to in NATIVE:
        with np.errstate(over="ignore"):
            same(cast(codes, source, to), encode(numbers, to, saturate=False), to, numbers)


@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("to", [*SMALL, f16, bf16, tf32], ids=str)
def test_f32_is_encoded(to: DType, rounding: str) -> None:
    x = words()[::13]
    for saturate in (False, True):
        with np.errstate(all="ignore"):
            found = cast(x.view(np.uint32), f32, to, draws(rounding, x.size), saturate=saturate, rounding=rounding)
            same(found, encode(x, to, rounding, saturate, seed=SEED), to, x)


def splits(bits: int) -> list[DType]:
    """Every float of so many bits."""
    found = []
    for signed, exponent, specials in product((True, False), range(bits + 1), Specials):
        mantissa = bits - signed - exponent
        with suppress(TileError):  # some splits leave no code for their specials, or have too many bits of a kind
            found.append(float_(exponent, mantissa, signed, specials))
    return found


@pytest.mark.parametrize("bits", range(2, 9))
def test_every_split_is_decoded_and_encoded(bits: int) -> None:
    """Every code, and every middle of two neighbours."""
    found = splits(bits)
    assert len(found) > bits
    for kind in found:
        codes = np.arange(1 << bits).astype(np.uint8)
        numbers = decode(codes, kind)
        same(cast(codes, kind, f64), encode(numbers, f64, saturate=False), f64, numbers)
        plain = np.unique(numbers[np.isfinite(numbers)])
        x = np.concatenate([plain, (plain[1:] + plain[:-1]) / 2, plain * 1.1])
        same(cast(x.view(np.uint64), f64, kind), encode(x, kind, saturate=False), kind, x)


@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("to", [f8e4m3, dtype("f8e8m0"), dtype("f6e3m2"), dtype("f16e8m7finite"), f16, f32], ids=str)
def test_f64_is_rounded_once(to: DType, rounding: str) -> None:
    rng = np.random.default_rng(2)
    codes = rng.integers(0, to.largest_code, 1 << 11)
    middles = (decode(codes, to) + decode(codes + 1, to)) / 2
    x = np.concatenate([middles, np.nextafter(middles, 0), np.nextafter(middles, np.inf), rng.standard_normal(300)])
    x = np.concatenate([x, -x, [np.inf, -np.inf, np.nan, 5e-324, 1e308]])
    with np.errstate(all="ignore"):
        found = cast(x.view(np.uint64), f64, to, draws(rounding, x.size), rounding=rounding)
        same(found, encode(x, to, rounding, saturate=False, seed=SEED), to, x)


@pytest.mark.parametrize("source", SMALL[:14], ids=str)
def test_small_floats_become_each_other(source: DType) -> None:
    codes = np.arange(1 << source.bits).astype(f"u{source.numpy_bytes}")
    numbers = decode(codes, source)
    for to in SMALL[:14]:
        if to != source:
            found = cast(codes, source, to, saturate=True)
            same(found, encode(numbers, to), to, numbers)


@pytest.mark.parametrize("to", SMALL[:10], ids=str)
def test_integers_become_small_floats(to: DType) -> None:
    rng = np.random.default_rng(4)
    for source in INTEGERS:
        codes = rng.integers(0, (1 << source.bits) - 1, 300, np.uint64, endpoint=True).astype(f"u{source.numpy_bytes}")
        numbers = decode(codes, source)
        same(cast(codes, source, to), encode(numbers, to, saturate=False), to, numbers)


@pytest.mark.parametrize("source", [dtype("i64"), dtype("u64"), dtype("u63")], ids=str)
def test_long_integers_are_rounded_once(source: DType) -> None:
    """Beside the middle of two numbers by one, which f64 does not see."""
    to = dtype("f16e8m7finite")
    middles = [((1 << 8) + 2 * k + 1 << 54 - (k % 3)) + d for k in range(120) for d in (-1, 0, 1)]
    numbers = np.array([m for m in middles if m <= source.max], np.uint64)
    assert numbers.size > 100
    same(cast(numbers, source, to), encode(numbers, to, saturate=False), to, numbers)


@pytest.mark.parametrize("rounding", ["natural", "nearest_even", DRAWN])
@pytest.mark.parametrize("to", INTEGERS, ids=str)
def test_floats_become_integers(to: DType, rounding: str) -> None:
    """Those of few bits by way of what carries them; f32 where it draws."""
    x = np.concatenate([words()[::31], (np.arange(-40, 40) / 4).astype(np.float32)])
    small = encode(x, "f8e5m2", saturate=False)
    held = np.uint64((1 << to.bits) - 1)
    for source, codes in ((f8e5m2, small), (f32, x.view(np.uint32))):
        numbers = decode(codes, source)
        with np.errstate(all="ignore"):
            found = cast(codes, source, to, draws(rounding, codes.size), rounding=rounding).astype(np.uint64) & held
        wanted = encode(numbers, to, "toward_zero" if rounding == "natural" else rounding, seed=SEED)
        same(found, wanted.astype(np.uint64), to, numbers)


def test_small_floats_become_bools() -> None:
    codes = np.array([0x00, 0x80, 0x01, 0x7F, 0x38], np.uint8)
    func = expanded("%y = cast %x {to = bool} : bool[5]", "%x: f8e4m3[5]")
    assert run(func, decode(codes, f8e4m3)).tolist() == [False, False, True, True, True]


@pytest.mark.parametrize("to", [f32, f64], ids=str)
def test_infinity_saturates(to: DType) -> None:
    codes = np.array([0x7C, 0xFC, 0x7E, 0x3C], np.uint8)  # inf, -inf, NaN, 1
    found = decode(cast(codes, f8e5m2, to, saturate=True), to)
    assert np.array_equal(found, [float(to.max), -float(to.max), np.nan, 1.0], equal_nan=True)


def kept(line: str, params: str, machine: str) -> bool:
    """Whether a machine's cast stays as it is."""
    return names(expanded(line, params, target(machine))) == {"cast", "print", "yield"}


def test_a_number_by_itself_is_converted_too() -> None:
    func = expanded("%y = cast %x {to = f4e2m1, saturate = true} : f4e2m1", "%x: f32")
    assert run(func, np.float64(2.6)) == 3.0


@pytest.mark.parametrize(("machine", "has"), [("sm_80", False), ("sm_86", False), ("sm_89", True), ("sm_90a", True)])
def test_machines_with_8_bit_floats_keep_their_conversions(machine: str, has: bool) -> None:
    assert kept("%y = cast %x {to = f8e4m3, saturate = true} : f8e4m3[4]", "%x: f32[4]", machine) is has
    assert kept("%y = cast %x {to = f32} : f32[4]", "%x: f8e5m2[4]", machine) is has
    assert not kept("%y = cast %x {to = f8e4m3} : f8e4m3[4]", "%x: f32[4]", machine)  # inf would not be NaN
    assert not kept("%y = cast %x {to = f6e3m2, saturate = true} : f6e3m2[4]", "%x: f32[4]", machine)


@pytest.mark.parametrize("to", [f16, bf16, tf32, f64, i32, bool_, dtype("i5"), dtype("u24")], ids=str)
def test_wide_numbers_are_left_to_the_machine(to: DType) -> None:
    assert kept(f"%y = cast %x {{to = {to}}} : {to}[4]", "%x: f32[4]", "sm_80")


def test_the_same_type_is_nothing_to_do() -> None:
    func = expanded(f'%y = cast %x, %w {{to = f16, rounding = "{DRAWN}"}} : f16[4]', "%x: f16[4], %w: u32[4]")
    assert names(func) == {"print", "yield"}
