"""Encoding to integers of every width, from floats and from other integers."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, strategies as st

import tilevm as tv
from tilevm.types import DType, integer
from tilevm.types.codec.tables import WORTH

WIDTHS = [(bits, signed) for bits in range(1, 65) for signed in (True, False)]
KINDS = st.builds(integer, st.integers(1, 64), st.booleans())


def fitted(value: int, kind: DType, saturate: bool) -> int:
    """The code of a whole number."""
    if saturate:
        value = min(max(value, int(kind.min)), int(kind.max))
    return value % 2**kind.bits


def whole(value: float, rounding: str) -> int:
    exact = Fraction(value)
    return round(exact) if rounding == "nearest_even" else math.trunc(exact)


@given(
    value=st.floats(allow_nan=False, allow_infinity=False)
    | st.floats(-300, 300)
    | st.integers(-70, 70).map(lambda n: n / 4),
    kind=KINDS,
    saturate=st.booleans(),
)
def test_floats(value: float, kind: DType, saturate: bool) -> None:
    for rounding in ("nearest_even", "toward_zero"):
        wanted = fitted(whole(value, rounding), kind, saturate)
        assert int(tv.encode(value, kind, rounding, saturate)) == wanted
        short = float(np.float32(value)) if abs(value) < 1e38 else 0.0
        assert int(tv.encode(np.float32(short), kind, rounding, saturate)) == fitted(
            whole(short, rounding), kind, saturate
        )


@given(value=st.integers(-(2**63), 2**64 - 1), kind=KINDS, saturate=st.booleans())
def test_integers(value: int, kind: DType, saturate: bool) -> None:
    assert int(tv.encode(value, kind, saturate=saturate)) == fitted(value, kind, saturate)


@pytest.mark.parametrize(("bits", "signed"), WIDTHS)
def test_ends(bits: int, signed: bool) -> None:
    kind = integer(bits, signed)
    low, high = int(kind.min), int(kind.max)
    inside = [low, high, 0, *([low - 1] if low > -(2**63) else []), *([high + 1] if high < 2**63 - 1 else [])]
    for value in inside:
        assert int(tv.encode(value, kind)) == fitted(value, kind, True)
        assert int(tv.encode(value, kind, saturate=False)) == fitted(value, kind, False)
    specials = np.array([np.nan, np.inf, -np.inf, 1e30, -1e30])
    assert tv.encode(specials, kind).tolist() == [0, *([fitted(high, kind, True), fitted(low, kind, True)] * 2)]
    assert tv.encode(specials[:3], kind, saturate=False).tolist() == [
        0,
        fitted(high, kind, True),
        fitted(low, kind, True),
    ]


@pytest.mark.parametrize("name", ["i1", "i4", "u7", "i8", "u16", "i17", "i32", "u64"])
@pytest.mark.parametrize("source", [np.float16, np.float32, np.float64], ids=lambda t: t.__name__)
def test_long_arrays(name: str, source: type) -> None:
    """The ways for many elements give what the way for few gives."""
    rng = np.random.default_rng(3)
    x = (rng.standard_normal(2 * WORTH) * 2.0 ** rng.integers(-3, 12, 2 * WORTH)).astype(source)
    x[:5] = np.nan, np.inf, -np.inf, 0.5, 2.5
    for rounding in ("nearest_even", "toward_zero"):
        for saturate in (True, False):
            codes = tv.encode(x, name, rounding, saturate)
            kind = tv.dtype(name)
            wanted = [fitted(whole(float(v), rounding), kind, saturate) for v in x[3:700]]
            assert codes[3:700].tolist() == wanted
            pieces = [
                tv.encode(x[i : i + 999].astype(np.float64), name, rounding, saturate) for i in range(0, len(x), 999)
            ]
            assert np.array_equal(codes, np.concatenate(pieces))


def test_numpys_own_integers() -> None:
    x = np.arange(-200, 200)
    for source in (np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64):
        there = x.astype(source)
        for kind in (tv.i4, tv.u5, tv.i8, tv.u8, tv.i16, tv.u64):
            wanted = [fitted(int(v), kind, True) for v in there]
            assert tv.encode(there, kind).tolist() == wanted
    assert tv.encode(np.array([True, False]), "i1").tolist() == [0, 0]
    assert tv.encode(np.array([True, False]), "u3").tolist() == [1, 0]


def test_a_kernels_cast() -> None:
    """A float becomes an integer in kernels as toward zero does here."""

    @tv.kernel
    def cast(x: tv.Tensor, y: tv.Tensor) -> None:
        y.store((0,), x.load((0,), (16,)).to(y.dtype))

    x = np.array(
        [0.5, -0.5, 1.5, -1.5, 127.9, 128, -129, 1e9, -1e9, np.inf, -np.inf, np.nan, 2.5, -0.0, 3, -7], np.float32
    )
    for kind, held in ((tv.i8, np.int8), (tv.u8, np.uint8), (tv.i32, np.int32)):
        y = np.zeros(16, held)
        cast[1](x, y)
        assert np.array_equal(tv.decode(tv.encode(x, kind, "toward_zero"), kind), y)
