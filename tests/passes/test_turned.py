"""Products with few rows on the matrix unit: turned, with their rows added up there too."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

import tilevm as tv
from tests.devices import on
from tilevm.frontend.kernel import Kernel
from tilevm.ir import ops, threads
from tilevm.ir.rewrite import walk
from tilevm.passes import every_pass, through
from tilevm.target import TARGETS

BF16 = ml_dtypes.bfloat16
DEVICES = ["sm_80", "gfx942", "emulator"]


@tv.kernel("a: T[M, K], b: T[K, N], c: C[M, N]", grid=lambda N, **_: (tv.cdiv(N, 32),))
def few(a: tv.Tensor, b: tv.Tensor, c: tv.Tensor, R: tv.constexpr = 8) -> None:
    n = tv.program_id(0) * 32
    acc = tv.zeros((R, 32), c.dtype)
    for k in tv.range(0, a.shape[1], 64, num_stages=2):
        acc = tv.dot(a.load((0, k), (R, 64)), b.load((k, n), (64, 32)), acc)
    c.store((0, n), acc)


@tv.kernel("a: T[M, K], b: T[K, N], c: f32[M, N]", grid=lambda N, **_: (tv.cdiv(N, 32),))
def centred(a: tv.Tensor, b: tv.Tensor, c: tv.Tensor, R: tv.constexpr = 8) -> None:
    """Each row of a, less the sum of the rows before it; and once more by ones that are the kernel's own."""
    n = tv.program_id(0) * 32
    acc = tv.zeros((R, 32), tv.f32)
    for k in tv.range(0, a.shape[1], 64, num_stages=2):
        rows = a.load((0, k), (R, 64))
        acc = tv.dot(rows, b.load((k, n), (64, 32)), acc)
        acc = acc - rows.to(tv.f32).sum(axis=1, keepdims=True)
        acc = acc + tv.dot(rows, tv.full((64, 32), 1.0, a.dtype)) * 0.5
    c.store((0, n), acc)


def whole(rows: int, columns: int, depth: int, kind: Any) -> list[np.ndarray]:
    """Whole numbers, whose products add up without rounding in any order."""
    rng = np.random.default_rng(rows + columns + depth)
    a, b = (rng.integers(-8, 8, shape).astype(kind) for shape in ((rows, depth), (depth, columns)))
    return [a, b, np.zeros((rows, columns), np.int32 if kind is np.int8 else np.float32)]


def kinds(kernel: Kernel, given: list[np.ndarray], name: str, **constants: object) -> list[type]:
    traced = kernel.compile(*given, device="vm", target="sm_80", **constants).build.tile
    return [type(op) for op in walk(through(traced, name, every_pass("sm_80", 4)).body)]


@pytest.mark.parametrize("kind", [np.float16, BF16, np.int8])
def test_few_rows_use_the_matrix_unit(kind: Any) -> None:
    given = whole(8, 96, 64, kind)
    assert threads.Mma in kinds(few, given, "threads", R=8)
    assert threads.Mma in kinds(few, given, "threads", R=1)
    assert threads.Mma not in kinds(few, given, "threads", R=3)
    assert ops.Permute not in kinds(few, given, "turn", R=16)


@tv.kernel("a: f16[R, 64], b: f16[64, 64], c: f32[R, 64]", grid=lambda **_: 1)
def odd(a: tv.Tensor, b: tv.Tensor, c: tv.Tensor, R: tv.constexpr) -> None:
    c.store((0, 0), tv.dot(a.load((0, 0), (R, 64)), b.load((0, 0), (64, 64))))


@pytest.mark.parametrize("machine", TARGETS)
@pytest.mark.parametrize("rows", [3, 5, 12])
def test_no_product_is_turned_in_vain(rows: int, machine: str) -> None:
    """Instructions of several warps have other counts of columns, but take operands from shared memory."""
    traced = odd.compile(*whole(rows, 64, 64, np.float16), R=rows, device="vm", target=machine).build.tile
    assert ops.Permute not in [type(op) for op in walk(through(traced, "turn", every_pass(machine, 4)).body)]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("rows", [1, 5, 8, 13, 24])
@pytest.mark.parametrize("kind", [np.float16, BF16, np.int8, np.float32])
def test_products_of_few_rows(kind: Any, rows: int, device: str) -> None:
    for R, columns, depth in (
        (8, 70, 128),
        (8, 32, 0),
        (16, 33, 100),
        (4, 40, 64),
        (2, 31, 65),
        (1, 64, 64),
        (3, 9, 64),
    ):
        a, b, c = whole(rows, columns, depth, kind)
        few(a, b, c, R=R, **on(device))
        assert np.array_equal(c[:R], (a.astype(np.float64) @ b.astype(np.float64))[:R]) and not c[R:].any()


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("R", [1, 2, 4, 8, 16, 32])
@pytest.mark.parametrize("kind", [np.float16, BF16])
def test_rows_added_up_beside_their_product(kind: Any, R: int, device: str) -> None:
    for rows, columns, depth in ((R, 64, 128), (max(R - 3, 1), 33, 100), (R + 1, 32, 64)):
        a, b, c = whole(rows, columns, depth, kind)
        centred(a, b, c, R=R, **on(device))
        wide = a.astype(np.float64)
        wanted = wide @ b.astype(np.float64) - wide.sum(axis=1, keepdims=True) / 2
        assert np.array_equal(c[:R], wanted[:R])


def test_how_rows_are_added_up() -> None:
    """By products where there are few: one of the kernel, one with its own ones, one of the pass."""
    for R, products, sums in ((8, 3, 0), (16, 3, 0), (32, 2, 1)):
        found = kinds(centred, whole(R, 64, 128, np.float16), "row_sums", R=R)
        assert (found.count(ops.Dot), found.count(ops.Sum)) == (products, sums)


@pytest.mark.parametrize("every", [False, True])
def test_the_machine_blames_no_pass(every: bool) -> None:
    rng = np.random.default_rng(1)
    a, b = (rng.standard_normal(shape).astype(np.float16) for shape in ((8, 128), (128, 64)))
    report = tv.check(centred, None, a, b, np.zeros((8, 64), np.float32), target="sm_80", every_pass=every)
    assert report.ok, report
