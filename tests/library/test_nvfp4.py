"""NVFP4: both levels of scales against the recipe in f32, bit for bit."""

import numpy as np
import pytest

import tilevm as tv
from tests.library.reference import DEVICES, codes_of, hard, nvfp4, spread
from tilevm.library import quantise


def given(name: str) -> np.ndarray:
    rng = np.random.default_rng(5)
    plain = rng.standard_normal((40, 100)).astype(np.float32)
    return {
        "hard": hard(columns=120),
        "whole blocks": hard(columns=16 * 70),
        "plain": plain,
        "zeros": np.zeros((20, 33), np.float32),
        "tiny": plain * np.float32(1e-38),
        "one large": np.where(np.arange(100) == 7, np.float32(3e38), plain),
        "many scales": (plain * np.exp2(rng.integers(-20, 20, (40, 1)))).astype(np.float32),
    }[name]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("rows", [1, 16])
@pytest.mark.parametrize("name", ["hard", "whole blocks", "plain", "zeros", "tiny", "one large", "many scales"])
def test_codes_and_scales(name: str, rows: int, device: str) -> None:
    x = given(name)
    q = quantise.nvfp4(x, rows, device=device)
    codes, scales, factor = nvfp4(x, rows)
    assert q.factor == factor
    assert np.array_equal(q.scales, scales)
    assert np.array_equal(codes_of(q), codes)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("rows", [1, 16])
def test_numbers_come_back(rows: int, device: str) -> None:
    x = hard(columns=120)
    q = quantise.nvfp4(x, rows, device=device)
    scale = spread(tv.decode(q.scales, tv.f8ue4m3).astype(np.float32), 16, x.shape, rows)
    expected = tv.decode(codes_of(q), tv.f4e2m1).astype(np.float32) * scale * np.float32(q.factor)
    assert np.array_equal(quantise.dequantise(q, device=device), expected, equal_nan=True)
    assert np.isnan(expected[1 // rows, :16]).all() and np.isfinite(expected[20]).all()


def test_a_given_amax_is_used() -> None:
    x = given("plain")
    codes, scales, factor = nvfp4(x, amax=10.0)
    q = quantise.nvfp4(x, amax=10.0)
    assert (q.factor, q.scales.tolist(), codes_of(q).tolist()) == (factor, scales.tolist(), codes.tolist())


def test_a_matrix_and_its_transpose_share_square_blocks() -> None:
    x = given("many scales")[:, :80]
    q, turned = quantise.nvfp4(x, 16), quantise.nvfp4(np.ascontiguousarray(x.T), 16)
    assert np.array_equal(q.scales, turned.scales.T) and np.array_equal(codes_of(q), codes_of(turned).T)


def test_stochastic_rounding_is_the_codecs() -> None:
    x = given("plain")
    q = quantise.nvfp4(x, rounding="stochastic", seed=9)
    by = np.float32(1) / (tv.decode(q.scales, tv.f8ue4m3).astype(np.float32) * np.float32(q.factor))
    y = x * spread(by, 16, x.shape)
    assert np.array_equal(codes_of(q), tv.encode(y, tv.f4e2m1, "stochastic", seed=9))


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"rows": 8}, "a block of NVFP4 has 1 row or 16, not 8"),
        ({"amax": float("nan")}, "the largest .* is a number from 0"),
        ({"amax": 1e39}, "which 1e\\+39 is not"),
        ({"amax": 10**400}, "is not"),
        ({"amax": "1"}, "which '1' is not"),
        ({"amax": np.ones(2)}, "is not"),
        ({"seed": -1}, "the seed is -1"),
        ({"amax": -1.0}, "which -1.0 is not"),
    ],
)
def test_wrong_use(how: dict, says: str) -> None:
    with pytest.raises(tv.TileError, match=says):
        quantise.nvfp4(np.zeros((8, 16), np.float32), **how)
