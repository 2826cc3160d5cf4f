"""Every code of every small float against ml_dtypes and against the definition, and of every integer."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, strategies as st

import tilevm as tv
from tests.types.reference import NAMED_FLOATS, SMALL, SMALL_NAMED, UNUSED, form
from tilevm.signature import parse
from tilevm.source import TileError
from tilevm.text import print_func, read_func
from tilevm.types import DType, float_
from tilevm.types.codec.arrays import code_dtype, numpy_dtype
from tilevm.types.foreign import ABROAD


def every_code(kind: DType) -> np.ndarray:
    return np.arange(1 << kind.bits, dtype=code_dtype(kind))


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """Equal numbers with equal signs, NaN anywhere in NaN's place."""
    signs = (np.signbit(a) == np.signbit(b)) | np.isnan(a)
    return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=True) and bool(signs.all())


def test_all_small_splits_are_there() -> None:
    names = [kind.name for kind in SMALL]
    assert len(set(names)) == len(names) == 236
    assert {"f2e1m0", "f2ue2m0", "f8e7m0", "f8ue0m8", "f8e4m3", "f8e4m3ieee", "f6e2m3fnuz", "f3e1m1fn"} <= set(names)


@pytest.mark.parametrize("kind", SMALL, ids=str)
def test_small_splits(kind: DType) -> None:
    codes, of = every_code(kind), form(kind)
    found = tv.decode(codes, kind)
    assert same(found, np.array([of.decoded(int(c)) for c in codes]))
    finite = found[np.isfinite(found)]
    assert (kind.min, kind.max, kind.bias) == (finite.min(), finite.max(), of.bias)
    assert kind.smallest_subnormal == finite[finite > 0].min()
    assert (kind.has_inf, kind.has_nan) == (np.isinf(found).any(), np.isnan(found).any())
    assert (
        tv.dtype(kind.name) == kind == float_(*(getattr(of, n) for n in ("exponent", "mantissa", "signed", "specials")))
    )


@pytest.mark.parametrize("kind", [*SMALL, *NAMED_FLOATS], ids=str)
def test_names_go_through_texts(kind: DType) -> None:
    signature = parse(f"x: {kind}[M, N], y: *{kind}, z: {kind}")
    assert parse(str(signature)) == signature and signature.params[0].dtype == kind
    text = f"func @k(%x: {kind}[4], %y: ptr<{kind}>) {{\n  yield []\n}}\n"
    assert print_func(read_func(text)) == text


@pytest.mark.parametrize("kind", sorted({*SMALL, *SMALL_NAMED} & set(ABROAD), key=str), ids=str)
def test_against_other_libraries(kind: DType) -> None:
    codes = every_code(kind)
    with np.errstate(all="ignore"):
        theirs = codes.view(numpy_dtype(ABROAD[kind])).astype(np.float64)
    assert same(tv.decode(codes, kind), theirs)


def test_scales() -> None:
    assert same(
        tv.decode(np.arange(128, dtype=np.uint8), "f8ue4m3"), tv.decode(np.arange(128, dtype=np.uint8), "f8e4m3")
    )
    assert same(tv.decode(np.arange(128, 256), "f8ue4m3"), tv.decode(np.arange(128), "f8ue4m3"))
    assert tv.decode([0, 126, 127, 128, 254], "f8e8m0").tolist() == [2.0**-127, 0.5, 1.0, 2.0, 2.0**127]
    assert np.isnan(tv.decode(255, "f8e8m0")) and np.isnan(tv.decode(0x7F, "f8ue4m3"))


def test_wide_floats() -> None:
    words = np.random.default_rng(0).integers(0, 2**32, 4096, dtype=np.uint32)
    words[:4] = 0, 0x80000000, 0x7F800000, 1
    numbers = words.view(np.float32)
    numbers = np.where(np.isnan(numbers), np.float32(np.nan), numbers)
    assert same(tv.decode(numbers.view(np.uint32), "f32"), numbers.astype(np.float64))
    kept = (numbers.view(np.uint32) & 0xFFFFE000).view(np.float32).astype(np.float64)
    assert same(tv.decode(numbers.view(np.uint32), "tf32"), kept)
    long = numbers.astype(np.float64)
    found = tv.decode(long.view(np.uint64), "f64")
    assert same(found, long) and not np.shares_memory(found, long)


@pytest.mark.parametrize("bits", range(1, 65))
@pytest.mark.parametrize("signed", [True, False], ids=["signed", "unsigned"])
def test_integers(bits: int, signed: bool) -> None:
    kind = tv.dtype(f"{'i' if signed else 'u'}{bits}")
    ends = [0, 1, 2 ** (bits - 1) - 1, 2 ** (bits - 1), 2**bits - 1]
    codes = [c for c in ends if 0 <= c < 2**bits]
    wanted = [c - 2**bits if signed and c >= 2 ** (bits - 1) else c for c in codes]
    found = tv.decode(np.array(codes, code_dtype(kind)), kind)
    assert found.tolist() == wanted
    assert found.dtype == (np.uint64 if kind.name == "u64" else np.int64)
    assert tv.encode(found, kind).tolist() == codes
    assert tv.encode(found, kind).dtype == code_dtype(kind)


def test_bool() -> None:
    found = tv.decode([[0, 1]], "bool")
    assert found.dtype == np.bool_ and found.tolist() == [[False, True]]


@pytest.mark.parametrize("kind", [*SMALL, *SMALL_NAMED], ids=str)
def test_codes_come_back(kind: DType) -> None:
    codes = every_code(kind)
    numbers = tv.decode(codes, kind)
    back = tv.encode(numbers, kind, saturate=False)
    unused = UNUSED.get(kind.name, 0)
    plain = ~np.isnan(numbers) if kind.specials.value == "ieee" else np.ones(len(codes), bool)
    assert np.array_equal(back[plain], (codes & ~np.uint8(unused) if unused else codes)[plain])
    assert np.isnan(tv.decode(back[~plain], kind)).all()
    finite = np.isfinite(numbers)
    for rounding in ("toward_zero", "stochastic"):
        assert np.array_equal(tv.encode(numbers, kind, rounding)[finite], back[finite])


@given(st.data())
def test_shapes_and_containers(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from([*NAMED_FLOATS, tv.u5, tv.i12, tv.bool_]))
    shape = tuple(data.draw(st.lists(st.integers(0, 3), max_size=3)))
    codes = np.zeros(shape, np.int64) + 1
    assert tv.decode(codes, kind).shape == shape
    assert np.array_equal(tv.decode(codes, kind), tv.decode(codes.astype(np.uint8), kind))
    assert np.array_equal(tv.decode(codes.T, kind), tv.decode(codes, kind).T)


@pytest.mark.parametrize(
    ("codes", "kind", "says"),
    [
        ([[3], [64]], "f6e2m3", "the code 64 at index 1, 0 is none of f6e2m3: those go from 0 to 63"),
        (-1, "u8", "the code -1 is none of u8"),
        (np.array([0, 2**63], np.uint64), "i63", "the code 9223372036854775808 at index 1 is none of i63"),
        (np.array([-1], np.int8), "u64", "the code -1 at index 0 is none of u64"),
        ([2], "bool", "those go from 0 to 1"),
        ([1.0], "f16", "codes are integers, not float64"),
        (np.zeros(2, ml_dtypes.bfloat16), "bf16", "codes are integers, not bfloat16"),
        (["a"], "f16", "no number type encodes arrays of str32"),
        ([1], "f33", "no number type is called 'f33'"),
    ],
)
def test_refused(codes: object, kind: str, says: str) -> None:
    with pytest.raises(TileError, match=says):
        tv.decode(codes, kind)
