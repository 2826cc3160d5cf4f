"""Products of bf16 at the low end of its range: instructions for pairs take subnormals for 0, within a stated bound."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import ml_dtypes
import numpy as np
import pytest

import tilevm as tv
from tilevm.backends.cpu import artifact, host as hosts
from tilevm.backends.cpu.host import host
from tilevm.frontend.kernel import Kernel

BF16, LEAST = ml_dtypes.bfloat16, 2.0**-126  # of f32 and of bf16, the smallest normal number
K, N = 64, 48


@pytest.fixture(params=[True, False], ids=["pairs", "no pairs"])
def pairs(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[bool]:
    """Whether pairs are multiplied by one instruction, as far as this machine has it."""
    if request.param and not host().has("avx512bf16"):
        pytest.skip("this machine has no vdpbf16ps")
    made = replace(host(), bf16_pairs=request.param)
    for module in (artifact, hosts):
        monkeypatch.setattr(module, "host", lambda: made)
    yield request.param


@tv.kernel
def product(a: tv.Tensor, b: tv.Tensor, c: tv.Tensor, M: tv.constexpr, N: tv.constexpr, K: tv.constexpr) -> None:
    acc = c.load((0, 0), (M, N))
    c.store((0, 0), tv.dot(a.load((0, 0), (M, K)), b.load((0, 0), (N, K)).T, acc))


@tv.kernel
def scaled(a: tv.Tensor, s: tv.Tensor, b: tv.Tensor, c: tv.Tensor, M: tv.constexpr, N: tv.constexpr, K: tv.constexpr):
    codes, scales = a.load((0, 0), (M, K)), s.load((0, 0), (M, K // 32))
    c.store((0, 0), tv.dot_scaled(codes, scales, b.load((0, 0), (N, K)).T, None))


def dot(a: np.ndarray, b: np.ndarray, acc: np.ndarray) -> np.ndarray:
    """``acc + a @ b.T``, compiled anew for this machine."""
    c = acc.copy()
    made = Kernel(product._function, product.signature, None)
    made[1](a, b, c, M=a.shape[0], N=b.shape[0], K=a.shape[1])
    return c


def bound(a: np.ndarray, b: np.ndarray, acc: np.ndarray, flushes: bool) -> np.ndarray:
    """What a result may be off by: sums in f32 in any order, and what docs/language.md says of subnormals."""
    sizes = np.abs(a) @ np.abs(b).T + np.abs(acc)
    lost = np.abs(a).sum(axis=1)[:, None] + np.abs(b).sum(axis=1)[None, :] + 2 * a.shape[1] + 1
    return (a.shape[1] + 1) * 2.0**-24 * sizes + (lost * LEAST if flushes else a.shape[1] * 2.0**-149)


def of_any_size(rows: int, columns: int, seed: int, low: int, high: int) -> np.ndarray:
    """bf16 of exponents ``low`` … ``high``; below -126 they are subnormal."""
    rng = np.random.default_rng(seed)
    x = np.ldexp(rng.uniform(-2, 2, (rows, columns)), rng.integers(low, high + 1, (rows, columns)))
    return x.astype(BF16)


@pytest.mark.parametrize("rows", [3, 16])
@pytest.mark.parametrize("low", [(-133, -133), (-133, -20), (-60, -70), (-127, 100)], ids=str)
def test_the_bound_of_subnormals(pairs: bool, rows: int, low: tuple[int, int]) -> None:
    """All subnormal, some, none but products and sums, and subnormal ones times huge ones."""
    a, b = (of_any_size(n, K, seed, at, min(at + 10, 126)) for n, seed, at in ((rows, 1, low[0]), (N, 2, low[1])))
    acc = of_any_size(rows, N, 3, -130, -120).astype(np.float32)
    x, y, z = (v.astype(np.float64) for v in (a, b, acc))
    found, exact = dot(a, b, acc), x @ y.T + z
    assert np.isfinite(found).all()
    assert (np.abs(found - exact) <= bound(x, y, z, pairs)).all()


@pytest.mark.parametrize("rows", [3, 16])
def test_nothing_is_lost_without_subnormals(pairs: bool, rows: int) -> None:
    """Factors and products are normal numbers, and sums do not cancel: the bound is that of f32 alone."""
    a, b = (np.abs(of_any_size(n, K, seed, -62, 30)) + BF16(2.0**-62) for n, seed in ((rows, 4), (N, 5)))
    acc = np.full((rows, N), LEAST, np.float32)
    x, y, z = (v.astype(np.float64) for v in (a, b, acc))
    assert (np.abs(dot(a, b, acc) - (x @ y.T + z)) <= bound(x, y, z, False)).all()


CASES = {  # a, b, acc, and what is lost where pairs are multiplied: each rests on one clause of the rule
    "a factor of a": ([2.0**-127], [2.0**127], 0.0, 1.0),
    "a factor of b": ([2.0**127], [2.0**-127], 0.0, 1.0),
    "a product": ([2.0**-70], [2.0**-60], 0.0, 2.0**-130),
    "each product of a normal sum": ([2.0**-64, 2.0**-64], [2.0**-63, 2.0**-63], 0.0, 2.0**-126),
    "acc": ([2.0**-63], [2.0**-63], 2.0**-130, 2.0**-130),
    "nothing": ([2.0**-63], [2.0**-63], 2.0**-126, 0.0),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_lost(pairs: bool, case: str) -> None:
    left, right, start, lost = CASES[case]
    a, b = np.zeros((16, K), BF16), np.zeros((N, K), BF16)
    a[:, : len(left)], b[:, : len(right)] = left, right
    found = dot(a, b, np.full((16, N), start, np.float32))
    exact = float(np.dot(left, right)) + start
    assert (found == (exact - lost if pairs else exact)).all()
    reference = np.full((16, N), start, np.float32)
    product[1](a, b, reference, M=16, N=N, K=K, device="vm")
    assert (reference == exact).all()


def test_scaled_codes_below_the_normal_numbers(pairs: bool) -> None:
    """Codes under the least scale are subnormal in bf16; those that are not meet 2**127 exactly."""
    codes = np.tile(np.array([0.5, 1.0, 2.0, 3.0], np.float32), (16, K // 4)).astype(ml_dtypes.float4_e2m1fn)
    scales = np.full((16, K // 32), 2.0**-127, ml_dtypes.float8_e8m0fnu)
    b = np.full((N, K), 2.0**120, np.float32).astype(ml_dtypes.bfloat16)
    c = np.zeros((16, N), np.float32)
    Kernel(scaled._function, scaled.signature, None)[1](codes, scales, b, c, M=16, N=N, K=K)
    kept = (2.0, 3.0) if pairs else (0.5, 1.0, 2.0, 3.0)
    assert (c == sum(kept) * K / 4 * 2.0**-7).all()
