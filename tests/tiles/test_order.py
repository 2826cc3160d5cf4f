"""Sorting and the places of extremes, against Python's stable sort."""

from typing import Any

import numpy as np
import pytest

import tilevm as tv
from tests.devices import goes_round
from tests.tiles.cases import BOOL, DEVICES, NUMPY, Array, along, data, run, same, some_lines, zeros
from tilevm.ir import ops, threads
from tilevm.ir.rewrite import walk
from tilevm.passes import every_pass, through

each_device = pytest.mark.parametrize("device", DEVICES)


@tv.kernel
def sorting(
    x: tv.Tensor,
    y: tv.Tensor,
    i: tv.Tensor,
    AT: tv.constexpr,
    SHAPE: tv.constexpr,
    AXIS: tv.constexpr,
    DOWN: tv.constexpr,
) -> None:
    t = x.load(AT, SHAPE)
    y.store(AT, tv.sort(t, AXIS, descending=DOWN))
    i.store(AT, tv.argsort(t, AXIS, descending=DOWN))


@tv.kernel
def best(
    x: tv.Tensor,
    y: tv.Tensor,
    i: tv.Tensor,
    AT: tv.constexpr,
    SHAPE: tv.constexpr,
    K: tv.constexpr,
    AXIS: tv.constexpr,
) -> None:
    values, indices = tv.topk(x.load(AT, SHAPE), K, axis=AXIS)
    y.store(AT, values)
    i.store(AT, indices)


@tv.kernel
def extremes(
    x: tv.Tensor,
    top: tv.Tensor,
    low: tv.Tensor,
    all: tv.Tensor,
    AT: tv.constexpr,
    SHAPE: tv.constexpr,
    AXIS: tv.constexpr,
) -> None:
    t = x.load(AT, SHAPE)
    top.store(AT, tv.argmax(t, AXIS, keepdims=True))
    low.store(AT, t.argmin(AXIS, keepdims=True))
    all.store(0, tv.argmax(t))
    all.store(1, tv.argmin(t))


def order(line: Array, descending: bool) -> Array:
    """Indices in order, by Python: NaN last, then by value, then by place."""
    numbers = [float(v) if line.dtype.kind not in "iub" else int(v) for v in line]
    keys = [(v != v, 0 if v != v else -v if descending else v) for v in numbers]
    return np.array(sorted(range(line.size), key=keys.__getitem__), np.int32)


def first_best(line: Array, most: bool) -> int:
    numbers = [float(v) if line.dtype.kind not in "iub" else int(v) for v in line]
    known = [v for v in numbers if v == v]
    return numbers.index((max if most else min)(known)) if known else 0


@each_device
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("dtype", [*NUMPY, *BOOL])
def test_sort_is_pythons(dtype: str, descending: bool, device: str) -> None:
    for n, (shape, axis) in enumerate(some_lines(dtype)):
        x = data((NUMPY | BOOL)[dtype], shape, n)
        y, i = np.empty_like(x), np.empty(shape, np.int32)
        run(sorting, x, y, i, AT=zeros(shape), SHAPE=shape, AXIS=axis, DOWN=descending, device=device)
        expected = along(lambda line: order(line, descending), x, axis)
        assert same(i, expected), (shape, axis)
        assert same(y, np.take_along_axis(x, expected, axis)), (shape, axis)


LONG = [((1, 65), 1), ((130, 3), 0), ((1, 1024), 1), ((5, 100), 1)]  # lines that threads sort by a network


@each_device
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("dtype", [*NUMPY, *BOOL])
def test_long_lines(dtype: str, descending: bool, device: str) -> None:
    """More and fewer lines than one, lengths of a power of two and others; each number type on one of them."""
    number = [*NUMPY, *BOOL].index(dtype)
    shape, axis = LONG[number % len(LONG)]
    x, k = data((NUMPY | BOOL)[dtype], shape, number), 7
    y, i = np.empty_like(x), np.empty(shape, np.int32)
    run(sorting, x, y, i, AT=zeros(shape), SHAPE=shape, AXIS=axis, DOWN=descending, device=device)
    expected = along(lambda line: order(line, descending), x, axis)
    assert same(i, expected)
    assert same(y, np.take_along_axis(x, expected, axis))
    if descending and dtype not in BOOL:
        out = tuple(k if d == axis else e for d, e in enumerate(shape))
        y, i = np.empty(out, x.dtype), np.empty(out, np.int32)
        run(best, x, y, i, AT=zeros(shape), SHAPE=shape, K=k, AXIS=axis, device=device)
        assert same(i, np.take(expected, range(k), axis))


@pytest.mark.parametrize(("length", "loops"), [(64, 1), (65, 2), (1024, 2)])
def test_only_long_lines_go_through_a_network(length: int, loops: int) -> None:
    """A network is two loops, one in the other, where ranks are one of as many trips as there are elements."""
    x, i = np.zeros((1, length), np.float32), np.zeros((1, length), np.int32)
    given = {"AT": (0, 0), "SHAPE": (1, length), "AXIS": 1, "DOWN": False, "device": "vm", "target": "sm_80"}
    traced = sorting.gridless.compile(x, x, i, **given).build.tile
    func = through(traced, "barriers", every_pass("sm_80", 4))
    found = [op for op in walk(func.body) if isinstance(op, ops.For)]
    assert len(found) == loops
    trips = found[0].upper.owner.value
    assert trips == (length if loops == 1 else (length - 1).bit_length())
    barriers = sum(isinstance(op, threads.Barrier) for op in walk(found[-1].body))
    assert barriers == (0 if loops == 1 else 2)


@each_device
@pytest.mark.parametrize("dtype", NUMPY)
def test_topk_is_the_head_of_a_falling_sort(dtype: str, device: str) -> None:
    for n, (shape, axis) in enumerate(some_lines(dtype)):
        x, k = data(NUMPY[dtype], shape, n), 1 + shape[axis] // 2
        out = tuple(k if d == axis else e for d, e in enumerate(shape))
        y, i = np.empty(out, x.dtype), np.empty(out, np.int32)
        run(best, x, y, i, AT=zeros(shape), SHAPE=shape, K=k, AXIS=axis - len(shape), device=device)
        expected = along(lambda line, k=k: order(line, True)[:k], x, axis)
        assert same(i, expected), (shape, axis)
        assert same(y, np.take_along_axis(x, expected, axis)), (shape, axis)


@each_device
@pytest.mark.parametrize("dtype", NUMPY)
def test_extremes_stand_where_python_finds_them(dtype: str, device: str) -> None:
    for n, (shape, axis) in enumerate(some_lines(dtype)):
        x = data(NUMPY[dtype], shape, n)
        out = tuple(1 if d == axis else e for d, e in enumerate(shape))
        top, low, everything = np.empty(out, np.int32), np.empty(out, np.int32), np.empty(2, np.int32)
        run(extremes, x, top, low, everything, AT=zeros(shape), SHAPE=shape, AXIS=axis, device=device)
        for found, most in ((top, True), (low, False)):
            expected = along(lambda line, most=most: np.array([first_best(line, most)], np.int32), x, axis)
            assert same(found, expected), (shape, axis, most)
        assert everything.tolist() == [first_best(x.ravel(), True), first_best(x.ravel(), False)]


@each_device
def test_nan_is_passed_over(device: str) -> None:
    nan, inf = np.nan, np.inf
    rows = [[nan, -inf, -inf, 1], [nan, nan, nan, nan], [nan, inf, inf, nan], [-inf, nan, -inf, -inf]]
    x = np.array(rows, np.float32)
    top, low, everything = np.empty((4, 1), np.int32), np.empty((4, 1), np.int32), np.empty(2, np.int32)
    run(extremes, x, top, low, everything, AT=(0, 0), SHAPE=(4, 4), AXIS=1, device=device)
    assert top.ravel().tolist() == [3, 0, 1, 0]
    assert low.ravel().tolist() == [1, 0, 1, 0]


@each_device
def test_topk_takes_nan_last(device: str) -> None:
    x = np.array([np.nan, -np.inf, 0.0, -0.0, np.nan, 3.0], np.float32)
    y, i = np.empty(5, np.float32), np.empty(5, np.int32)
    run(best, x, y, i, AT=(0,), SHAPE=(6,), K=5, AXIS=0, device=device)
    assert i.tolist() == [5, 2, 3, 1, 0]


@tv.kernel
def rows_of_a_loop(x: tv.Tensor, y: tv.Tensor, N: tv.constexpr) -> None:
    """Sorted tiles in a loop, in a branch, and of a tile that is made where it is used."""
    total = tv.zeros((N,), tv.f32)
    for r in range(x.shape[0]):
        row = tv.sort(x.load((r, 0), (1, N)).reshape(N) * 2.0)
        if r > 1:
            row = tv.sort(row - total, descending=True)
        total = total + row
    y.store(0, total)


@goes_round
def test_loops_and_branches_agree() -> None:
    x = np.random.default_rng(0).integers(-9, 9, (5, 21)).astype(np.float32)
    found = {d: np.zeros(21, np.float32) for d in DEVICES}
    for device, y in found.items():
        run(rows_of_a_loop, x, y, N=21, device=device)
    total: Any = np.zeros(21, np.float32)
    for r, row in enumerate(x):
        now = np.sort(row * 2)
        total = total + (np.sort(now - total)[::-1] if r > 1 else now)
    assert same(found["vm"], total) and same(found["cpu"], total)


def test_long_lines_agree() -> None:
    x = np.random.default_rng(1).standard_normal((2, 3000)).astype(np.float32)
    y, i = np.empty_like(x), np.empty(x.shape, np.int32)
    run(sorting, x, y, i, AT=(0, 0), SHAPE=(2, 3000), AXIS=1, DOWN=False, device="cpu")
    assert same(y, np.sort(x, axis=1)) and np.array_equal(i, np.argsort(x, axis=1, kind="stable"))


@pytest.mark.parametrize("dtype", ["f16", "f32", "f64", "u64"])
def test_few_of_long_lines(dtype: str) -> None:
    """Sorted in pieces, of which each leaves the best."""
    for n, (k, length) in enumerate(((1, 100), (5, 1000), (8, 64), (9, 33), (40, 1025))):
        x = data(NUMPY[dtype], (2, length), n) if n % 2 else rising(NUMPY[dtype], length)
        y, i = np.empty((2, k), x.dtype), np.empty((2, k), np.int32)
        run(best, x, y, i, AT=(0, 0), SHAPE=x.shape, K=k, AXIS=1, device="cpu")
        expected = along(lambda line, k=k: order(line, True)[:k], x, 1)
        assert same(i, expected), (k, length)
        assert same(y, np.take_along_axis(x, expected, 1)), (k, length)


def rising(kind: Any, length: int) -> Array:
    """The best come last, in one line, and first in the other."""
    line = np.arange(length).astype(kind)
    return np.stack([line, line[::-1]])
