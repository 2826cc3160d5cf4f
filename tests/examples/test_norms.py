"""Layer norm and RMS norm, forward and backward, against float64 and against torch's own gradients."""

from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from tests.devices import EVERYWHERE, on
from tilevm.optional import load_file, optional

norms = load_file(str(Path(__file__).parents[2] / "examples" / "norms.py"))
SHAPES = [(1, 1), (3, 7), (65, 100), (130, 33), (5, 1500)]
BOUND = {np.float32: 3e-6, ml_dtypes.bfloat16: 1e-2}  # of the largest number


def close(found: tuple, exact: tuple, bound: float) -> None:
    for name, a, e in zip(("y", "dx", "dweight", "dbias"), found, exact, strict=True):
        if a is not None:
            scale = max(np.abs(e).max(), 2e-2)  # dx of a single column is what remains of numbers near 0.05
            assert np.abs(a.astype(np.float64) - e).max() <= bound * scale, name


@pytest.mark.parametrize("centred", [True, False], ids=["layer", "rms"])
@pytest.mark.parametrize("kind", BOUND)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("device", EVERYWHERE)
def test_rows_of_any_length(device: str, shape: tuple[int, int], kind: type, centred: bool) -> None:
    if device != "cpu" and shape[0] > 70:
        pytest.skip("small shapes are enough for the machine")
    given = norms.problem(np.random.default_rng(0), *shape, kind)
    x, weight, dy, bias = given["x"], given["weight"], given["dy"], given["bias"] if centred else None
    exact = norms.reference(x, weight, bias, dy, 1e-5 if centred else 1e-6)
    close(norms.run(x, weight, bias, dy, **on(device)), exact, BOUND[kind])


@pytest.mark.parametrize("rows", [63, 64, 65, 128, 600])
def test_gradients_of_weights_add_up_over_programs(rows: int) -> None:
    given = norms.problem(np.random.default_rng(1), rows, 20, np.float32)
    found = norms.run(given["x"], given["weight"], given["bias"], given["dy"])
    assert np.abs(found[3] - given["dy"].astype(np.float64).sum(axis=0)).max() < 1e-4


def test_a_large_mean_does_not_cancel() -> None:
    x = (np.random.default_rng(0).standard_normal((4, 300)) + 3000).astype(np.float32)
    one, zero = np.ones(300, np.float32), np.zeros(300, np.float32)
    y, *_ = norms.run(x, one, zero, x)
    assert np.abs(y - norms.reference(x, one, zero, x, 1e-5)[0]).max() < 2e-3


def test_statistics_are_those_of_the_rows() -> None:
    given = norms.problem(np.random.default_rng(0), 9, 33, np.float32)
    x, mean, rstd = given["x"], given["mean"], given["rstd"]
    norms.layer_norm(x, given["weight"], given["bias"], given["y"], mean, rstd, BLOCK=48)
    assert np.allclose(mean, x.mean(axis=1), atol=1e-6)
    assert np.allclose(rstd, 1 / np.sqrt(x.var(axis=1) + 1e-5), rtol=1e-5)


@pytest.mark.parametrize("name", ["layer_norm", "rms_norm"])
def test_torch_agrees(name: str) -> None:
    torch = optional("torch")
    if torch is None:
        pytest.skip("torch is not installed")
    x, weight, bias, dy = (torch.randn(s) for s in ((70, 45), (45,), (45,), (70, 45)))
    leaves = [t.clone().requires_grad_() for t in ((x, weight, bias) if name == "layer_norm" else (x, weight))]
    eps = 1e-5 if name == "layer_norm" else 1e-6
    function = getattr(torch.nn.functional, name)
    y = function(leaves[0], (45,), *leaves[1:], eps=eps)
    y.backward(dy)
    mine = norms.run(*(t.numpy() for t in (x, weight)), bias.numpy() if name == "layer_norm" else None, dy.numpy())
    exact = [y.detach(), *(t.grad for t in leaves)]
    close(
        mine[: len(exact)] + (None,) * (4 - len(exact)), (*(e.numpy() for e in exact), *[None] * (4 - len(exact))), 1e-5
    )


def test_torch_tensors_go_in() -> None:
    torch = optional("torch")
    if torch is None:
        pytest.skip("torch is not installed")
    x, weight, bias = (torch.randn(s, dtype=torch.bfloat16) for s in ((20, 30), (30,), (30,)))
    y, mean, rstd = torch.empty_like(x), torch.empty(20), torch.empty(20)
    norms.layer_norm(x, weight, bias, y, mean, rstd, BLOCK=norms.row_block(30))
    exact = torch.nn.functional.layer_norm(x.double(), (30,), weight.double(), bias.double())
    assert (y.double() - exact).abs().max() < 0.03
