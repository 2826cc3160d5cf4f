"""Kronecker attention against its definition."""

from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from tests.devices import CARDS, on
from tilevm.optional import load_file

kronecker = load_file(str(Path(__file__).parents[2] / "examples" / "kronecker_attention.py"))
BOUND = {np.float32: 1e-5, ml_dtypes.bfloat16: 1e-2}


def error(found: np.ndarray, exact: np.ndarray) -> float:
    return float(np.abs(found.astype(np.float64) - exact).max() / np.abs(exact).max())


@pytest.mark.parametrize("kind", BOUND)
@pytest.mark.parametrize("size", [(1, 1, 1, 4), (40, 40, 40, 16), (33, 17, 70, 8), (7, 64, 130, 32), (100, 5, 3, 12)])
def test_any_lengths_on_the_cpu(size: tuple[int, int, int, int], kind: type) -> None:
    m, n1, n2, d = size
    *given, o = kronecker.problem(np.random.default_rng(0), 2, m, n1, n2, d, kind)
    for scale in (1 / d, d**-0.5):
        kronecker.kronecker_attention(*given, o, scale, D=d)
        assert error(o, kronecker.reference(*given, scale)) < BOUND[kind]


@pytest.mark.parametrize("kind", BOUND)
@pytest.mark.parametrize("device", ["vm", *CARDS])
def test_on_the_machine(device: str, kind: type) -> None:
    *given, o = kronecker.problem(np.random.default_rng(0), 1, 19, 11, 21, 8, kind)
    kronecker.kronecker_attention(*given, o, 0.3, D=8, BM=16, BN=16, **on(device))
    assert error(o, kronecker.reference(*given, 0.3)) < BOUND[kind]


@pytest.mark.parametrize("kind", BOUND)
def test_many_pairs(kind: type) -> None:
    """The sums are over 90,000 pairs here; over 262,144 in the slow test."""
    *given, o = kronecker.problem(np.random.default_rng(0), 1, 16, 300, 300, 32, kind)
    kronecker.kronecker_attention(*given, o, 1 / 32, D=32)
    assert error(o, kronecker.reference(*given, 1 / 32)) < BOUND[kind]


@pytest.mark.slow
@pytest.mark.parametrize("kind", BOUND)
def test_the_largest_stated(kind: type) -> None:
    *given, o = kronecker.problem(np.random.default_rng(0), 1, 64, 512, 512, 64, kind)
    kronecker.kronecker_attention(*given, o, 1 / 64, D=64)
    assert error(o, kronecker.reference(*given, 1 / 64)) < BOUND[kind]


def test_keys_and_values_may_change_places() -> None:
    """The two sides of a pair are alike: swapping them changes nothing but the order of sums."""
    q, k1, k2, v1, v2, o = kronecker.problem(np.random.default_rng(0), 1, 20, 15, 30, 8)
    swapped = np.empty_like(o)
    kronecker.kronecker_attention(q, k1, k2, v1, v2, o, 0.5, D=8)
    kronecker.kronecker_attention(q, k2, k1, v2, v1, swapped, 0.5, D=8)
    assert np.abs(o - swapped).max() < 1e-5


def test_one_pair_side_of_ones_is_ordinary_attention() -> None:
    q, k1, _, v1, _, o = kronecker.problem(np.random.default_rng(0), 1, 20, 33, 1, 8)
    one = np.ones((1, 1, 8), np.float32)
    kronecker.kronecker_attention(q, k1, one, v1, one, o, 0.5, D=8)
    powers = np.exp(q.astype(np.float64) @ k1.astype(np.float64).swapaxes(1, 2) * 0.5)
    assert np.abs(o - powers @ v1 / powers.sum(axis=2, keepdims=True)).max() < 1e-5


@pytest.mark.parametrize(("n1", "n2"), [(0, 3), (3, 0)])
def test_no_pairs_give_zero(n1: int, n2: int) -> None:
    q, k1, k2, v1, v2, o = kronecker.problem(np.random.default_rng(0), 1, 5, n1, n2, 16)
    o[...] = 7
    kronecker.kronecker_attention(q, k1, k2, v1, v2, o, 0.25, D=16, BM=16, BN=16)
    assert not o.any()
