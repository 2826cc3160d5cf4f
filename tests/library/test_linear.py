"""Linear layers: how weights may be given, and what does not go together. Their numbers: tests/examples."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

import tilevm as tv
from tilevm.library import quantise
from tilevm.library.linear import linear
from tilevm.source import TileError

X = np.ones((2, 64), ml_dtypes.bfloat16)
W = tv.packed(np.full(256, 0x21, np.uint8), "u4", (8, 2, 32))
SCALE = np.ones((8, 2), ml_dtypes.bfloat16)


def test_weights_as_a_matrix_and_in_groups() -> None:
    found = [linear(X, w, SCALE) for w in (W, W.reshape((8, 64)))]
    assert (found[0] == 96).all() and np.array_equal(*found)


@pytest.mark.parametrize("rows", [1, 5])
@pytest.mark.parametrize("group", [16, 32, 64])
def test_what_quantisers_give_goes_in(group: int, rows: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((rows, 128)).astype(ml_dtypes.bfloat16)
    w = rng.standard_normal((24, 128)).astype(np.float32)
    q = quantise.groups(w, "i4", group, "bf16")
    exact = x.astype(float) @ quantise.dequantise(q).astype(float).T
    assert np.abs(linear(x, *q.arguments()).astype(float) - exact).max() <= 2.0**-8 * np.abs(exact).max()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ((X.ravel(), W, SCALE), "linear: x has the shape (128,), of 1 dimensions"),
        ((X, W, SCALE[0]), "linear: scale has the shape (2,), of 1 dimensions"),
        ((X, W, SCALE[:, :1]), "linear: scales (8, 1) do not go with weights (8, 2, 32)"),
        ((X, W, SCALE[:, :0]), "linear: scales (8, 0) do not go with weights (8, 2, 32)"),
        ((X, W.reshape((8, 64)), np.ones((8, 3), SCALE.dtype)), "linear: scales (8, 3) do not go with weights (8, 64)"),
        ((X[:, :32], W, SCALE), "dim K is 32 in x (axis 1) and 64 in w (axis 1)"),
        ((X, W, SCALE[:4]), "dim N is 8 in w (axis 0) and 4 in scale (axis 0)"),
    ],
)
def test_what_does_not_go_together(given: tuple, says: str) -> None:
    with pytest.raises(TileError) as caught:
        linear(*given)
    told = str(caught.value)
    assert told.startswith(f"error: {says}\n") and "\nhelp: " in told
