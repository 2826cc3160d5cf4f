"""Prefetches of the next program's box: where a box is read twice, by programs that step by a known number."""

from __future__ import annotations

import numpy as np
import pytest

import tilevm as tv

BLOCK, COUNT = 32, 8
GRID = {"grid": lambda G, **_: (tv.cdiv(G, COUNT),)}


@tv.kernel("x: f32[G, B], y: f32[G, B]", **GRID)
def twice(x: tv.Tensor, y: tv.Tensor) -> None:
    at = tv.program_id(0) * COUNT, 0
    tile = x.load(at, (COUNT, BLOCK))
    y.store(at, tile * tile.max(axis=1)[:, None])


@tv.kernel("x: f32[G, B], y: f32[G, B]", **GRID)
def once(x: tv.Tensor, y: tv.Tensor) -> None:
    at = tv.program_id(0) * COUNT, 0
    y.store(at, x.load(at, (COUNT, BLOCK)) * 2.0)


@tv.kernel("x: f32[G, B], y: f32[G, B]", **GRID)
def at_a_place_of_no_slope(x: tv.Tensor, y: tv.Tensor) -> None:
    at = tv.program_id(0) * COUNT // 3 * 3, 0
    tile = x.load(at, (COUNT, BLOCK))
    y.store((tv.program_id(0) * COUNT, 0), tile * tile.max(axis=1)[:, None])


@tv.kernel("x: f32[G, B], y: f32[G, B]", **GRID)
def of_long_rows(x: tv.Tensor, y: tv.Tensor) -> None:
    at = tv.program_id(0) * COUNT, 0
    tile = x.load(at, (COUNT, 1024))
    y.store(at, tile * tile.max(axis=1)[:, None])


@pytest.mark.parametrize(
    ("kernel", "asks"), [(twice, True), (once, False), (at_a_place_of_no_slope, False), (of_long_rows, False)]
)
def test_which_kernels_ask(kernel: tv.Kernel, asks: bool) -> None:
    """A row of 128 bytes is two lines."""
    x = np.zeros((64, BLOCK), np.float32)
    calls = kernel.compile(x, x.copy()).stages["llvm"].count('call void @"llvm.prefetch.p0"')
    assert calls == (2 if asks else 0)


@pytest.mark.parametrize("rows", [61, (1 << 17) + 3])
def test_numbers_are_the_same(rows: int) -> None:
    """The addresses asked for lie outside at the last program, which no instruction minds."""
    x = np.random.default_rng(0).standard_normal((rows, BLOCK), dtype=np.float32)
    y = np.zeros_like(x)
    twice(x, y)
    assert np.array_equal(y, x * x.max(axis=1, keepdims=True))
