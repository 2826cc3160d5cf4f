"""Weights in the order of fragments: every width, the exact inverse, and layouts that do not fit."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st

import tilevm as tv
from tests.conftest import Golden
from tests.layout.strategies import register_layouts
from tilevm.layout import Layout, LayoutError, column_local, local, replicate, row_major, spatial
from tilevm.source import TileError

HERE = Path(__file__).parent
MMA_B = local(2, 1) * spatial(4, 8, order=(1, 0)) * local(2, 1)  # of m16n8k16: k x n
WARPS = replicate(2) * spatial(1, 2) * local(4, 2) * MMA_B


def codes_of(dtype: tv.DType, shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 1 << dtype.bits, shape).astype(np.uint8)


@pytest.mark.parametrize("bits", range(1, 9))
def test_every_width_comes_back(bits: int) -> None:
    dtype = tv.dtype(f"u{bits}")
    codes = codes_of(dtype, (192, 96))
    packed = tv.pack_weights(codes, dtype, WARPS)
    assert packed.fragment_bytes % 16 == 0 and packed.nbytes == len(packed.buffer)
    np.testing.assert_array_equal(packed.unpack(), codes)


@pytest.mark.parametrize("dtype", ["i4", "f4e2m1", "f6e3m2", "f8e4m3", "i8", "bf16"])
def test_other_types(dtype: str) -> None:
    kind = tv.dtype(dtype)
    codes = tv.encode(np.random.default_rng(0).standard_normal((64, 64)), kind)
    np.testing.assert_array_equal(tv.pack_weights(codes, kind, WARPS).unpack(), codes)


@pytest.mark.parametrize("bits", [1, 3, 4, 8])
def test_the_order_is_what_threads_hold(bits: int) -> None:
    """Fragment by fragment, against ``index_at``: registers, tiles of the group, threads, other tiles, groups."""
    dtype = tv.dtype(f"u{bits}")
    shape = (WARPS.shape[0] * 5, WARPS.shape[1] * 2)
    codes = codes_of(dtype, shape)
    packed = tv.pack_weights(codes, dtype, WARPS)
    held = tv.unpack(packed.buffer, dtype, packed.nbytes * 8 // bits)
    distinct = sorted({min(t for t, _ in WARPS.owners(index)) for index in product(*map(range, WARPS.shape))})
    expected = [
        element(codes, WARPS, thread, slot, (group * packed.group + tile, column))
        for group in range(packed.tiles[0] // packed.group)
        for column in range(2)
        for thread in distinct
        for tile in range(packed.group)
        for slot in range(WARPS.registers)
    ]
    assert held.tolist() == expected


def element(codes: np.ndarray, layout: Layout, thread: int, slot: int, tile: tuple[int, int]) -> int:
    index = layout.index_at(thread, slot)
    assert index is not None
    place = tuple(t * n + i for t, n, i in zip(tile, layout.shape, index, strict=True))
    return int(codes[place]) if all(i < n for i, n in zip(place, codes.shape, strict=True)) else 0


@given(register_layouts(2), st.integers(1, 8), st.integers(1, 20), st.integers(1, 20))
def test_any_fragment_and_any_shape(layout: Layout, bits: int, rows: int, columns: int) -> None:
    dtype = tv.dtype(f"u{bits}")
    codes = codes_of(dtype, (rows, columns))
    packed = tv.pack_weights(codes, dtype, layout)
    assert packed.fragment_bytes % 16 == 0
    np.testing.assert_array_equal(packed.unpack(), codes)


def test_torch_gives_torch() -> None:
    torch = pytest.importorskip("torch")
    codes = torch.randint(0, 16, (64, 64), dtype=torch.uint8)
    packed = tv.pack_weights(codes, "u4", WARPS)
    assert isinstance(packed.buffer, torch.Tensor)
    np.testing.assert_array_equal(packed.unpack(), codes.numpy())


@tv.kernel("x: f16[M, K], w: u4[K, N] packed, y: f32[M, N]", grid=lambda M, N, **_: (tv.cdiv(M, 16), tv.cdiv(N, 64)))
def linear(x: tv.Tensor, w: tv.Tensor, y: tv.Tensor) -> None:
    _, K = x.shape
    m, n = tv.program_id(0) * 16, tv.program_id(1) * 64
    acc = tv.zeros((16, 64), tv.f32)
    for k in tv.range(0, K, 64):
        acc = tv.dot(x.load((m, k), (16, 64)), w.load((k, n), (64, 64)).to(tv.f16), acc)
    y.store((m, n), acc)


SIGNATURE = "x: f16[M, K%64], w: u4[K%64, N%64] packed, y: f32[M, N%64]"


def test_what_a_kernel_wants() -> None:
    compiled = linear.compile(SIGNATURE, target="sm_80", num_warps=4)
    layout = compiled.layouts["w"]
    assert layout.shape == (64, 64) and layout.threads == 128
    codes = codes_of(tv.u4, (128, 256))
    packed = tv.pack_weights(codes, "u4", layout)
    np.testing.assert_array_equal(packed.unpack(), codes)
    other = linear.compile(SIGNATURE, target="sm_80", num_warps=2).layouts["w"]
    assert other != layout


X, Y = np.zeros((16, 128), np.float16), np.zeros((16, 256), np.float32)


def refused_of_another() -> None:
    compiled = linear.compile(SIGNATURE, target="sm_80", num_warps=4)
    other = linear.compile(SIGNATURE, target="sm_80", num_warps=2).layouts["w"]
    compiled(X, tv.pack_weights(codes_of(tv.u4, (128, 256)), "u4", other), Y)


WRONG = {
    "of_another_layout": refused_of_another,
    "on_the_cpu": lambda: linear(X, tv.pack_weights(codes_of(tv.u4, (128, 256)), "u4", WARPS), Y),
    "compiled_for_the_cpu": lambda: linear.compile(SIGNATURE)(
        X, tv.pack_weights(codes_of(tv.u4, (128, 256)), "u4", WARPS), Y
    ),
    "no_code": lambda: tv.pack_weights(np.full((64, 64), 16), "u4", WARPS),
    "of_another_rank": lambda: tv.pack_weights(np.zeros(64, np.uint8), "u4", WARPS),
    "of_memory": lambda: tv.pack_weights(np.zeros((64, 64), np.uint8), "u4", row_major(8, 8)),
}


@pytest.mark.parametrize("name", WRONG)
def test_refusals(name: str, golden: Golden) -> None:
    with pytest.raises((TileError, LayoutError)) as caught:
        WRONG[name]()
    golden(HERE / "weights" / f"{name}.txt", str(caught.value))


def test_empty_arrays() -> None:
    packed = tv.pack_weights(np.zeros((0, 64), np.uint8), "u4", column_local(8, 8))
    assert packed.nbytes == 0 and packed.unpack().shape == (0, 64)
