"""Small types in kernels: arrays of ml_dtypes, scalars, constants, arithmetic, sums and products."""

import operator
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import tilevm as tv
from tests.numbers.launch import DEVICES, random_bytes
from tilevm.frontend.promote import strong
from tilevm.types import DType, dtype, integer
from tilevm.types.foreign import ELEMENTS, FOREIGN

devices = pytest.mark.parametrize("device", DEVICES)
SMALL = [name for name in FOREIGN if name not in ELEMENTS]


@tv.kernel
def copy(x: tv.Tensor, y: tv.Tensor):
    y.store(0, x.load(0, 256))


def every_byte(name: str) -> np.ndarray:
    return np.arange(256, dtype=np.uint8).view(getattr(ml_dtypes, name))


@devices
@pytest.mark.parametrize("name", SMALL)
def test_bits_beside_an_element_are_passed_over(name: str, device: str) -> None:
    kind, y = FOREIGN[name], every_byte(name)[::-1].copy()
    copy[1](every_byte(name), y, device=device)
    codes = np.arange(256, dtype=np.uint8) & (2**kind.bits - 1)
    expected, stored = tv.decode(codes, kind), y.view(np.uint8)
    assert np.array_equal(y.astype(np.float64), expected.astype(np.float64), equal_nan=True)
    above = np.where(expected < 0, 255 >> kind.bits, 0) if kind.is_integer else 0
    assert (stored >> kind.bits == above).all(), "zeros above the code, or the sign"


@tv.kernel("s: T, y: T[1] packed")
def put(s: tv.Tensor, y: tv.Tensor):
    y.store(0, s)


@devices
@pytest.mark.parametrize(
    ("kind", "value"), [("u3", 5), ("i4", -8), ("i33", -(2**32)), ("f8e4m3", 1.05), ("f4e2m1", 5.1), ("f6e3m2", -0.1)]
)
def test_numbers_by_value(kind: str, value: float, device: str) -> None:
    y = tv.packed(bytearray(8), kind, 1)
    put[1](value, y, device=device)
    assert tv.unpack(y.buffer, kind, 1)[0] == tv.encode(value, kind)


def test_numbers_of_ml_dtypes_bring_their_type() -> None:
    y = tv.packed(bytearray(1), "i4", 1)
    put[1](ml_dtypes.int4(-3), y, device="vm")
    assert tv.decode(tv.unpack(y.buffer, "i4", 1), "i4")[0] == -3
    with pytest.raises(tv.TileError, match="T is i4 in y and u4 in s"):
        put[1](ml_dtypes.uint4(3), y, device="vm")


def test_integers_by_value_have_a_range() -> None:
    with pytest.raises(tv.TileError, match="s is 8, and u3 holds 0 to 7"):
        put[1](8, tv.packed(bytearray(1), "u3", 1), device="vm")


OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    **{name: getattr(operator, name) for name in ("add", "sub", "mul", "and_", "or_", "xor")},
    "floordiv": lambda a, b: a // b if b else 0,
    "mod": lambda a, b: a % b if b else a,
    "lt": operator.lt,
    "ge": operator.ge,
    "neg": lambda a, b: -a,
    "not": lambda a, b: ~a,
    "abs": lambda a, b: abs(a),
    "maximum": max,
    "minimum": min,
}


@tv.kernel
def integers(x: tv.Tensor, y: tv.Tensor, z: tv.Tensor, b: tv.Tensor, N: tv.constexpr):
    p, q = x.load(0, N), y.load(0, N)
    results = [p + q, p - q, p * q, p & q, p | q, p ^ q, p // q, p % q, -p, ~p, tv.abs(p)]
    results += [tv.maximum(p, q), tv.minimum(p, q), p << q, p >> q]
    for n in tv.static_range(len(results)):
        z.store((n, 0), results[n].reshape(1, N))
    b.store((0, 0), (p < q).reshape(1, N))
    b.store((1, 0), (p >= q).reshape(1, N))


ORDER = (
    *("add", "sub", "mul", "and_", "or_", "xor", "floordiv", "mod", "neg", "not", "abs", "maximum", "minimum"),
    *("shl", "shr"),
)


def shifted(name: str, a: int, b: int, kind: DType) -> int:
    """By what is read as unsigned, and by the width or more to nothing."""
    by = b & (2**kind.bits - 1)
    if by >= kind.bits:
        return 0 if name == "shl" or a >= 0 else -1
    return a << by if name == "shl" else a >> by


@devices
@pytest.mark.parametrize(
    "kind", [integer(n, s) for n in (1, 2, 3, 4, 5, 7, 12, 31, 33, 63) for s in (True, False)], ids=str
)
def test_integers_wrap_at_their_width(kind: DType, device: str) -> None:
    count = 64
    given = [tv.packed(random_bytes(n, 8 * count), kind, count) for n in (1, 2)]
    a, b = (tv.decode(tv.unpack(g.buffer, kind, count), kind).tolist() for g in given)
    a[:2] = [kind.min, kind.max]
    b[:2] = [-1 if kind.signed else kind.max, kind.min]
    given = [tv.packed(tv.pack(tv.encode(v, kind), kind), kind, count) for v in (a, b)]
    z, flags = tv.packed(bytearray(8 * count * 16), kind, (16, count)), np.zeros((2, count), bool)
    integers[1](*given, z, flags, count, device=device)
    found = tv.decode(tv.unpack(z.buffer, kind, 16 * count), kind).reshape(16, count)
    for n, name in enumerate(ORDER):
        wide = [
            OPERATORS[name](p, q) if name in OPERATORS else shifted(name, p, q, kind) for p, q in zip(a, b, strict=True)
        ]
        assert found[n].tolist() == [wrapped(v, kind) for v in wide], name
    assert flags.tolist() == [list(map(operator.lt, a, b)), list(map(operator.ge, a, b))]


def wrapped(value: int, kind: DType) -> int:
    value &= 2**kind.bits - 1
    return value - 2**kind.bits if kind.signed and value >> (kind.bits - 1) else value


@tv.kernel
def floats(x: tv.Tensor, y: tv.Tensor, z: tv.Tensor, N: tv.constexpr):
    p, q = x.load(0, N)[:, None], y.load(0, N)[None, :]
    z.store((0, 0), p + q)
    z.store((N, 0), p * q)
    z.store((2 * N, 0), p / q)
    z.store((3 * N, 0), tv.maximum(p, q))


FLOATS = ("f8e4m3", "f8e5m2", "f8e4m3fnuz", "f8e3m4", "f6e2m3", "f6e3m2", "f4e2m1", "f8ue5m3", "f5e2m2", "f8e4m3ieee")


@devices
@pytest.mark.parametrize("name", FLOATS)
def test_floats_round_once_at_their_width(name: str, device: str) -> None:
    kind = dtype(name)
    count = min(2**kind.bits, 128)
    codes = np.arange(0, 2**kind.bits, 2**kind.bits // count).astype(np.uint8)
    given = tv.packed(tv.pack(codes, kind), kind, count)
    z = tv.packed(bytearray(4 * count * count), kind, (4 * count, count))
    floats[1](given, given, z, count, device=device)
    found = tv.decode(tv.unpack(z.buffer, kind, 4 * count * count), kind).reshape(4, count, count)
    x = tv.decode(codes, kind)
    with np.errstate(all="ignore"):
        p, q = x[:, None], x[None, :]
        exact = np.stack([p + q, p * q, p / q, np.fmax(p, q)])
    expected = tv.decode(tv.encode(exact, kind, saturate=False), kind)
    assert np.array_equal(found, expected, equal_nan=True)


@devices
def test_sums_and_products(device: str) -> None:
    @tv.kernel
    def folded(x: tv.Tensor, y: tv.Tensor, s: tv.Tensor, r: tv.Tensor, a: tv.Tensor, b: tv.Tensor, c: tv.Tensor):
        whole = x.load((0, 0), (4, 8))
        y.store(0, tv.sum(whole, axis=1))
        s.store((0, 0), tv.dot(whole, whole.T))
        few = a.load((0, 0), (4, 8))
        b.store(0, tv.sum(few, axis=1))
        c.store(0, tv.max(few, axis=1))
        r.store((0, 0), tv.dot(few, few.T))

    rng = np.random.default_rng(0)
    whole, few = rng.integers(0, 16, (4, 8)), tv.decode(tv.encode(rng.standard_normal((4, 8)), "f8e4m3"), "f8e4m3")
    x, a = (tv.packed(tv.pack(tv.encode(v, k), k), k, (4, 8)) for v, k in ((whole, "u4"), (few, "f8e4m3")))
    y, b, c = (tv.packed(bytearray(4), k, 4) for k in ("u4", "f8e4m3", "f8e4m3"))
    s, r = np.zeros((4, 4), np.int32), np.zeros((4, 4), np.float32)
    folded[1](x, y, s, r, a, b, c, device=device)
    assert tv.unpack(y.buffer, "u4", 4).tolist() == (whole.sum(axis=1) % 16).tolist()
    assert (s == whole @ whole.T).all() and np.allclose(r, few @ few.T, rtol=1e-6)
    assert tv.unpack(b.buffer, "f8e4m3", 4).tolist() == tv.encode(few.sum(axis=1), "f8e4m3").tolist()
    assert tv.decode(tv.unpack(c.buffer, "f8e4m3", 4), "f8e4m3").tolist() == few.max(axis=1).tolist()


@devices
def test_constants(device: str) -> None:
    @tv.kernel
    def made(x: tv.Tensor, y: tv.Tensor):
        y.store(0, tv.full((4,), 0.3, tv.f4e2m1))
        y.store(4, tv.zeros((4,), tv.f4e2m1) + 1.5)
        x.store(0, tv.full((4,), 464.0, tv.f8e4m3).to(tv.f32))
        x.store(4, tv.zeros((4,), tv.f8e8m0).to(tv.f32))

    x, y = np.zeros(8, np.float32), tv.packed(bytearray(4), "f4e2m1", 8)
    made[1](x, y, device=device)
    assert tv.decode(tv.unpack(y.buffer, "f4e2m1", 8), "f4e2m1").tolist() == [0.5] * 4 + [1.5] * 4
    assert x.tolist() == [448.0] * 4 + [2.0**-127] * 4


MEETINGS = """
    u4 u4 u4, u3 u5 u5, u4 i4 -, u4 i5 i5, u4 i32 i32, i33 u32 i33, bool u1 -,
    f4e2m1 f6e2m3 f6e2m3, f6e2m3 f6e3m2 f32, f8e4m3 f8e5m2 f32, f8e4m3 f8e4m3fnuz f32, f4e2m1 f8e4m3 f8e4m3,
    f8e4m3 f16 f16, f8e5m2 f16 f16, f8e4m3 bf16 bf16, f8e8m0 bf16 bf16, f8e8m0 f16 f32, f8ue4m3 f8e4m3 f8e4m3,
    f16 bf16 f32, f16 tf32 tf32, tf32 f32 f32, f8e5m2 f8e5m2finite f32, f4e2m1 i32 f4e2m1, f8e4m3 u4 f8e4m3
"""


@pytest.mark.parametrize("meeting", [m.strip() for m in MEETINGS.split(",")])
def test_how_types_meet(meeting: str) -> None:
    a, b, *wanted = meeting.split()
    expected = None if wanted == ["-"] else dtype(wanted[0])
    assert strong(dtype(a), dtype(b)) == strong(dtype(b), dtype(a)) == expected
