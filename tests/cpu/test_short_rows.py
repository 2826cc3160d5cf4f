"""Nests of short rows: boxes are looked at once, and what lies outside or begins inside a byte takes the other way."""

from __future__ import annotations

import numpy as np
import pytest

import tilevm as tv

ROWS, COLUMNS = 40, 32
GRID = {"grid": lambda M, N, **_: (tv.cdiv(N, COLUMNS), tv.cdiv(M, ROWS))}


@tv.kernel("x: T[M, N], y: C[M, N] packed", **GRID)
def packed(x: tv.Tensor, y: tv.Tensor) -> None:
    at = tv.program_id(1) * ROWS, tv.program_id(0) * COLUMNS
    y.store(at, x.load(at, (ROWS, COLUMNS)).to(y.dtype))


@tv.kernel("x: T[M, N], y: T[M, N]", **GRID)
def doubled(x: tv.Tensor, y: tv.Tensor, i: int) -> None:
    at = tv.program_id(1) * ROWS + i, tv.program_id(0) * COLUMNS - i
    y.store(at, x.load(at, (ROWS, COLUMNS)) * 2)


@tv.kernel("x: f32[40, 32], y: f32[40, 32]")
def always_inside(x: tv.Tensor, y: tv.Tensor) -> None:
    y.store((0, 0), x.load((0, 0), (ROWS, COLUMNS)) * 2)


SHAPES = [(80, 64), (79, 64), (80, 61), (41, 33), (1, 1), (120, 36)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", ["u1", "u3", "i4", "f4e2m1", "f6e3m2", "u12", "i33"])
def test_packed_rows(name: str, shape: tuple[int, int]) -> None:
    """Rows that fill whole bytes or begin inside them, in boxes inside and across the end; bits behind stay."""
    kind, count = tv.dtype(name), shape[0] * shape[1]
    x = np.random.default_rng(count).integers(0, 2, shape).astype(np.float32)
    buffer = np.full(-(-count * kind.bits // 8) + 1, 0xFF, np.uint8)
    packed(x, tv.packed(buffer, kind, shape))
    found = tv.decode(tv.unpack(buffer, kind, count), kind).reshape(shape)
    assert np.array_equal(found, x)
    used, spare = divmod(count * kind.bits, 8)
    assert buffer[-1] == 0xFF and (not spare or buffer[used] >> spare == 0xFF >> spare)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("first", [0, 3, -5])
def test_boxes_across_every_side(shape: tuple[int, int], first: int) -> None:
    x = np.random.default_rng(1).standard_normal(shape, dtype=np.float32)
    found, expected = np.zeros_like(x), np.zeros_like(x)
    doubled(x, found, first)
    doubled(x, expected, first, device="vm")
    assert np.array_equal(found, expected) and (found.any() or shape == (1, 1))


def test_what_is_known_to_lie_inside_is_not_looked_at() -> None:
    x = np.random.default_rng(2).standard_normal((ROWS, COLUMNS), dtype=np.float32)
    y = np.zeros_like(x)
    always_inside[1](x, y)
    assert np.array_equal(y, 2 * x)
    assert "masked" not in always_inside.compile(x, y).stages["llvm"]
