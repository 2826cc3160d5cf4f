"""The promised accuracy of functions: every f16 and bf16 number, and 2**24 numbers of f32, one in each 256 codes."""

import math

import ml_dtypes
import numpy as np
import pytest

import tilevm as tv
from tests.cpu.test_functions import EXACT, ULP, distance

BLOCK = 4096


@tv.kernel("x: T[N], y: T[N]", grid=lambda N, **_: tv.cdiv(N, BLOCK))
def apply(x: tv.Tensor, y: tv.Tensor, name: tv.constexpr) -> None:
    at = tv.program_id(0) * BLOCK
    v = x.load(at, BLOCK)
    functions = (
        ("exp", tv.exp),
        ("exp2", tv.exp2),
        ("log", tv.log),
        ("log2", tv.log2),
        ("sqrt", tv.sqrt),
        ("rsqrt", tv.rsqrt),
        ("tanh", tv.tanh),
        ("sigmoid", tv.sigmoid),
        ("erf", tv.erf),
        ("floor", tv.floor),
        ("ceil", tv.ceil),
    )
    for known, function in functions:
        if name == known:
            y.store(at, function(v))


def applied(name: str, x: np.ndarray) -> np.ndarray:
    y = np.empty_like(x)
    apply(x, y, name=name)
    return y


def exact(name: str, x: np.ndarray) -> np.ndarray:
    """The function in float64."""
    with np.errstate(all="ignore"):
        return np.asarray(EXACT[name](x.astype(np.float64)))


@pytest.mark.parametrize("name", [n for n in EXACT if n != "erf"])
def test_f32(name: str) -> None:
    codes = np.arange(1 << 24, dtype=np.uint32) * 256 + 77
    x = codes.view(np.float32)
    assert distance(applied(name, x), exact(name, x)) <= ULP.get(name, 0.5)


def test_erf_of_f32() -> None:
    """Up to 2**-14 erf is x * 2 / sqrt(pi) to f32's accuracy, and from 4 on 1; between them 2**20 codes a sign."""
    low, high = (int(np.float32(v).view(np.uint32)) for v in (2.0**-14, 4.0))
    codes = np.linspace(low, high, 1 << 20).astype(np.uint32)
    x = np.concatenate([codes, codes | 0x80000000]).view(np.float32)
    wanted = np.fromiter(map(math.erf, x.tolist()), np.float64, x.size)
    assert distance(applied("erf", x), wanted) <= ULP["erf"]
    whole = np.arange(1 << 24, dtype=np.uint32) * 256
    x = whole.view(np.float32)
    tail = (np.abs(x) < 2.0**-14) | (np.abs(x) > 4) | np.isnan(x)
    with np.errstate(all="ignore"):
        wanted = np.where(np.abs(x) > 4, np.sign(x), x.astype(np.float64) * 2 / math.sqrt(math.pi))
    assert distance(applied("erf", x)[tail], wanted[tail]) <= ULP["erf"]


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16], ids=["f16", "bf16"])
@pytest.mark.parametrize("name", EXACT)
def test_every_16_bit_float(name: str, dtype: type) -> None:
    """At most one code from the exact value rounded; results of exp and exp2 below f32's normal range may be 0."""
    x = np.arange(1 << 16, dtype=np.uint16).view(dtype)
    found, value = applied(name, x), exact(name, x)
    with np.errstate(all="ignore"):
        wanted = value.astype(np.float32).astype(dtype)
    assert np.array_equal(np.isnan(found.astype(float)), np.isnan(wanted.astype(float)))
    tiny = (
        (np.abs(value) < 2.0**-126) & (found.astype(float) == 0) if name.startswith("exp") else np.zeros(x.shape, bool)
    )
    known = ~np.isnan(wanted.astype(float)) & ~tiny
    gap = np.abs(ordered(found[known]) - ordered(wanted[known]))
    assert gap.max() <= 1
    assert (gap > 0).mean() < 0.01


def ordered(x: np.ndarray) -> np.ndarray:
    """16-bit floats as integers in their order."""
    code = x.view(np.int16).astype(np.int32)
    return np.where(code < 0, -0x8000 - code, code)
