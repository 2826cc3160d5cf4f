"""Packed weights of every type against f64, one source on both devices."""

from __future__ import annotations

import numpy as np
import pytest

import tilevm as tv
from tests.conftest import TEST_ALL
from tests.devices import EVERYWHERE, QUICK, goes_round, on
from tests.examples.test_check import EXAMPLES
from tilevm.optional import load_file

example = load_file(str(EXAMPLES / "quantised_matmul.py"))
EVERY_MACHINE = ("u4", "i5", "f6e3m2")  # the others differ in codes alone
BF16 = 2.0**-8  # half a step of the results


@goes_round
@pytest.mark.parametrize("name", example.WEIGHTS)
def test_every_type_of_weights(name: str) -> None:
    for rows, columns, zeros in ((1, 70, False), (1, 70, True), (19, 33, True)):
        given = example.problem(np.random.default_rng(rows), name, (rows, columns, 256), 64, zeros)
        exact = example.reference(**given)
        absolute = {k: np.abs(v) if isinstance(v, np.ndarray) else v for k, v in given.items()}
        room = 256 * 2.0**-24 * np.abs(example.reference(**absolute)).max() + BF16 * np.abs(exact)
        for device in EVERYWHERE if name in EVERY_MACHINE else QUICK:
            found = example.linear(**given, **on(device)).astype(np.float64)
            assert (np.abs(found - exact) <= 2 * room).all(), (device, rows, zeros)


@pytest.mark.parametrize("device", ["sm_80", "emulator"])
@pytest.mark.parametrize("tall", [8, 16, 64])
@pytest.mark.parametrize("name", [*(f"u{n}" for n in range(1, 9)), "i4", "f6e3m2"])
def test_products_by_instructions(name: str, tall: int, device: str) -> None:
    """Rows that fill a tile, a part of one, and more than one; instructions as they are and turned."""
    rng = np.random.default_rng(tall)
    zeros = not tv.dtype(name).is_float
    for rows in (1, 3, 8, 16, 20) if TEST_ALL or device == "sm_80" else (3, 20):
        given = example.problem(rng, name, (rows, 70, 256), 128, zeros)
        if tall == 16:
            given["x"] = given["x"].astype(np.float16)
        exact = example.reference(**given)
        absolute = {k: np.abs(v) if isinstance(v, np.ndarray) else v for k, v in given.items()}
        room = 256 * 2.0**-24 * np.abs(example.reference(**absolute)).max() + BF16 * np.abs(exact)
        found = example.linear(**given, **on(device), BM=tall, BN=64).astype(np.float64)
        assert (np.abs(found - exact) <= 2 * room).all(), rows


def test_groups_of_other_sizes() -> None:
    for group in (24, 32, 48, 128, 384):
        given = example.problem(np.random.default_rng(0), "u5", (2, 20, 384), group, True)
        exact = example.reference(**given)
        found = example.linear(**given).astype(np.float64)
        assert np.abs(found - exact).max() <= 2.0**-7 * np.abs(exact).max(), group
