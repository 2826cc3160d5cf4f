"""Every example runs as a script and is right on every device."""

import os
import subprocess
import sys
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from tests.devices import EVERYWHERE, on
from tilevm.optional import load_file, optional

EXAMPLES = Path(__file__).parents[2] / "examples"
vector_add = load_file(str(EXAMPLES / "vector_add.py"))
softmax = load_file(str(EXAMPLES / "softmax.py"))
matmul = load_file(str(EXAMPLES / "matmul.py"))


@pytest.mark.parametrize("name", [path.stem for path in sorted(EXAMPLES.glob("*.py")) if path.stem != "demo"])
def test_example_is_a_script(name: str) -> None:
    env = {**os.environ, "PYTHONPATH": str(EXAMPLES.parent)}  # a bare checkout will do
    done = subprocess.run([sys.executable, EXAMPLES / f"{name}.py"], capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    assert "largest error" in done.stdout


@pytest.mark.parametrize("device", EVERYWHERE)
@pytest.mark.parametrize("size", [0, 1, 15, 16, 8192, 8193, 20_000])
def test_vector_add_of_any_size(size: int, device: str) -> None:
    a, b = np.random.default_rng(0).random((2, size), dtype=np.float32)
    c = np.full(size, np.nan, np.float32)
    vector_add.vector_add(a, b, c, **on(device))
    assert np.array_equal(c, a + b)


@pytest.mark.parametrize("device", EVERYWHERE)
@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (5, 100), (2, 1024)])
def test_softmax_of_short_rows(shape: tuple[int, int], device: str) -> None:
    x = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    y = np.empty_like(x)
    softmax.softmax(x, y, **on(device))
    assert np.abs(y - softmax.reference(x)).max() < 1e-6


def bound(k: int, kind: type) -> float:
    """The error that a product summed over k may have: rounding of the result, and of f32 sums."""
    eps = {np.float32: 2.0**-23, np.float16: 2.0**-10, ml_dtypes.bfloat16: 2.0**-7}[kind]
    return 60.0 * eps + k * 2.0**-22


@pytest.mark.parametrize("device", EVERYWHERE)
@pytest.mark.parametrize("kind", [np.float32, np.float16, ml_dtypes.bfloat16])
@pytest.mark.parametrize("size", [(1, 1, 1), (64, 64, 64), (33, 47, 5), (130, 70, 129)])
def test_matmul_of_ragged_sizes(size: tuple[int, int, int], kind: type, device: str) -> None:
    m, n, k = size
    rng = np.random.default_rng(0)
    a, b, bias = (rng.standard_normal(shape).astype(kind) for shape in ((m, k), (k, n), (n,)))
    c = np.empty((m, n), kind)
    matmul.matmul(a, b, bias, c, BM=64, BN=64, BK=64, **on(device))
    assert np.abs(c.astype(float) - matmul.reference(a, b, bias)).max() < bound(k, kind)


@pytest.mark.parametrize("block", [(8, 16, 4), (24, 40, 12), (7, 5, 3), (128, 96, 64)])
def test_matmul_with_odd_blocks(block: tuple[int, int, int]) -> None:
    bm, bn, bk = block
    rng = np.random.default_rng(0)
    a, b, bias = (rng.standard_normal(shape, dtype=np.float32) for shape in ((50, 61), (61, 45), (45,)))
    c = np.empty((50, 45), np.float32)
    matmul.matmul(a, b, bias, c, BM=bm, BN=bn, BK=bk)
    assert np.abs(c - matmul.reference(a, b, bias)).max() < 1e-4


def test_matmul_of_transposed_and_strided_arrays() -> None:
    rng = np.random.default_rng(0)
    a = rng.standard_normal((40, 90), dtype=np.float32)[:, ::2]
    b = rng.standard_normal((30, 45), dtype=np.float32).T
    bias = rng.standard_normal(60, dtype=np.float32)[::-2]
    c = np.zeros((60, 40), np.float32).T[:, :60:2]
    matmul.matmul(a, b, bias, c, BM=32, BN=32, BK=32)
    assert np.abs(c - matmul.reference(a, b, bias)).max() < 1e-4


def test_matmul_of_torch_tensors() -> None:
    torch = optional("torch")
    if torch is None:
        pytest.skip("torch is not installed")
    a, b, bias = (torch.randn(s, dtype=torch.bfloat16) for s in ((20, 30), (30, 10), (10,)))
    c = torch.empty(20, 10, dtype=torch.bfloat16)
    matmul.matmul(a, b, bias, c)
    exact = torch.nn.functional.gelu(a.double() @ b.double() + bias.double())
    assert (c.double() - exact).abs().max() < 0.1
