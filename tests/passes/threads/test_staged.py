"""Loads that run ahead: read by matrices also behind reshapes, and masked by what is left of the tensor."""

from __future__ import annotations

import re

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import tilevm as tv
from tilevm.library.attention import attention
from tilevm.passes import every_pass, through
from tilevm.text import print_func

BF16 = ml_dtypes.bfloat16


def loops(text: str) -> list[str]:
    """The bodies of loops at the top of a function."""
    return re.findall(r"^  [^\n]* = for .*?^  \}", text, re.MULTILINE | re.DOTALL)


def test_keys_and_values_behind_a_reshape_are_read_by_matrices() -> None:
    x = np.empty((1, 2, 256, 64), BF16)
    made = attention.compile(x, x, x, x, 0.1, D=64, causal=True, BM=64, BN=64, target="sm_80")
    for body in loops(made.stages["thread"]):
        assert body.count("= matrix_load") == 2 and "shared_load" not in body and "shared_store" not in body
    for body in loops(made.stages["optimised"]):
        assert "convert" not in body


@tv.kernel("a: T[M, K], b: T[K, N], c: f32[M, N]", grid=lambda M, N, **_: (tv.cdiv(M, 32), tv.cdiv(N, 32)))
def product(a, b, c):
    m, n = tv.program_id(0) * 32, tv.program_id(1) * 32
    acc = tv.zeros((32, 32), tv.f32)
    for k in tv.range(0, a.shape[1], 32, num_stages=3):
        acc = tv.dot(a.load((m, k), (32, 32)), b.load((k, n), (32, 32)), acc)
    c.store((m, n), acc)


@tv.kernel("a: T[M, K], c: f32[M, N], end: i32", grid=1)
def first(a, c, end):
    """The loop ends before the tensor does."""
    acc = tv.zeros((32, 32), tv.f32)
    for k in tv.range(0, end, 32, num_stages=2):
        tile = a.load((0, k), (32, 32))
        acc = tv.dot(tile, tile.T, acc)
    c.store((0, 0), acc)


def arrays(m: int, n: int, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(m + n + k)
    a, b = (rng.integers(-3, 4, shape).astype(np.float16) for shape in ((m, k), (k, n)))
    return a, b, np.zeros((m, n), np.float32)


def staged(kernel: object, *args: object) -> str:
    made = kernel.compile(*args, target="sm_80", num_warps=2)  # type: ignore[attr-defined]
    return print_func(through(made.build.tile, "stage", every_pass("sm_80", 2)))


def test_a_loop_that_ends_with_the_tensor_needs_no_other_mask() -> None:
    a, b, c = arrays(64, 64, 64)
    assert not re.search(r"fetch [^\n]*\], %", staged(product, a, b, c))
    assert re.search(r"fetch [^\n]*\], %", staged(first, a, c, 32))


def test_edges_are_told_by_what_is_left() -> None:
    """Constants are compared with, and nothing is added up for a vector. Without a grid offsets may lie anywhere."""
    a, b, c = arrays(64, 64, 64)
    body = loops(product.compile(a, b, c, target="sm_80", num_warps=2).stages["thread"])[0]
    assert "u32" not in body and "= gt " in body
    free = product.gridless.compile(a, b, c, target="sm_80", num_warps=2).stages["thread"]
    assert "u32" in free


@settings(max_examples=12)
@given(*[st.integers(1, 5).map(lambda n: 16 * n) for _ in range(3)])
@pytest.mark.parametrize("device", ["emulator", "vm"])
def test_ragged_products(device: str, m: int, n: int, k: int) -> None:
    a, b, c = arrays(m, n, k)
    product(a, b, c, device=device, target="sm_80", num_warps=2)
    assert np.array_equal(c, a.astype(np.float32) @ b.astype(np.float32))


@pytest.mark.parametrize("end", [0, 1, 32, 33, 64, 80])
def test_loops_that_end_elsewhere(end: int) -> None:
    a, _, c = arrays(32, 32, 96)
    first(a, c, end, device="emulator", num_warps=2)
    held = a[:, : -(-end // 32) * 32].astype(np.float32)
    assert np.array_equal(c, held @ held.T)
