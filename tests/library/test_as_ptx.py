"""Quantisers as PTX: the same codes, scales and zeros as on the reference machine, bit for bit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.devices import CARDS
from tests.library.reference import hard
from tilevm.library import quantise
from tilevm.library.quantise import Quantised

Made = Callable[[np.ndarray, str], Quantised]
WAYS: dict[str, Made] = {
    "groups u4": lambda x, device: quantise.groups(x, "u4", 64, device=device),
    "groups u4 with zeros": lambda x, device: quantise.groups(x, "u4", 32, zeros=True, device=device),
    "groups u3": lambda x, device: quantise.groups(x, "u3", 64, device=device),
    "mx f4e2m1": lambda x, device: quantise.mx(x, "f4e2m1", device=device),
    "mx f6e3m2, stochastic": lambda x, device: quantise.mx(x, "f6e3m2", rounding="stochastic", seed=5, device=device),
    "nvfp4": lambda x, device: quantise.nvfp4(x, device=device),
}


RAGGED = ["groups u3", "groups u4 with zeros"]  # masks make long code; four blocks of columns, and seven


@pytest.mark.parametrize("device", ["emulator", *CARDS])
@pytest.mark.parametrize(("way", "columns"), [*((way, 128) for way in WAYS), *((way, 200) for way in RAGGED)])
def test_codes_are_those_of_the_machine(way: str, columns: int, device: str) -> None:
    x = hard(37, columns)
    found, wanted = (WAYS[way](x, device) for device in (device, "vm"))
    assert np.array_equal(found.codes, wanted.codes)
    assert np.array_equal(found.scales, wanted.scales, equal_nan=found.scales.dtype.kind == "f")
    assert (found.zeros is None) == (wanted.zeros is None)
    if found.zeros is not None:
        assert np.array_equal(found.zeros, wanted.zeros)
    back = [quantise.dequantise(q, device=device) for q, device in ((found, device), (wanted, "vm"))]
    assert np.array_equal(*back, equal_nan=True)
