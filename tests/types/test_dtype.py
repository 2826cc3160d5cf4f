"""Number types against the tables of ml_dtypes and numpy, and the names that lead to them."""

import math
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, strategies as st

from tests.conftest import Golden
from tilevm.source import TileError
from tilevm.types import NAMED, DType, Kind, Specials, bf16, bool_, dtype, f8e4m3, f16, f32, f64, float_, integer, tf32
from tilevm.types.rounding import nearest_float, overflows

FLOATS: dict[str, Any] = {
    "f64": np.float64,
    "f32": np.float32,
    "f16": np.float16,
    "bf16": ml_dtypes.bfloat16,
    "f8e5m2": ml_dtypes.float8_e5m2,
    "f8e4m3": ml_dtypes.float8_e4m3fn,
    "f8e3m4": ml_dtypes.float8_e3m4,
    "f8e5m2fnuz": ml_dtypes.float8_e5m2fnuz,
    "f8e4m3fnuz": ml_dtypes.float8_e4m3fnuz,
    "f8e8m0": ml_dtypes.float8_e8m0fnu,
    "f6e2m3": ml_dtypes.float6_e2m3fn,
    "f6e3m2": ml_dtypes.float6_e3m2fn,
    "f4e2m1": ml_dtypes.float4_e2m1fn,
}
WRONG = (
    *("f33", "int32", "i0", "i65", "f16e5m9", "f8e04m3", "f08e4m3", "f32e20m11", "", "float", "F32", "bfloat16"),
    *(
        "e4m3",
        "f8m3e4",
        "f8e4n3",
        "bf61",
        "f8e5m2fnzu",
        "f5ue5m0ieee",
        "f7ue4m3fnuz",
        "f2e1m0fn",
        "fp8",
        "float8_e8m0fnu",
    ),
)


@pytest.mark.parametrize("name", FLOATS)
def test_float_facts(name: str) -> None:
    ours, theirs = dtype(name), ml_dtypes.finfo(FLOATS[name])
    assert ours.bits == theirs.bits
    assert ours.mantissa_bits == theirs.nmant
    assert ours.max == float(theirs.max)
    assert ours.min == float(theirs.min)
    assert ours.epsilon == float(theirs.eps)
    assert ours.smallest_normal == float(theirs.smallest_normal)
    assert ours.smallest_subnormal == float(theirs.smallest_subnormal)


@pytest.mark.parametrize("name", [n for n in FLOATS if dtype(n).bits == 8])
def test_specials_of_every_code(name: str) -> None:
    values = np.arange(256, dtype=np.uint8).view(FLOATS[name]).astype(np.float64)
    ours = dtype(name)
    assert ours.has_inf == bool(np.isinf(values).any())
    assert ours.has_nan == bool(np.isnan(values).any())
    finite = values[np.isfinite(values)]
    assert (ours.min, ours.max) == (finite.min(), finite.max())
    assert ours.smallest_subnormal == finite[finite > 0].min()


@pytest.mark.parametrize("bits", [8, 16, 32, 64])
def test_integers(bits: int) -> None:
    for signed, prefix in ((True, "int"), (False, "uint")):
        ours, theirs = integer(bits, signed), np.iinfo(f"{prefix}{bits}")
        assert (ours.min, ours.max) == (theirs.min, theirs.max)
        assert ours.kind is (Kind.SIGNED if signed else Kind.UNSIGNED)
        assert ours.is_integer and not ours.is_float and not ours.is_bool


def test_odd_types() -> None:
    assert (dtype("i1").min, dtype("i1").max) == (-1, 0)
    assert (bool_.min, bool_.max, bool_.is_integer) == (0, 1, False)
    assert (tf32.bits, tf32.mantissa_bits, tf32.numpy_bytes) == (32, 10, 4)
    assert (dtype("f8ue4m3").min, dtype("f8ue4m3").max) == (0, 448)
    assert not f32.is_integer and not f32.is_bool and f32.has_inf


@pytest.mark.parametrize(("name", "size"), [("i1", 1), ("f6e2m3", 1), ("i9", 2), ("f16", 2), ("u24", 4), ("i33", 8)])
def test_bytes_of_a_container(name: str, size: int) -> None:
    assert dtype(name).numpy_bytes == size


@pytest.mark.parametrize("kind", NAMED.values(), ids=str)
def test_names_lead_back(kind: DType) -> None:
    assert dtype(str(kind)) is kind
    assert repr(kind) == f"tilevm.{kind.name}"


@pytest.mark.parametrize(("name", "split"), [("f9e4m4", (4, 4)), ("f6e2m3", (2, 3)), ("f3e1m1", (1, 1))])
def test_split_names(name: str, split: tuple[int, int]) -> None:
    assert dtype(name) == float_(*split)
    assert dtype(name).name == name


def test_bare_names_and_suffixes() -> None:
    """A name means one type, and a type has one name."""
    assert float_(4, 3) == dtype("f8e4m3") == dtype("f8e4m3fn") and float_(4, 3).specials is Specials.NAN_ALL_ONES
    assert float_(4, 3, specials="ieee") == dtype("f8e4m3ieee") != dtype("f8e4m3")
    assert float_(4, 3, specials=Specials.NAN_NEGATIVE_ZERO) == dtype("f8e4m3fnuz")
    assert dtype("f8e4m3fnuz").bias == 8
    assert float_(8, 0, signed=False) == dtype("f8ue8m0") == dtype("f8e8m0")
    assert float_(5, 3, False) == dtype("f8ue5m3")
    assert float_(5, 10) == dtype("f16e5m10") == f16 and float_(8, 7) == dtype("f16e8m7") == bf16
    assert dtype("f8e5m2ieee").name == "f8e5m2" and dtype("f6e2m3finite").name == "f6e2m3"
    assert dtype(f16) is f16


def test_epsilon_is_the_step_above_one() -> None:
    assert [dtype(n).epsilon for n in ("f4e0m3", "f5e1m3", "f6e2m3", "f8e8m0")] == [0.25, 0.25, 0.125, 1]


def test_where_there_are_no_normals() -> None:
    kind = dtype("f8e1m6")  # half its codes are infinity and NaN
    assert kind.smallest_normal == kind.smallest_subnormal == 2.0**-5
    assert kind.max == 63 * 2.0**-5


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ((True, 3), "a float is split into whole bits, not True and 3"),
        (("4", 3), "a float is split into whole bits, not '4' and 3"),
        ((4, 3, True, "nan"), "a float's codes are not spent on 'nan'\nhelp: there are 'ieee', 'fn', 'fnuz', 'finite'"),
        ((4, 0, True, "ieee"), "f5e4m0ieee is impossible: infinity and NaN"),
        ((4, 3, False, "fnuz"), "f7ue4m3fnuz is impossible: NaN takes the code of -0, and it has no sign"),
        ((1, 0, True, "fn"), "f2e1m0fn is impossible: NaN would take every code but zero's"),
    ],
)
def test_refused_specials(given: tuple[Any, ...], says: str) -> None:
    with pytest.raises(TileError, match=says):
        float_(*given)


@pytest.mark.parametrize("given", [np.float16, np.dtype(np.float16), "torch.float16", 16])
def test_names_are_words(given: Any) -> None:
    with pytest.raises(TileError, match="f16"):
        dtype(given)


def test_bits_counted_by_numpy() -> None:
    assert str(float_(np.int64(4), np.int64(3))) == "f8e4m3"  # type: ignore[arg-type]


def test_unsigned_split() -> None:
    assert dtype("f7ue4m3") == float_(4, 3, signed=False)
    assert dtype("f7ue4m3").min == 0


def test_specials_by_size() -> None:
    assert float_(3, 4).specials is Specials.IEEE
    assert float_(3, 3).specials is Specials.NONE


def refusal(name: str) -> str:
    with pytest.raises(TileError) as caught:
        dtype(name)
    return str(caught.value)


def test_wrong_names(golden: Golden) -> None:
    golden("types/names.txt", "\n\n".join(f"{name!r}\n{refusal(name)}" for name in WRONG))


@pytest.mark.parametrize("split", [(9, 2), (2, 11), (0, 0), (-1, 4), (8, 8), (4, -1)])
def test_refused_splits(split: tuple[int, int]) -> None:
    with pytest.raises(TileError, match=f"no float has {split[0]} exponent and {split[1]} mantissa bits"):
        float_(*split)


@pytest.mark.parametrize("bits", [0, 65, -1])
def test_refused_integers(bits: int) -> None:
    with pytest.raises(TileError, match=f"an integer has 1 to 64 bits, not {bits}"):
        integer(bits, True)


ROUNDED = [(f16, np.float16), (bf16, ml_dtypes.bfloat16), (f32, np.float32)]
each_rounded = pytest.mark.parametrize(("ours", "theirs"), ROUNDED, ids=["f16", "bf16", "f32"])


def cast(value: float, kind: Any) -> float:
    """ml_dtypes rounds f64 to bf16 by way of f32, so that is for values of f32 alone."""
    with np.errstate(all="ignore"):
        return float(np.float64(value).astype(kind))


def same(a: float, b: float) -> bool:
    return (math.isnan(a) and math.isnan(b)) or (a == b and math.copysign(1, a) == math.copysign(1, b))


@each_rounded
@given(value=st.floats(width=32))
def test_rounding(ours: DType, theirs: Any, value: float) -> None:
    assert same(nearest_float(value, ours), cast(value, theirs))


@pytest.mark.parametrize(("ours", "theirs"), ROUNDED[::2], ids=["f16", "f32"])
@given(value=st.floats(allow_nan=False, allow_infinity=False), scale=st.integers(-160, 20))
def test_rounding_of_wide_numbers(ours: DType, theirs: Any, value: float, scale: int) -> None:
    value = math.ldexp(math.frexp(value)[0], scale)
    assert same(nearest_float(value, ours), cast(value, theirs))


@each_rounded
def test_rounding_at_the_edges(ours: DType, theirs: Any) -> None:
    tiny, top = ours.smallest_subnormal, float(ours.max)
    step = top - float(nearest_float(math.nextafter(top, 0) * (1 - ours.epsilon / 2), ours))
    values = [tiny / 2, tiny * 0.75, tiny * 1.5, tiny * 2.5, top, top + step / 4, top + step / 2, top + step, 0.0]
    for value in (v * s for v in values for s in (1, -1)):
        assert same(nearest_float(value, ours), cast(value, theirs)), value


@pytest.mark.parametrize("name", ["f6e2m3", "f4e2m1"])
def test_rounding_stops_at_the_largest(name: str) -> None:
    kind = dtype(name)
    assert nearest_float(1e9, kind) == kind.max
    assert nearest_float(-1e9, kind) == kind.min


def test_rounding_without_saturation_ends_in_nan_where_there_is_one() -> None:
    assert math.isnan(nearest_float(1e9, f8e4m3)) and nearest_float(464, f8e4m3) == 448
    assert nearest_float(0.0, dtype("f8e8m0")) == 2.0**-127
    assert math.copysign(1, nearest_float(-0.0, dtype("f8e4m3fnuz"))) == 1
    assert nearest_float(-3.0, dtype("f8ue5m3")) == 0


OVERFLOWS = {"f16": 65520, "f8e5m2": 61440, "f8e4m3": 464, "f8e4m3fnuz": 248, "f8e8m0": 1.5 * 2.0**127, "f4e2m1": 7}
EVEN = ("f8e4m3", "f8e8m0")  # the largest of these has an even code


@pytest.mark.parametrize("name", OVERFLOWS)
def test_what_overflows(name: str) -> None:
    kind, middle = dtype(name), OVERFLOWS[name]
    assert overflows(middle, kind) is overflows(-middle, kind) is (name not in EVEN)
    assert overflows(math.nextafter(middle, math.inf), kind)
    assert not overflows(math.nextafter(middle, 0), kind) and not overflows(kind.max, kind)
    assert not overflows(2**1024 - 2**970 - 1, f64) and overflows(2**1024 - 2**970, f64)


@given(st.floats(allow_nan=False))
def test_doubles_stay(value: float) -> None:
    assert same(nearest_float(value, f64), value)
