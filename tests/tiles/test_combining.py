"""Helpers that combine elements may use what stands outside them, such as constants."""

from __future__ import annotations

import numpy as np
import pytest

import tilevm as tv
from tests.devices import EVERYWHERE, on


@tv.function
def damped(a, b):
    return (a + 0.5) * b - 0.25


@tv.function
def halves(a, b):
    return 0.5


@tv.kernel(grid=1)
def scanned(x: tv.Tensor, y: tv.Tensor, z: tv.Tensor) -> None:
    t = x.load((0, 0), (4, 8)) * 0.5 + 0.25
    y.store((0, 0), tv.scan(t, 1, damped))
    z.store(0, tv.reduce(t, 1, damped) + tv.reduce(t, 1, halves))


@pytest.mark.parametrize("device", EVERYWHERE)
def test_constants(device: str) -> None:
    x = np.random.default_rng(0).standard_normal((4, 8)).astype(np.float32)
    y, z = np.zeros_like(x), np.zeros(4, np.float32)
    scanned(x, y, z, **on(device))
    expected = x * np.float32(0.5) + np.float32(0.25)
    for n in range(1, 8):
        expected[:, n] = (expected[:, n - 1] + np.float32(0.5)) * expected[:, n] - np.float32(0.25)
    np.testing.assert_allclose(y, expected, rtol=1e-5)
    np.testing.assert_allclose(z, expected[:, -1] + np.float32(0.5), rtol=1e-5)
