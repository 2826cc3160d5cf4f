"""Arithmetic on edge values against exact fractions and Python's integers."""

import math
import struct
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from tests.emulator.running import Array, each, kernel

RANDOM = np.random.default_rng(3)
TINY, HUGE = 2.0**-149, float(np.finfo(np.float32).max)
EDGES = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    1 + 2.0**-23,
    3.0,
    -0.1,
    TINY,
    -3 * TINY,
    2.0**-126,
    HUGE,
    -HUGE,
    math.inf,
    -math.inf,
    math.nan,
]
EDGES += [2.0**24 + 2, 16777217.0, 0.5, 1.5, 2.5, -2.5, 1e10, -1e19, 2.0**31, -(2.0**31), 65519.9, 2.0**-25]


def floats() -> Array:
    spread = RANDOM.standard_normal(40) * 2.0 ** RANDOM.integers(-40, 40, 40)
    return np.array([*EDGES, *spread], np.float32)


def pairs() -> tuple[Array, Array]:
    x = floats()
    a, b = np.meshgrid(x, x)
    chosen = RANDOM.permutation(a.size)[:1000]
    return a.ravel()[chosen].copy(), b.ravel()[chosen].copy()


def neighbours(exact: Fraction) -> tuple[float, float]:
    """The f32 numbers next below and next above a fraction, infinite beyond the largest."""
    if abs(exact) > Fraction(HUGE):
        return (HUGE, math.inf) if exact > 0 else (-math.inf, -HUGE)
    near = np.float32(float(exact))
    if Fraction(float(near)) == exact:
        return float(near), float(near)
    if Fraction(float(near)) > exact:
        return float(np.nextafter(near, np.float32(-np.inf))), float(near)
    return float(near), float(np.nextafter(near, np.float32(np.inf)))


def rounded(exact: Fraction, direction: str) -> float:
    """A fraction that is not 0 in f32, as IEEE 754 rounds it."""
    low, high = neighbours(exact)
    if direction == "rm":
        return low
    if direction == "rp":
        return high
    if direction == "rz":
        return low if exact > 0 else high
    if math.inf in (high, -low):
        edge = Fraction(HUGE) + Fraction(2) ** 103  # half a step above the largest
        return math.copysign(HUGE if abs(exact) < edge else math.inf, exact)
    below, above = exact - Fraction(low), Fraction(high) - exact
    even = low if struct.unpack("<I", struct.pack("<f", low))[0] % 2 == 0 else high
    return low if below < above else high if above < below else even


def agree(found: Array, exact: list[Fraction | None], direction: str) -> None:
    """Results equal the rounded fractions; None marks what is not finite or zero and is not compared here."""
    for got, value in zip(found.tolist(), exact, strict=True):
        if value is not None and value != 0:
            assert got == rounded(value, direction), (value, direction)


def exactly(function: Callable[..., Fraction], *operands: Array) -> list[Fraction | None]:
    rows = zip(*(o.tolist() for o in operands), strict=True)
    return [function(*map(Fraction, row)) if all(map(math.isfinite, row)) else None for row in rows]


@pytest.mark.parametrize("direction", ["rn", "rz", "rm", "rp"])
@pytest.mark.parametrize("name", ["add", "sub", "mul", "div"])
def test_two_operands_round_once(name: str, direction: str) -> None:
    a, b = pairs()
    if name == "div":
        a, b = a[(b != 0) & (np.abs(b) > 0)], b[(b != 0) & (np.abs(b) > 0)]
    operation = {"add": Fraction.__add__, "sub": Fraction.__sub__, "mul": Fraction.__mul__, "div": Fraction.__truediv__}
    found = each(f"{name}.{direction}.f32 {{d}}, {{a}}, {{b}};", np.float32, a, b)
    agree(found, exactly(operation[name], a, b), direction)
    with np.errstate(all="ignore"):
        plain = {"add": a + b, "sub": a - b, "mul": a * b, "div": a / b}[name]
    special = ~(np.isfinite(a) & np.isfinite(b))
    np.testing.assert_array_equal(found[special], plain[special])


@pytest.mark.parametrize("direction", ["rn", "rz", "rm", "rp"])
def test_fused_product_and_sum(direction: str) -> None:
    a, b = pairs()
    c = RANDOM.permutation(a)
    found = each(f"fma.{direction}.f32 {{d}}, {{a}}, {{b}}, {{c}};", np.float32, a, b, c)
    agree(found, exactly(lambda x, y, z: x * y + z, a, b, c), direction)


@pytest.mark.parametrize("direction", ["rn", "rz", "rm", "rp"])
def test_square_roots(direction: str) -> None:
    x = np.abs(floats()[np.isfinite(floats())])
    found = each(f"sqrt.{direction}.f32 {{d}}, {{a}};", np.float32, x)
    for got, value in zip(found.tolist(), x.tolist(), strict=True):
        low, high = neighbours(Fraction(math.isqrt(int(Fraction(value) * 4**200))) / 2**200)
        exact = Fraction(low) ** 2 == Fraction(value)
        assert got in ({"rz": [low], "rm": [low], "rp": [low if exact else high]}.get(direction) or [low, high])
        if direction == "rn":
            assert got == float(np.sqrt(np.float32(value)))


def test_the_column_of_intrinsics_that_nvcc_makes() -> None:
    x, y = pairs()
    x, y = x[:128], y[:128]
    z = RANDOM.permutation(x)
    out = np.zeros((128, 17), np.float32)
    kernel("nvcc_numbers", "rounded").launch(1, 128, [x, y, z, out, 128])
    for column, direction in enumerate(("rn", "rz", "rm", "rp")):
        agree(out[:, column], exactly(Fraction.__add__, x, y), direction)
        agree(out[:, 4 + column], exactly(Fraction.__mul__, x, y), direction)
        agree(out[:, 8 + column], exactly(lambda a, b, c: a * b + c, x, y, z), direction)
        quotients = [v if b else None for v, b in zip(exactly(lambda a, b: a / b if b else a, x, y), y, strict=True)]
        agree(out[:, 12 + column], quotients, direction)
    agree(out[:, 16], exactly(Fraction.__sub__, x, y), "rz")


def clamped(value: float, low: int, high: int, turn: Callable[[float], int]) -> int:
    if math.isnan(value):
        return 0
    return low if value <= low else high if value >= high else turn(value)


def test_conversions_that_nvcc_makes() -> None:
    x = floats()
    n = len(x)
    whole, naturals, longs = np.zeros((n, 4), np.int32), np.zeros(n, np.uint32), np.zeros(n, np.int64)
    halves, brains, back = np.zeros((n, 3), np.uint16), np.zeros((n, 2), np.uint16), np.zeros((n, 3), np.float32)
    kernel("nvcc_numbers", "converted").launch(1, 128, [x, whole, naturals, longs, halves, brains, back, n])
    turns = (round, math.trunc, math.floor, math.ceil)
    for i, v in enumerate(x.tolist()):
        assert whole[i].tolist() == [clamped(v, -(2**31), 2**31 - 1, turn) for turn in turns]
        assert naturals[i] == clamped(v, 0, 2**32 - 1, math.trunc)
        if not math.isnan(v):  # of NaN the machine gives the least number, as this conversion is made of others
            assert longs[i] == clamped(v, -(2**63), 2**63 - 1, round)
    number = ~np.isnan(x)
    brain: Any = ml_dtypes.bfloat16
    with np.errstate(over="ignore"):
        assert (halves[number, 0] == x[number].astype(np.float16).view(np.uint16)).all()
    assert (brains[number, 0] == x[number].astype(brain).view(np.uint16)).all()
    assert (brains[number, 1] == (x[number].view(np.uint32) >> 16)).all()
    upper = halves[number, 2].view(np.float16).astype(float)
    assert (upper >= x[number]).all()
    assert (np.abs(halves[number, 1].view(np.float16).astype(float)) <= np.abs(x[number])).all()
    assert (back[:, 1] == longs.astype(np.float32)).all()
    assert (np.abs(back[:, 0].astype(float)) <= np.abs(whole[:, 0].astype(float))).all()
    np.testing.assert_array_equal(back[:, 2], x)


def test_pairs_of_16_bits() -> None:
    x, y, z = (RANDOM.standard_normal((3, 64, 2)) * 8).astype(np.float16)
    x[:4, 0] = [np.inf, np.nan, -0.0, 65504]
    y[:4, 0] = [1, 2, 0.0, 65504]
    brain: Any = ml_dtypes.bfloat16
    u, v = (RANDOM.standard_normal((2, 64, 2)) * 8).astype(brain)
    out, made = np.zeros((64, 5, 2), np.float16), np.zeros((64, 3, 2), brain)
    kernel("nvcc_numbers", "packed").launch(1, 64, [x, y, z, out, u, v, made])
    a, b, c = (w.astype(float) for w in (x, y, z))
    with np.errstate(all="ignore"):
        wanted = [a + b, a * b, a * b + c, np.fmax(a, b), np.fmin(a, b)]
        np.testing.assert_array_equal(out, np.stack(wanted, 1).astype(np.float16))
    a, b = u.astype(float), v.astype(float)
    np.testing.assert_array_equal(made, np.stack([a * b + a, np.fmax(a, b), np.fmin(a, b)], 1).astype(brain))


def test_extremes_of_zeros_and_nan() -> None:
    a = np.array([0.0, -0.0, math.nan, 1.0, math.nan], np.float32)
    b = np.array([-0.0, 0.0, 1.0, math.nan, math.nan], np.float32)
    low, high = (each(f"{name}.f32 {{d}}, {{a}}, {{b}};", np.uint32, a, b) for name in ("min", "max"))
    assert low.tolist() == [0x80000000, 0x80000000, 0x3F800000, 0x3F800000, 0x7FFFFFFF]
    assert high.tolist() == [0, 0, 0x3F800000, 0x3F800000, 0x7FFFFFFF]
    assert np.isnan(each("max.NaN.f32 {d}, {a}, {b};", np.float32, a, b)[2:]).all()


def signed(value: int) -> int:
    return value - (1 << 32) if value >> 31 else value


def test_bit_work_that_nvcc_makes() -> None:
    x, y, z = RANDOM.integers(0, 1 << 32, (3, 64), np.uint32)
    x[:3], y[:2] = [0, 0xFFFFFFFF, 0x80000000], [0, 0xFFFFFFFF]
    out = np.zeros((64, 14), np.uint32)
    kernel("nvcc_numbers", "bit_work").launch(1, 64, [x, y, z, out])
    for a, b, c, found in zip(x.tolist(), y.tolist(), z.tolist(), out.tolist(), strict=True):
        octets = a.to_bytes(4, "little") + b.to_bytes(4, "little")
        both, amount, digits = b << 32 | a, c & 31, f"{a:032b}"
        more = min(c & 63, 32)
        parts = [(octets[i], c.to_bytes(4, "little")[i], octets[4 + i]) for i in range(4)]
        half = [(v - 256 if v > 127 else v, w - 256 if w > 127 else w) for v, _, w in parts]
        wanted = [
            sum(octets[c >> 4 * i & 7] << 8 * i for i in range(4)),
            both << amount >> 32,
            both >> amount,
            both << more >> 32,
            a.bit_count(),
            32 - a.bit_length(),
            int(digits[::-1], 2),
            a * b >> 32,
            signed(a) * signed(b) >> 32,
            sum(v * w for v, _, w in parts) + c,
            sum(v * w for v, w in half) + c,
            (a & b) ^ (~a & c),
            abs(a - b) + c,
            a // (b | 1) + a % (b | 1),
        ]
        assert found == [w & 0xFFFFFFFF for w in wanted]


def test_signed_bytes_of_prmt_and_fields() -> None:
    a = RANDOM.integers(0, 1 << 32, 64, np.uint32)
    spread = each("prmt.b32 {d}, {a}, 0, 0xBA98;", np.uint32, a)
    assert spread.tolist() == [sum(255 << 8 * i for i in range(4) if v >> 8 * i & 128) for v in a.tolist()]
    start, length = RANDOM.integers(0, 40, 64, np.uint32), RANDOM.integers(0, 40, 64, np.uint32)
    found = each("bfe.s32 {d}, {a}, {b}, {c};", np.uint32, a, start, length)
    for v, p, n, got in zip(a.tolist(), start.tolist(), length.tolist(), found.tolist(), strict=True):
        wide = (signed(v) >> p) & ((1 << n) - 1) if n else 0
        top = min(p + n - 1, 31)
        inside = max(0, min(n, 32 - p))
        field = v >> p & ((1 << inside) - 1)
        sign = v >> top & 1 if n else 0
        wanted = field | (((1 << 32) - 1) << inside if sign else 0)
        assert got == wanted & 0xFFFFFFFF, (v, p, n, wide)


def test_shifts_beyond_the_width() -> None:
    a = np.array([0x80000001] * 4, np.uint32)
    by = np.array([0, 31, 32, 1000], np.uint32)
    assert each("shl.b32 {d}, {a}, {b};", np.uint32, a, by).tolist() == [0x80000001, 0x80000000, 0, 0]
    assert each("shr.u32 {d}, {a}, {b};", np.uint32, a, by).tolist() == [0x80000001, 1, 0, 0]
    assert each("shr.s32 {d}, {a}, {b};", np.uint32, a, by).tolist() == [0x80000001, *[0xFFFFFFFF] * 3]


@pytest.mark.parametrize(("name", "function"), [("ex2", np.exp2), ("lg2", np.log2), ("sin", np.sin), ("tanh", np.tanh)])
def test_approximations_are_the_nearest(name: str, function: Callable[[Array], Array]) -> None:
    x = np.abs(RANDOM.standard_normal(100) * 10).astype(np.float32)
    found = each(f"{name}.approx.f32 {{d}}, {{a}};", np.float32, x)
    assert (found == function(x.astype(float)).astype(np.float32)).all()


def test_subnormals_are_flushed_where_asked() -> None:
    x = np.array([TINY, -TINY, 2.0**-126, 1.0], np.float32)
    one = np.ones(4, np.float32)
    found = each("mul.ftz.f32 {d}, {a}, {b};", np.uint32, x, one)
    assert found.tolist() == [0, 0x80000000, 0x00800000, 0x3F800000]
    assert each("mul.f32 {d}, {a}, {b};", np.float32, x, one).tolist() == x.tolist()


def test_tf32_halves_go_away_from_zero() -> None:
    x = np.array([1 + 2.0**-11, -1 - 2.0**-11, 1 + 2.0**-12], np.float32)
    found = each("cvt.rna.tf32.f32 {d}, {a};", np.float32, x)
    assert found.tolist() == [1 + 2.0**-10, -1 - 2.0**-10, 1.0]


@pytest.mark.parametrize("element", ["e4m3", "e5m2"])
def test_floats_of_8_bits(element: str) -> None:
    kind: Any = {"e4m3": ml_dtypes.float8_e4m3fn, "e5m2": ml_dtypes.float8_e5m2}[element]
    codes = np.arange(256, dtype=np.uint16)
    wide = each(f"cvt.rn.f16x2.{element}x2 {{d}}, {{a}};", np.uint32, codes)
    lower = (wide & 0xFFFF).astype(np.uint16).view(np.float16).astype(float)
    np.testing.assert_array_equal(lower, codes.astype(np.uint8).view(kind).astype(float))
    x = (RANDOM.standard_normal(200) * 2.0 ** RANDOM.integers(-20, 8, 200)).astype(np.float32)
    back = each(f"cvt.rn.satfinite.{element}x2.f32 {{d}}, {{a}}, {{b}};", np.uint16, x, -x)
    assert (back >> 8 == x.astype(kind).view(np.uint8)).all()
    assert (back & 255 == (-x).astype(kind).view(np.uint8)).all()


def test_doubles() -> None:
    x, y = RANDOM.standard_normal((2, 64)) * 2.0 ** RANDOM.integers(-60, 60, (2, 64))
    out = np.zeros((64, 5))
    kernel("nvcc_numbers", "doubles").launch(1, 64, [x, y, out])
    left = [float(Fraction(a) * Fraction(b) - Fraction(a * b)) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    np.testing.assert_array_equal(out, np.stack([x + y, x / y, np.sqrt(np.abs(x)), left, np.fmin(x, y)], 1))
