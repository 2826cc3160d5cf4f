"""The reference machine against Python, numpy and exact fractions."""

from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest

from tests.cpu.launch import binary, run, vector
from tests.cpu.test_arithmetic import INTEGERS, PYTHON, SPECIAL, corners, wrapped
from tilevm.backends.vm.elementwise import meaning
from tilevm.backends.vm.machine import ELEMENTWISE, step
from tilevm.backends.vm.rounding import fma, from_integers, round_to
from tilevm.ir import OPS
from tilevm.source import TileError
from tilevm.types import DType, bf16, f16, f32, f64


def test_every_instruction_has_a_meaning() -> None:
    without = {k.name for k in OPS.values() if k not in step and not issubclass(k, ELEMENTWISE)}
    assert without == {"yield"}
    assert meaning.missing([k for k in OPS.values() if issubclass(k, ELEMENTWISE)]) == {"select"}


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("op", PYTHON)
def test_integers_as_python_wrapped(op: str, dtype: str) -> None:
    kind = INTEGERS[dtype]
    a, b = corners(kind)
    bits = kind.itemsize * 8
    expected = [wrapped(PYTHON[op](int(x), int(y), bits), kind) for x, y in zip(a, b, strict=True)]
    assert binary(op, a, b, dtype, device="vm").tolist() == expected


@pytest.mark.parametrize(("dtype", "kind"), [(f16, np.float16), (bf16, ml_dtypes.bfloat16)])
def test_every_16_bit_number_rounds_to_itself(dtype: DType, kind: type) -> None:
    with np.errstate(invalid="ignore"):  # signalling NaNs
        numbers = np.arange(2**16, dtype=np.uint16).view(kind).astype(np.float64)
    assert np.array_equal(round_to(dtype, numbers), numbers, equal_nan=True)


@pytest.mark.parametrize(("dtype", "kind"), [(f32, np.float32), (f16, np.float16)])
def test_rounding_is_numpys(dtype: DType, kind: type) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal(10_000) * 2.0 ** rng.integers(-160, 140, 10_000)
    with np.errstate(all="ignore"):
        expected = x.astype(kind).astype(np.float64)
    assert np.array_equal(round_to(dtype, x), expected)


def test_fma_of_f64_at_the_ends_of_the_range() -> None:
    top = np.finfo(np.float64).max
    cases = [
        (top, top, -np.inf),
        (top, -top, np.inf),
        (top, top, 1.0),
        (-top, top, 1.0),
        (top, 2.0, -top),
        (0.0, -1.0, 0.0),
    ]
    found = fma(f64, *np.array(cases).T)
    assert found.tolist() == [-np.inf, np.inf, np.inf, -np.inf, top, 0.0]
    with np.errstate(invalid="ignore"):
        found = fma(f64, *np.array([[np.inf, 0.0, 1.0], [np.inf, 1.0, -np.inf], [1.0, 1.0, np.nan]]).T)
    assert np.isnan(found).all()


def exact_fma(dtype: DType, a: float, b: float, c: float) -> float:
    """Rounded from the exact fraction, by comparing with the two neighbours."""
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    near = round_to(dtype, np.array([float(exact)]))[0]
    step_ = Fraction(2) ** (int(np.floor(np.log2(abs(near)))) - dtype.mantissa_bits) if near else Fraction(0)
    around = [Fraction(float(near)) + k * step_ for k in (-1, 0, 1)]
    best = min(abs(exact - n) for n in around)
    ties = [n for n in around if abs(exact - n) == best]
    even = [n for n in ties if step_ == 0 or (n / step_).numerator % 2 == 0]
    return float((even or ties)[0])


@pytest.mark.parametrize("dtype", [f32, bf16], ids=str)
def test_fma_rounds_once(dtype: DType) -> None:
    rng = np.random.default_rng(0)
    a, b, c = (round_to(dtype, rng.standard_normal(500) * 2.0 ** rng.integers(-20, 20, 500)) for _ in range(3))
    c[:250] = round_to(dtype, -(a * b)[:250])  # cancellation shows the low bits
    expected = [exact_fma(dtype, *t) for t in zip(a, b, c, strict=True)]
    assert fma(dtype, a, b, c).tolist() == expected


def test_fma_of_f64_is_exact() -> None:
    x = np.array([1 + 2.0**-30])
    assert fma(f64, x, x, np.array([-1.0]))[0] == 2.0**-29 + 2.0**-60


@pytest.mark.parametrize("dtype", [f32, f16, bf16], ids=str)
def test_long_integers_round_once(dtype: DType) -> None:
    top = 1 << (dtype.mantissa_bits + 1)
    values = [(top + 1) * 2**k + d for k in (0, 1, 36 if dtype != f16 else 2) for d in (-1, 0, 1)]
    exact = [float(round_fraction(v, dtype)) for v in values]
    assert from_integers(dtype, np.array(values, np.int64)).tolist() == exact


def round_fraction(value: int, dtype: DType) -> int:
    """An integer rounded to nearest even with the bits of ``dtype``."""
    spare = max(0, value.bit_length() - dtype.mantissa_bits - 1)
    low, rest = value >> spare, value & ((1 << spare) - 1)
    half = (1 << spare) >> 1
    up = spare and (rest > half or (rest == half and low & 1))
    return (low + bool(up)) << spare


@pytest.mark.parametrize("op", ["minimum", "maximum"])
def test_minimum_gives_the_other_for_nan(op: str) -> None:
    a, b = (g.ravel().astype(np.float32) for g in np.meshgrid(SPECIAL, SPECIAL))
    word = {"minimum": np.fmin, "maximum": np.fmax}[op]
    assert np.array_equal(binary(op, a, b, "f32", device="vm"), word(a, b), equal_nan=True)


BODY = """
func @f(%x: {x}, %i: {i}, %p: ptr<f32>) {{
  %0 = constant {{value = 0, of = i32}} : i32
  %1 = constant {{value = 1.0, of = f32}} : f32
  %t = load %i, [%0] {{shape = [4]}} : i32[4]
  %e = empty {{of = f32, shape = [4]}} : f32[4]
  %one = splat %1 {{shape = [4]}} : f32[4]
  {body}
  yield []
}}"""
FAULTS = {
    "gather": ("%r = gather %x, [%t] : f32[4]", "index 9 along axis 0 of x is not within 0 to 7"),
    "scatter": ("scatter %x, %one, [%t]", "index 9 along axis 0 of x is not within 0 to 7"),
    "pointer_load": ("%r = pointer_load %p, %t : f32[4]", "index 9 of p is not within 0 to 7"),
    "pointer_store": ("pointer_store %p, %one, %t", "index 9 of p is not within 0 to 7"),
    "store": ("%s = add %e, %one : f32[4]\n  store %x, %s, [%0]", "an element of store was never written"),
    "offset": (
        "%m = max %e {axis = 0} : f32\n  %n = cast %m {to = i32} : i32\n  store %x, %one, [%n]",
        "an offset of store was never written",
    ),
    "branch": (
        "%m = max %e {axis = 0} : f32\n  %c = lt %m, %1 : bool\n  if %c () { yield [] } () { yield [] }",
        "the condition of if was never written",
    ),
}


def launch(body: str) -> np.ndarray:
    x, i = np.zeros(8, np.float32), np.array([0, 1, 9, 2], np.int32)
    run(BODY.format(x=vector("f32", 8), i=vector("i32", 4), body=body), (1, 1, 1), x, i, np.zeros(8, "f"), device="vm")
    return x


@pytest.mark.parametrize("name", FAULTS)
def test_misuse_is_told_with_its_place(name: str) -> None:
    body, message = FAULTS[name]
    with pytest.raises(TileError) as caught:
        launch(body)
    assert message in caught.value.message
    assert caught.value.span is not None
    assert "in program (0, 0, 0)" in str(caught.value)


def test_what_select_hides_is_no_fault() -> None:
    hidden = "%c = eq %t, %t : bool[4]\n  %s = select %c, %one, %e : f32[4]\n  store %x, %s, [%0]"
    assert launch(hidden).tolist() == [1, 1, 1, 1, 0, 0, 0, 0]


def test_masked_gather_may_point_anywhere() -> None:
    body = """%8 = constant {value = 8, of = i32} : i32
  %w = splat %8 {shape = [4]} : i32[4]
  %c = lt %t, %w : bool[4]
  %r = gather %x, [%t], %c : f32[4]
  store %x, %r, [%0]"""
    assert launch(body).tolist() == [0.0] * 8
