"""What Triton 3.9.0 made of small kernels for sm_80 (tests/emulator/ptx): the right numbers, and no hazard."""

from typing import Any

import ml_dtypes
import numpy as np
import pytest

from tests.emulator.running import kernel

RANDOM = np.random.default_rng(2)
BRAIN: Any = ml_dtypes.bfloat16
CASES: dict[str, tuple[Any, Any, int, int]] = {  # types, tile, and bytes of shared memory as Triton gives them
    "f16": (np.float16, np.float16, 128, 32768),
    "bf16": (BRAIN, BRAIN, 64, 16384),
    "tf32": (np.float32, np.float32, 64, 32768),
    "s8": (np.int8, np.int32, 64, 16384),
}


def matrix(kind: Any, *shape: int) -> np.ndarray[Any, Any]:
    if kind is np.int8:
        return RANDOM.integers(-128, 128, shape).astype(np.int8)
    return RANDOM.standard_normal(shape).astype(kind)


@pytest.mark.parametrize("n", [1, 1000, 1500])
def test_add(n: int) -> None:
    x, y = RANDOM.random((2, n), np.float32)
    out = np.zeros(n, np.float32)
    kernel("triton_add", "add").launch(-(-n // 1024), 128, [x, y, out, n, 0, 0])
    assert (out == x + y).all()


def test_softmax() -> None:
    x = RANDOM.standard_normal((3, 1000)).astype(np.float32)
    out = np.zeros_like(x)
    kernel("triton_softmax", "softmax").launch(3, 128, [x, out, 1000, 0, 0], shared_bytes=16)
    powers = np.exp(x.astype(float) - x.max(1, keepdims=True))
    np.testing.assert_allclose(out, powers / powers.sum(1, keepdims=True), rtol=1e-5)


@pytest.mark.parametrize("kind", CASES)
@pytest.mark.parametrize("shape", [(128, 128, 128), (77, 144, 80), (5, 16, 16)])
def test_matmul(kind: str, shape: tuple[int, int, int]) -> None:
    own, result, tile, shared = CASES[kind]
    m, n, k = shape
    a, b, c = matrix(own, m, k), matrix(own, k, n), np.zeros((m, n), result)
    grid = (-(-m // tile), -(-n // tile))
    kernel(f"triton_matmul_{kind}", "matmul").launch(grid, 128, [a, b, c, m, n, k, k, n, n, 0, 0], shared)
    if kind == "s8":
        assert (c == a.astype(int) @ b.astype(int)).all()
        return
    x, y = (truncated(v) if kind == "tf32" else v.astype(float) for v in (a, b))
    exact = x @ y
    rounding = {"f16": 2.0**-10, "bf16": 2.0**-7, "tf32": 2.0**-20}[kind]
    np.testing.assert_allclose(c.astype(float), exact, atol=rounding * np.abs(x).max() * np.abs(y).max(), rtol=rounding)


def truncated(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The bits of tf32 alone."""
    return (x.view(np.uint32) & 0xFFFFE000).view(np.float32).astype(float)


def test_attention() -> None:
    length, width = 128, 64
    q, k, v = (RANDOM.standard_normal((2, length, width)).astype(np.float16) for _ in range(3))
    out = np.zeros_like(q)
    kernel("triton_attention", "attention").launch((2, 2), 128, [q, k, v, out, 0.125, length, 0, 0], 24576)
    scores = q.astype(float) @ k.astype(float).transpose(0, 2, 1) * 0.125
    scores = np.where(np.tril(np.ones((length, length), bool)), scores, -np.inf)
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    wanted = powers / powers.sum(-1, keepdims=True) @ v.astype(float)
    np.testing.assert_allclose(out.astype(float), wanted, atol=2e-3)


def test_scan_sort_and_place_of_the_largest() -> None:
    x = RANDOM.integers(-99, 99, 128).astype(np.float32)
    sums, ordered, place = np.zeros_like(x), np.zeros_like(x), np.zeros(1, np.int32)
    kernel("triton_scan_and_sort", "scan_and_sort").launch(1, 128, [x, sums, ordered, place, 0, 0], 512)
    assert (sums == np.cumsum(x)).all()
    assert (ordered == np.sort(x)).all()
    assert place[0] == np.argmax(x)


def test_casts() -> None:
    edges = [0.0, -0.0, 1.0, -1.5, 65504.0, 65520.0, 7e4, 1e-8, -6e-8, 3e-5, 1e9, np.inf, 57344.0, 61440.0, 1 + 2**-9]
    x = np.array([*edges, *RANDOM.standard_normal(200) * 100], np.float32)
    n = len(x)
    half, brain, small = np.zeros(n, np.float16), np.zeros(n, BRAIN), np.zeros(n, np.uint8)
    whole = np.zeros(n, np.int32)
    kernel("triton_casts", "casts").launch(1, 128, [x, half, brain, small, whole, n, 0, 0])
    with np.errstate(over="ignore"):
        assert (half == x.astype(np.float16)).all()
        assert (brain == x.astype(BRAIN)).all()
    fits = np.abs(x) <= 57344  # Triton clamps what is larger
    eighth: Any = ml_dtypes.float8_e5m2
    assert (small[fits] == x[fits].astype(eighth).view(np.uint8)).all()
    assert (whole[np.abs(x) < 2**31] == np.trunc(x[np.abs(x) < 2**31])).all()


def philox(counter: int, seed: int) -> int:
    """The first word of Philox 4x32 with 10 rounds (Salmon et al. 2011)."""
    words, keys = [counter, 0, 0, 0], [seed, 0]
    for _ in range(10):
        left, right = 0xD2511F53 * words[0], 0xCD9E8D57 * words[2]
        words = [right >> 32 ^ words[1] ^ keys[0], right, left >> 32 ^ words[3] ^ keys[1], left]
        words = [w & 0xFFFFFFFF for w in words]
        keys = [(keys[0] + 0x9E3779B9) & 0xFFFFFFFF, (keys[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return words[0]


def test_random_numbers_and_atomics() -> None:
    counts, draws = np.zeros(16, np.int32), np.zeros(256, np.uint32)
    kernel("triton_random_counts", "random_counts").launch(2, 128, [counts, draws, 42, 0, 0])
    assert draws.tolist() == [philox(i, 42) for i in range(256)]
    assert (counts == np.bincount(draws & 15, minlength=16)).all()
