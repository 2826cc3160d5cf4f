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
        (([[1.0] * 64], W, SCALE), "linear: x has no shape, as it is a list"),
        ((X, None, SCALE), "linear: the weights has no shape, as it is a NoneType"),
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


@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize(("m", "n", "h", "g"), [(0, 8, 2, 32), (2, 0, 2, 32), (2, 8, 2, 0), (2, 8, 1, 0), (0, 0, 1, 0)])
def test_nothing_to_add_up_is_zero(m: int, n: int, h: int, g: int, zeros: bool) -> None:
    scale = np.ones((n, h), np.float32)
    w = tv.packed(np.zeros(n * h * g // 2, np.uint8), "u4", (n, h, g))
    found = linear(np.ones((m, h * g), np.float32), w, scale, scale if zeros else None)
    assert found.shape == (m, n) and not found.any()


@pytest.mark.parametrize(
    ("x", "w"), [("float16", "f8e8m0"), ("float16", "f8ue5m3"), ("bfloat16", "u9"), ("float32", "u25")]
)
def test_weights_that_x_does_not_hold_are_refused(x: str, w: str) -> None:
    """2**100 would be infinity in f16, and 511 would be 512 in bf16."""
    dtype = tv.dtype(w)
    weights = tv.packed(np.ones(64 * dtype.bits // 8, np.uint8), dtype, (1, 64))
    with pytest.raises(TileError, match=f"does not hold every weight of {w}\n"):
        linear(np.ones((1, 64), getattr(ml_dtypes, x, x)), weights, SCALE[:1])


@pytest.mark.parametrize("rows", [5, 17])
def test_rows_that_are_multiplied_and_added_up(rows: int) -> None:
    """x is staged ahead, and both a product of f32 and the sums of zero points take it: 48 columns in runs of 16."""
    rng = np.random.default_rng(0)
    x, codes = rng.standard_normal((rows, 48)).astype(np.float32), rng.integers(0, 16, (33, 48))
    scale, zero = np.ones((33, 1), np.float32), rng.integers(0, 8, (33, 1)).astype(np.float32)
    found = linear(x, tv.packed(tv.pack(codes, "u4"), "u4", codes.shape), scale, zero, device="emulator")
    exact, terms = x.astype(float) @ (codes - zero).T, np.abs(x) @ (codes + zero).T
    assert (np.abs(found - exact) <= 2 * 48 * 2.0**-24 * terms).all()
