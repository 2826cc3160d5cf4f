"""Functions of floats against numpy in float64, in units of the last place."""

import math

import ml_dtypes
import numpy as np
import pytest

from tests.cpu.launch import unary

EXACT = {
    "exp": np.exp,
    "exp2": np.exp2,
    "log": np.log,
    "log2": np.log2,
    "sqrt": np.sqrt,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "erf": np.vectorize(math.erf, otypes=[float]),
    "floor": np.floor,
    "ceil": np.ceil,
}
ULP = {"exp": 2, "exp2": 2, "log": 2, "log2": 2, "rsqrt": 2, "tanh": 4, "sigmoid": 4, "erf": 4}


def inputs() -> np.ndarray:
    """f32 numbers of every exponent, both signs, and the special ones."""
    rng = np.random.default_rng(1)
    bits = rng.integers(0, 2**32, 1 << 14, dtype=np.uint32).view(np.float32)
    near = (rng.standard_normal(1 << 14) * 8).astype(np.float32)
    special = np.array([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-40, 127.9, 128.0, -126.5, 88.7], np.float32)
    return np.concatenate([bits, near, np.resize(special, 64)])


def distance(found: np.ndarray, exact: np.ndarray) -> float:
    """The largest error in units of the last place of f32; results below the normal range may be 0."""
    with np.errstate(all="ignore"):
        rounded = exact.astype(np.float32)
        ulp = np.spacing(np.maximum(np.abs(rounded), np.finfo(np.float32).tiny)).astype(float)
        error = np.abs(found.astype(float) - exact) / ulp
    plain = np.isfinite(rounded) & (np.abs(exact) >= np.finfo(np.float32).tiny)
    assert np.array_equal(np.isnan(found), np.isnan(rounded))
    assert np.array_equal(found[np.isinf(rounded)], rounded[np.isinf(rounded)])
    return float(error[plain].max())


@pytest.mark.parametrize("name", EXACT)
def test_f32_is_as_accurate_as_promised(name: str) -> None:
    x = inputs()
    with np.errstate(all="ignore"):
        exact = EXACT[name](x.astype(float))
    assert distance(unary(name, x, "f32"), exact) <= ULP.get(name, 0.5)


@pytest.mark.parametrize("name", EXACT)
def test_f64_calls_the_library(name: str) -> None:
    x = np.linspace(0.1, 9.0, 256)
    assert np.allclose(unary(name, x, "f64"), EXACT[name](x), rtol=1e-14, atol=0)


@pytest.mark.parametrize(("dtype", "kind"), [("f16", np.float16), ("bf16", ml_dtypes.bfloat16)])
@pytest.mark.parametrize("name", EXACT)
def test_16_bit_floats_round_once(name: str, dtype: str, kind: type) -> None:
    x = np.linspace(-7, 7, 1024).astype(kind)
    with np.errstate(all="ignore"):
        exact = EXACT[name](x.astype(float)).astype(np.float32).astype(kind)
    found = unary(name, x, dtype)
    ordered = ~np.isnan(exact.astype(float))
    gap = np.abs(found.view(np.int16).astype(int) - exact.view(np.int16))[ordered]
    assert gap.max() <= 1
    assert (gap > 0).mean() < 0.01
