"""Functions spelled out in basic instructions, measured in units of the last place."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.passes.threads.expand.expanding import names, run, unary
from tilevm.types import DType, bf16, f16, f32, f64

Long = np.longdouble
EXACT = {  # in the precision of the argument
    "exp": np.exp,
    "exp2": np.exp2,
    "log": np.log,
    "log2": np.log2,
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "erf": np.vectorize(math.erf, otypes=[float]),
}
SINGLE = {"exp": 2, "log": 2, "log2": 2, "tanh": 4, "sigmoid": 4, "erf": 4}
SPECIAL = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, -1.0, 1.0])
BASIC = {"constant", "splat", "add", "sub", "mul", "div", "fma", "neg", "abs", "select", "lt", "gt", "ge", "eq", "ne"}
BASIC |= {"and", "or", "shl", "shr", "view", "cast", "print", "yield"}


def numbers() -> np.ndarray:
    """f32 numbers of every exponent and sign, many near 0, and those where e**x and 2**x end."""
    rng = np.random.default_rng(1)
    spread = (np.arange(1 << 17, dtype=np.uint32) * 32768 + 16411).view(np.float32)
    ends = np.linspace(88.6, 88.8, 1 << 12), np.linspace(-87.5, -87.2, 1 << 12)
    near = np.concatenate([rng.standard_normal(1 << 15) * 8, *ends, SPECIAL])
    with np.errstate(invalid="ignore"):  # a signalling NaN becomes a quiet one
        return np.concatenate([spread.astype(np.float64), near.astype(np.float32)])


def error(found: np.ndarray, exact: np.ndarray, tiny: float, spacing: np.dtype[np.floating]) -> float:
    """The largest error in units of the last place; what lies below the normal range may be 0."""
    rounded = exact.astype(spacing)
    assert np.array_equal(np.isnan(found), np.isnan(rounded))
    assert np.array_equal(found[np.isinf(rounded)], rounded[np.isinf(rounded)])
    plain = np.isfinite(rounded) & (np.abs(exact) >= tiny)
    unit = np.spacing(np.abs(rounded[plain])).astype(Long)
    return float((np.abs(found[plain] - exact[plain]) / unit).max())


@pytest.mark.parametrize("name", SINGLE)
def test_f32_is_as_accurate_as_promised(name: str) -> None:
    x = numbers()[:: 9 if name == "erf" else 1]
    with np.errstate(all="ignore"):
        found, exact = run(unary(name, f32, x.size), x), EXACT[name](x)
        assert error(found, exact, 2.0**-126, np.dtype(np.float32)) <= SINGLE[name]


def inside(name: str) -> np.ndarray:
    """f64 numbers for a function: where it does something, and where its formulas meet."""
    rng, n = np.random.default_rng(2), 200
    if name.startswith("log"):
        wide, near = np.exp(rng.uniform(-700, 700, n)), 1 + rng.standard_normal(n) * 1e-3
        return np.concatenate([wide, near, rng.uniform(0.3, 3, n), [5e-324, 1e-310, 2.0**-1022]])
    low, high = {"exp": (-745, 709.7), "exp2": (-1074, 1024)}.get(name, (-7, 7))
    meet = np.concatenate([np.linspace(at - 0.01, at + 0.01, 20) for at in (0.55, 1.0, 6.0)])
    return np.concatenate([rng.uniform(low, high, n), rng.standard_normal(n), rng.standard_normal(n) * 1e-4, meet])


@pytest.mark.parametrize("name", EXACT)
def test_f64_is_at_most_4_ulp_off(name: str) -> None:
    x = inside(name)
    with np.errstate(all="ignore"):
        exact = EXACT[name](x) if name == "erf" else EXACT[name](x.astype(Long))
        found = run(unary(name, f64, x.size), x)
        assert error(found, exact.astype(Long), 2.0**-1022, np.dtype(np.float64)) <= 4


@pytest.mark.parametrize("dtype", [f32, f64], ids=str)
@pytest.mark.parametrize("name", EXACT)
def test_special_numbers(name: str, dtype: DType) -> None:
    """Zeros with their signs, infinities and NaN."""
    if (name, dtype) == ("exp2", f32):
        return  # an instruction
    with np.errstate(all="ignore"):
        found, exact = run(unary(name, dtype, SPECIAL.size), SPECIAL), EXACT[name](SPECIAL)
    assert np.allclose(found, exact, rtol=1e-6, atol=0, equal_nan=True)
    zero = exact == 0
    assert np.array_equal(np.signbit(found[zero]), np.signbit(exact[zero]))


def test_f64_reaches_subnormal_numbers() -> None:
    x = np.array([-708.5, -720.25, -744.4, -745.2, -800.0])
    assert np.allclose(run(unary("exp", f64, 5), x), np.exp(x), rtol=0, atol=5e-324)
    y = np.array([-1022.5, -1050.25, -1074.0, -1075.5, -2000.0])
    assert np.allclose(run(unary("exp2", f64, 5), y), np.exp2(y), rtol=0, atol=5e-324)


@pytest.mark.parametrize("dtype", [f16, bf16], ids=str)
@pytest.mark.parametrize("name", SINGLE)
def test_16_bit_floats_compute_in_f32_and_round_once(name: str, dtype: DType) -> None:
    x = np.linspace(0.25, 4, 16)
    found, single = run(unary(name, dtype, 16), x), run(unary(name, f32, 16), x)
    steps = 2.0 ** (np.floor(np.log2(np.abs(single) + (single == 0))) - dtype.mantissa_bits)
    assert np.array_equal(found, np.rint(single / steps) * steps)


@pytest.mark.parametrize("name", EXACT)
def test_nothing_but_basic_instructions_is_left(name: str) -> None:
    assert names(unary(name, f64, 2)) <= BASIC
    assert names(unary(name, f32, 2)) <= BASIC | {"exp2"}


@pytest.mark.parametrize("name", ["sqrt", "rsqrt", "floor", "ceil"])
def test_what_machines_have_stays(name: str) -> None:
    for dtype in (f32, f64):
        assert names(unary(name, dtype, 2)) == {name, "print", "yield"}
