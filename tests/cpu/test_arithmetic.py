"""Arithmetic of the CPU backend against the rules of the language, corner cases first."""

import ml_dtypes
import numpy as np
import pytest

from tests.cpu.launch import binary, run, vector

INTEGERS = {f"{s}{n}": np.dtype(f"{'u' if s == 'u' else ''}int{n}") for s in "iu" for n in (8, 16, 32, 64)}
PYTHON = {
    "add": lambda a, b, n: a + b,
    "sub": lambda a, b, n: a - b,
    "mul": lambda a, b, n: a * b,
    "floordiv": lambda a, b, n: a // b if b else 0,
    "mod": lambda a, b, n: a % b if b else a,
    "minimum": lambda a, b, n: min(a, b),
    "maximum": lambda a, b, n: max(a, b),
    "and": lambda a, b, n: a & b,
    "or": lambda a, b, n: a | b,
    "xor": lambda a, b, n: a ^ b,
    "shl": lambda a, b, n: a << b if 0 <= b < n else 0,
    "shr": lambda a, b, n: a >> b if 0 <= b < n else -(a < 0),
}


def corners(kind: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """Every pair of interesting numbers, and random ones."""
    info = np.iinfo(kind)
    few = np.array([0, 1, 2, 3, 7, info.max, info.max - 1, info.min, info.min + 1, kind.itemsize * 8], kind)
    few = np.concatenate([few, [kind.type(info.max) // 3, np.array(-1).astype(kind)]]).astype(kind)
    a, b = (g.ravel() for g in np.meshgrid(few, few))
    rng = np.random.default_rng(0)
    noise = rng.integers(info.min, info.max, (2, 112), dtype=kind, endpoint=True)
    return np.concatenate([a, noise[0]]), np.concatenate([b, noise[1]])


def wrapped(value: int, kind: np.dtype) -> int:
    bits = kind.itemsize * 8
    value &= (1 << bits) - 1
    return value - (1 << bits) if kind.kind == "i" and value >> (bits - 1) else value


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("op", PYTHON)
def test_integers_as_python_wrapped(op: str, dtype: str) -> None:
    kind = INTEGERS[dtype]
    a, b = corners(kind)
    bits = kind.itemsize * 8
    expected = [wrapped(PYTHON[op](int(x), int(y), bits), kind) for x, y in zip(a, b, strict=True)]
    assert binary(op, a, b, dtype).tolist() == expected


FLOATS = {"f16": np.float16, "bf16": ml_dtypes.bfloat16, "f32": np.float32, "f64": np.float64}
SPECIAL = [0.0, -0.0, 1.0, -1.5, np.inf, -np.inf, np.nan, 3e-5, 65504.0, 2.0**-24, 1 / 3, 7.0]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("op", ["add", "sub", "mul", "div"])
def test_floats_round_each_operation(op: str, dtype: str) -> None:
    a, b = (g.ravel().astype(FLOATS[dtype]) for g in np.meshgrid(SPECIAL, SPECIAL))
    word = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide}[op]
    with np.errstate(all="ignore"):
        expected = word(a, b)
    assert np.array_equal(binary(op, a, b, dtype).astype(float), expected.astype(float), equal_nan=True)


@pytest.mark.parametrize("dtype", ["f16", "bf16", "f32"])
def test_floor_division_is_of_the_rounded_quotient(dtype: str) -> None:
    kind = FLOATS[dtype]
    a, b = (g.ravel().astype(kind) for g in np.meshgrid(np.arange(1, 500) / 7, np.arange(1, 40) / 70))
    expected = np.floor((a / b).astype(kind).astype(np.float64))
    assert np.array_equal(binary("floordiv", a, b, dtype).astype(np.float64), expected)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("axis", [0, 1])
def test_extremes_of_every_float(dtype: str, axis: int) -> None:
    x = np.resize(np.array([s for s in SPECIAL if s != 0]), (5, 19)).astype(FLOATS[dtype])
    size = x.shape[1 - axis]
    text = f"""
    func @f(%x: tensor<{dtype}[5, 19], strides=[19, 1]>, %y: {vector(dtype, size)}, %z: {vector(dtype, size)}) {{
      %0 = constant {{value = 0, of = i32}} : i32
      %t = load %x, [%0, %0] {{shape = [5, 19]}} : {dtype}[5, 19]
      %a = max %t {{axis = {axis}}} : {dtype}[{size}]
      %b = min %t {{axis = {axis}}} : {dtype}[{size}]
      store %y, %a, [%0]
      store %z, %b, [%0]
      yield []
    }}"""
    high, low = np.empty((2, size), x.dtype)
    run(text, (1, 1, 1), x, high, low)
    assert np.array_equal(high, np.fmax.reduce(x.astype(float), axis))
    assert np.array_equal(low, np.fmin.reduce(x.astype(float), axis))


@pytest.mark.parametrize("op", ["minimum", "maximum"])
def test_minimum_gives_the_other_for_nan(op: str) -> None:
    a, b = (g.ravel().astype(np.float32) for g in np.meshgrid(SPECIAL, SPECIAL))
    word = {"minimum": np.fmin, "maximum": np.fmax}[op]
    assert np.array_equal(binary(op, a, b, "f32"), word(a, b), equal_nan=True)


@pytest.mark.parametrize("op", ["eq", "ne", "lt", "le", "gt", "ge"])
def test_comparisons_are_numpys(op: str) -> None:
    a, b = (g.ravel().astype(np.float32) for g in np.meshgrid(SPECIAL, SPECIAL))
    word = {"eq": "equal", "ne": "not_equal", "lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal"}
    assert np.array_equal(binary(op, a, b, "f32", "bool"), getattr(np, word[op])(a, b))


def cast(x: np.ndarray, source: str, to: str, out: np.ndarray, saturate: bool = False) -> np.ndarray:
    text = f"""
    func @f(%x: {vector(source, x.size)}, %y: {vector(to, x.size)}) {{
      %0 = constant {{value = 0, of = i32}} : i32
      %t = load %x, [%0] {{shape = [{x.size}]}} : {source}[{x.size}]
      %r = cast %t {{to = {to}{", saturate = true" if saturate else ""}}} : {to}[{x.size}]
      store %y, %r, [%0]
      yield []
    }}"""
    run(text, (1, 1, 1), x, out)
    return out


def test_float_to_integer_truncates_saturates_and_drops_nan() -> None:
    x = np.array([1.9, -1.9, 3e9, -3e9, np.nan, np.inf, -np.inf, 0.5], np.float32)
    top, bottom = 2**31 - 1, -(2**31)
    assert cast(x, "f32", "i32", np.empty(8, np.int32)).tolist() == [1, -1, top, bottom, 0, top, bottom, 0]


def test_integer_to_bf16_rounds_once() -> None:
    x = np.array([2**30 + 2**22 + 1, 2**30 + 2**22, -(2**30 + 2**22 + 1), 3], np.int32)
    found = cast(x, "i32", "bf16", np.empty(4, ml_dtypes.bfloat16)).astype(float)
    assert found.tolist() == [2**30 + 2**23, 2**30, -(2**30 + 2**23), 3]


def test_long_integer_to_bf16_rounds_once() -> None:
    x = np.array([2**62 + 2**54 + 1, 2**62 + 2**54, -(2**62) - 2**54 - 1], np.int64)
    found = cast(x, "i64", "bf16", np.empty(3, ml_dtypes.bfloat16)).astype(float)
    assert found.tolist() == [2.0**62 + 2.0**55, 2.0**62, -(2.0**62) - 2.0**55]


def test_f64_to_f16_rounds_once() -> None:
    x = np.array([1 + 2.0**-11 + 2.0**-40, 1 + 2.0**-11, 65519.999, 65520.0, 2.0**-25, np.nan])
    found = cast(x, "f64", "f16", np.empty(6, np.float16)).astype(float)
    with np.errstate(over="ignore"):
        expected = x.astype(np.float16).astype(float)
    assert np.array_equal(found, expected, equal_nan=True)


def test_saturating_casts_hold_to_the_range() -> None:
    x = np.array([-300, -128, 127, 128, 255, 256], np.int32)
    assert cast(x, "i32", "i8", np.empty(6, np.int8), saturate=True).tolist() == [-128, -128, 127, 127, 127, 127]
    assert cast(x, "i32", "u8", np.empty(6, np.uint8), saturate=True).tolist() == [0, 0, 127, 128, 255, 255]
    assert cast(x, "i32", "i8", np.empty(6, np.int8)).tolist() == x.astype(np.int8).tolist()
