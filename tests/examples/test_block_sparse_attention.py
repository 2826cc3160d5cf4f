"""Block-sparse attention against dense attention under the same mask, and its lists of tiles."""

from collections.abc import Callable
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

import tilevm as tv
from tests.devices import EVERYWHERE, on
from tilevm.optional import load_file

sparse = load_file(str(Path(__file__).parents[2] / "examples" / "block_sparse_attention.py"))


@tv.function
def everything(row, column, row_label, column_label):
    return row_label + 1 > row_label


@tv.function
def nothing_for_odd_rows(row, column, row_label, column_label):
    return row % 2 == 0


@tv.function
def checkers(row, column, row_label, column_label):
    """Whole tiles of 32 by 16, and empty ones."""
    return (row // 32 + column // 16) % 2 == 0


MASKS = [sparse.causal, sparse.window, sparse.document, everything, nothing_for_odd_rows, checkers]
SIZES = [(100, 100, 32, 16), (64, 64, 32, 16), (33, 50, 16, 32), (1, 1, 16, 16), (70, 130, 64, 64)]
BOUND = {np.float32: 2e-6, ml_dtypes.bfloat16: 2e-2}


def attend(mask: Callable, size: tuple[int, int, int, int], kind: type, device: str) -> tuple[np.ndarray, np.ndarray]:
    m, n, bm, bn = size
    (q, k, v, o), (rows, columns) = sparse.problem(np.random.default_rng(0), 4, 2, m, n, 16, kind)
    blocks = sparse.BlockMask.of(mask, rows, columns, bm, bn)
    sparse.attend(q, k, v, o, blocks, 0.25, **on(device))
    return o.astype(np.float64), sparse.reference(q, k, v, sparse.dense(mask, rows, columns), 0.25)


@pytest.mark.parametrize("mask", MASKS, ids=lambda m: m.__name__)
@pytest.mark.parametrize("device", EVERYWHERE)
def test_any_mask(device: str, mask: Callable) -> None:
    found, exact = attend(mask, (100, 77, 32, 16), np.float32, device)
    assert np.abs(found - exact).max() < BOUND[np.float32]


@pytest.mark.parametrize("kind", BOUND)
@pytest.mark.parametrize("size", SIZES)
def test_any_size(size: tuple[int, int, int, int], kind: type) -> None:
    found, exact = attend(sparse.document, size, kind, "cpu")
    assert np.abs(found - exact).max() < BOUND[kind]


def test_queries_that_see_nothing_give_zero() -> None:
    found, _ = attend(nothing_for_odd_rows, (70, 130, 64, 64), np.float32, "cpu")
    assert (found[:, :, 1::2] == 0).all()
    assert (found[:, :, ::2] != 0).any(axis=-1).all()


def test_tiles_that_nobody_sees_are_not_read() -> None:
    """NaN in keys under empty tiles would spread otherwise."""
    (q, k, v, o), (labels, _) = sparse.problem(np.random.default_rng(0), 2, 2, 64, 64, 16)
    k[:, :, 48:] = v[:, :, 48:] = np.nan
    sparse.attend(q, k, v, o, sparse.BlockMask.of(sparse.causal, labels, labels, 16, 16), 0.25)
    assert np.isfinite(o[:, :, :48]).all() and np.isnan(o[:, :, 48:]).all()


def test_lists_of_the_causal_mask() -> None:
    labels = np.zeros(512, np.int32)
    blocks = sparse.BlockMask.of(sparse.causal, labels, labels, 128, 128)
    assert blocks.part_count.tolist() == [1, 1, 1, 1], "the diagonal"
    assert blocks.full_count.tolist() == [0, 1, 2, 3]
    assert [row[:n].tolist() for row, n in zip(blocks.full_index, blocks.full_count, strict=True)] == [
        [],
        [0],
        [0, 1],
        [0, 1, 2],
    ]
    assert blocks.part_index[:, 0].tolist() == [0, 1, 2, 3]


def test_ragged_tiles_are_never_full() -> None:
    labels = np.zeros(100, np.int32)
    blocks = sparse.BlockMask.of(everything, labels, labels, 64, 64)
    assert blocks.full_count.tolist() == [1, 0]
    assert blocks.part_count.tolist() == [1, 2]
