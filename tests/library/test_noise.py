"""How much of N(0, 1) each format keeps, in decibels, and that stochastic rounding is fair."""

from collections.abc import Callable

import numpy as np
import pytest

import tilevm as tv
from tests.library.reference import noise
from tilevm.library import quantise
from tilevm.library.quantise import Quantised

FORMATS: dict[str, tuple[Callable[[np.ndarray], Quantised], float]] = {  # signal to error, known to 0.3 dB
    "MXFP4": (lambda x: quantise.mx(x, "f4e2m1"), 18.8),
    "MXFP4 even": (lambda x: quantise.mx(x, "f4e2m1", mode="even"), 19.05),
    "MXFP6 e2m3": (lambda x: quantise.mx(x, "f6e2m3"), 31.0),
    "MXFP6 e3m2": (lambda x: quantise.mx(x, "f6e3m2"), 25.2),
    "MXFP8 e4m3": (lambda x: quantise.mx(x, "f8e4m3"), 30.7),
    "MXFP8 e4m3 rceil": (lambda x: quantise.mx(x, "f8e4m3", mode="rceil"), 31.6),
    "MXFP8 e5m2": (lambda x: quantise.mx(x, "f8e5m2"), 25.2),
    "MXINT8": (lambda x: quantise.mx(x, "i8"), 41.6),
    "NVFP4": (quantise.nvfp4, 20.5),
    "NVFP4 16 × 16": (lambda x: quantise.nvfp4(x, 16), 19.1),
    "BFP 4 of 16": (lambda x: quantise.bfp(x, 4, 16), 18.5),
    "BFP 4 of 32": (lambda x: quantise.bfp(x, 4, 32), 17.5),
    "BFP 4 of 64": (lambda x: quantise.bfp(x, 4, 64), 16.9),
    "BFP 4 of 128": (lambda x: quantise.bfp(x, 4, 128), 16.7),
    "u4 of 128": (lambda x: quantise.groups(x, "u4"), 19.2),
    "u3 of 128": (lambda x: quantise.groups(x, "u3"), 12.6),
    "i8 of 128": (lambda x: quantise.groups(x, "i8"), 43.8),
}
PRODUCTS = {"NVFP4": 17.4, "MXFP4": 15.8, "MXFP8 e4m3": 27.6}  # of (256, 512) and (128, 512), both quantised


@pytest.mark.parametrize("name", FORMATS)
def test_signal_to_error(name: str) -> None:
    made, expected = FORMATS[name]
    x = np.random.default_rng(12).standard_normal((256, 1024)).astype(np.float32)
    assert noise(x, quantise.dequantise(made(x))) == pytest.approx(expected, abs=0.3)


@pytest.mark.parametrize("name", PRODUCTS)
def test_products(name: str) -> None:
    rng = np.random.default_rng(13)
    a, b = (rng.standard_normal(s).astype(np.float32) for s in ((256, 512), (128, 512)))
    x, y = (quantise.dequantise(FORMATS[name][0](v)).astype(float) for v in (a, b))
    assert noise(a.astype(float) @ b.T, x @ y.T) == pytest.approx(PRODUCTS[name], abs=0.3)


def test_tiles_do_not_change_the_bits() -> None:
    """The same rows alone, and among others whose tiles are cut elsewhere, when their indices are the same."""
    x = np.random.default_rng(14).standard_normal((4, 1000)).astype(np.float32)
    flat = quantise.mx(x, "f4e2m1", block=40, rounding="stochastic", seed=1)
    line = quantise.mx(x.reshape(1, 4000), "f4e2m1", block=40, rounding="stochastic", seed=1)
    assert np.array_equal(flat.codes, line.codes)


def test_stochastic_rounding_is_fair_and_nearest_shrinks() -> None:
    """Numbers of deviation 0.2 in a block that 6 fills, so that its scale is 1 (2**20 draws)."""
    x = (np.random.default_rng(15).standard_normal((1 << 15, 32)) * 0.2).astype(np.float32)
    x[:, 0] = 6
    error, shrink = {}, {}
    for rounding in ("nearest_even", "stochastic"):
        y = quantise.dequantise(quantise.mx(x, tv.f4e2m1, rounding=rounding, seed=4)).astype(float)
        rest, given = y[:, 1:], x[:, 1:].astype(float)
        error[rounding] = (rest - given).mean() / ((rest - given).std() / np.sqrt(rest.size))
        shrink[rounding] = (np.abs(rest) - np.abs(given)).mean()
    assert abs(error["stochastic"]) < 4
    assert shrink["nearest_even"] < -0.05 and abs(shrink["stochastic"]) < 5e-4
