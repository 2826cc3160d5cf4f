"""Lines combined one after another, against numpy and Python doing the same."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tilevm as tv
from tests.devices import TILES, goes_round, on
from tests.tiles.cases import DEVICES, LINES, NUMPY, Array, along, data, run, same, some_lines, zeros
from tilevm.ir import Func, ops, threads
from tilevm.ir.rewrite import walk
from tilevm.passes import every_pass, through

each_device = pytest.mark.parametrize("device", DEVICES)


@tv.kernel
def cumulative(
    x: tv.Tensor,
    s: tv.Tensor,
    p: tv.Tensor,
    AT: tv.constexpr,
    SHAPE: tv.constexpr,
    AXIS: tv.constexpr,
    BACK: tv.constexpr,
) -> None:
    t = x.load(AT, SHAPE)
    s.store(AT, tv.cumsum(t, AXIS, reverse=BACK))
    p.store(AT, tv.cumprod(t, axis=AXIS, reverse=BACK))


@tv.function
def line(a1: tv.Tile, a2: tv.Tile, b1: tv.Tile, b2: tv.Tile) -> tuple[tv.Tile, tv.Tile]:
    """x -> a1 x + a2, and then x -> b1 x + b2."""
    return a1 * b1, a2 * b1 + b2


@tv.kernel
def recurrence(
    x: tv.Tensor,
    y: tv.Tensor,
    z: tv.Tensor,
    last: tv.Tensor,
    AT: tv.constexpr,
    SHAPE: tv.constexpr,
    OUT: tv.constexpr,
    AXIS: tv.constexpr,
    BACK: tv.constexpr,
) -> None:
    t = x.load(AT, SHAPE)
    a, b = tv.scan((t, t + 1), AXIS, line, reverse=BACK)
    y.store(AT, a)
    z.store(AT, b)
    _, end = tv.reduce((t, t + 1), AXIS, line)
    last.store(AT, tv.reshape(end, OUT) if len(SHAPE) > 1 else end)


def accumulated(step: Callable[[Array, Array], Array], x: Array, axis: int, back: bool, wide: Any) -> Array:
    """Each step of a line in the numpy type ``wide``, rounded to that of ``x``."""

    def one(values: Array) -> Array:
        turned = (values[::-1] if back else values).astype(wide)
        parts = [turned[:1]]
        with np.errstate(all="ignore"):
            for k in range(1, turned.size):
                parts.append(step(parts[-1], turned[k : k + 1]).astype(wide))
            found = np.concatenate(parts).astype(x.dtype)
        return found[::-1] if back else found

    return along(one, x, axis)


@each_device
@pytest.mark.parametrize("back", [False, True])
@pytest.mark.parametrize("dtype", NUMPY)
def test_cumulative(dtype: str, back: bool, device: str) -> None:
    kind = NUMPY[dtype]
    wide = np.float32 if dtype in ("f16", "bf16") else kind
    if kind.kind not in "iu" and device not in TILES:
        pytest.skip("threads may group floats otherwise")
    for n, (shape, axis) in enumerate(some_lines(dtype)):
        x = data(kind, shape, n)
        s, p = np.empty_like(x), np.empty_like(x)
        run(cumulative, x, s, p, AT=zeros(shape), SHAPE=shape, AXIS=axis, BACK=back, device=device)
        assert same(s, accumulated(np.add, x, axis, back, wide)), (shape, axis)
        assert same(p, accumulated(np.multiply, x, axis, back, wide)), (shape, axis)


@pytest.mark.parametrize("device", [d for d in DEVICES if d not in TILES])
@pytest.mark.parametrize("back", [False, True])
@pytest.mark.parametrize("dtype", ["f16", "bf16", "f32", "f64"])
def test_floats_in_parts(dtype: str, back: bool, device: str) -> None:
    """However a line is grouped, each sum and product errs by a rounding an element; whole numbers come out exactly."""
    kind = NUMPY[dtype]
    least = {"f16": 2**-11, "bf16": 2**-8}.get(dtype, 0) + float(np.finfo(np.float64 if dtype == "f64" else "f4").eps)
    for n, (shape, axis) in enumerate([*some_lines(dtype), ((1, 1024), 1), ((3, 96), 1), ((2, 64, 3), 1)]):
        rng, length = np.random.default_rng(n), shape[axis]
        whole, near = rng.integers(-1, 2, shape).astype(kind), (1 + rng.random(shape) / 64).astype(kind)
        for x in (whole, near):
            s, p = np.empty_like(x), np.empty_like(x)
            run(cumulative, x, s, p, AT=zeros(shape), SHAPE=shape, AXIS=axis, BACK=back, device=device)
            for found, step in ((s, np.add), (p, np.multiply)):
                wanted = accumulated(step, x.astype(np.float64), axis, back, np.float64)
                with np.errstate(over="ignore"):
                    fits = wanted.astype(kind)
                error = np.abs(found.astype(np.float64) - wanted)
                assert same(found, fits) if x is whole else np.all(error <= 2 * length * least * np.abs(wanted)), shape


@tv.function
def larger(a: tv.Tile, b: tv.Tile) -> tv.Tile:
    return tv.maximum(a, b)


@tv.function
def halved(a: tv.Tile, b: tv.Tile) -> tv.Tile:
    return a // 2 + b


@tv.kernel
def steps(x: tv.Tensor, y: tv.Tensor, z: tv.Tensor, COMBINE: tv.constexpr, SHAPE: tv.constexpr) -> None:
    t = x.load((0, 0), SHAPE)
    y.store((0, 0), tv.scan(t, 1, COMBINE, reverse=True))
    z.store(0, tv.reduce(t, 1, COMBINE))


@each_device
@pytest.mark.parametrize("shape", [(1, 512), (3, 96), (8, 20), (5, 33)])
def test_combining_in_parts(shape: tuple[int, int], device: str) -> None:
    """What may be grouped, and what may not."""
    x = np.random.default_rng(shape[1]).integers(-(2**31), 2**31, shape).astype(np.int32)
    for combine, step in ((larger, np.maximum), (halved, lambda a, b: a // 2 + b)):
        y, z = np.empty_like(x), np.empty(shape[0], np.int32)
        run(steps, x, y, z, COMBINE=combine, SHAPE=shape, device=device)
        assert same(y, accumulated(step, x, 1, True, np.int32)), combine
        assert same(z, accumulated(step, x, 1, False, np.int32)[:, -1]), combine


def lowered(kernel: Any, *given: Any, **constants: Any) -> Func:
    traced = kernel.compile(*given, device="vm", target="sm_80", **constants).build.tile
    return through(traced, "barriers", every_pass("sm_80", 4))


def test_a_line_alone_is_walked_by_a_warp() -> None:
    x = np.zeros((1, 4096), np.float32)
    func = lowered(cumulative.gridless, x, x, x, AT=(0, 0), SHAPE=(1, 4096), AXIS=1, BACK=False)
    loops = [op for op in walk(func.body) if isinstance(op, ops.For)]
    assert [op.upper.owner.value for op in loops] == [4096 // 32] * 4
    assert sum(isinstance(op, threads.Shuffle) for op in walk(func.body)) == 2 * (5 + 1)
    assert not any(isinstance(op, threads.Barrier) for loop in loops for op in walk(loop.body))


def test_what_may_not_be_grouped_is_walked_by_one_thread() -> None:
    x, z = np.zeros((1, 64), np.int32), np.zeros(1, np.int32)
    for combine, lanes in ((larger, True), (halved, False)):
        func = lowered(steps.gridless, x, x, z, COMBINE=combine, SHAPE=(1, 64))
        assert any(isinstance(op, threads.Shuffle) for op in walk(func.body)) is lanes
        loops = [op for op in walk(func.body) if isinstance(op, ops.For)]
        assert not any(isinstance(op, threads.Barrier) for loop in loops for op in walk(loop.body))


@each_device
def test_16_bit_sums_round_once(device: str) -> None:
    x = np.full(4096, 1.0, np.float16)
    x[0] = 2048.0  # where f16 would stay, adding ones
    s, p = np.empty_like(x), np.empty_like(x)
    run(cumulative, x, s, p, AT=(0,), SHAPE=(4096,), AXIS=0, BACK=False, device=device)
    assert same(s, (2048 + np.arange(4096)).astype(np.float16))


@each_device
@pytest.mark.parametrize("back", [False, True])
@pytest.mark.parametrize("dtype", ["i32", "u16", "i64", "f64"])
def test_linear_recurrence(dtype: str, back: bool, device: str) -> None:
    for n, (shape, axis) in enumerate(LINES[::2]):
        x = np.random.default_rng(n).integers(0, 3, shape).astype(NUMPY[dtype])
        out = tuple(1 if d == axis else e for d, e in enumerate(shape))
        y, z, last = np.empty_like(x), np.empty_like(x), np.empty(out, x.dtype)
        at = zeros(shape)
        if len(shape) == 1:
            run(recurrence, x, y, z, last, AT=at, SHAPE=shape, OUT=None, AXIS=axis, BACK=back, device=device)
        else:
            run(recurrence, x, y, z, last, AT=at, SHAPE=shape, OUT=out, AXIS=axis, BACK=back, device=device)
        assert same(y, accumulated(np.multiply, x, axis, back, x.dtype)), (shape, axis)
        assert same(z, along(lambda v: solved(v, back), x, axis)), (shape, axis)
        assert same(last, along(lambda v: solved(v, False)[-1:], x, axis)), (shape, axis)


def solved(v: Array, back: bool) -> Array:
    """h = v h + (v + 1), one after another."""
    turned = v[::-1] if back else v
    h = [turned[:1] + turned.dtype.type(1)]
    for k in range(1, v.size):
        h.append((turned[k : k + 1] * h[-1] + turned[k : k + 1] + turned.dtype.type(1)).astype(v.dtype))
    found = np.concatenate(h)
    return found[::-1] if back else found


@tv.function
def earlier_best(a: tv.Tile, at: tv.Tile, b: tv.Tile, bt: tv.Tile) -> tuple[tv.Tile, tv.Tile]:
    found = b > a
    return tv.where(found, b, a), tv.where(found, bt, at)


@tv.kernel
def with_reduce(x: tv.Tensor, y: tv.Tensor, i: tv.Tensor, N: tv.constexpr) -> None:
    t = x.load((0, 0), (6, N))
    columns = tv.broadcast(tv.arange(N)[None, :], (6, N))
    best, place = tv.reduce((t, columns), 1, earlier_best)
    y.store((0, 0), tv.scan(t, -1, tv.maximum))
    i.store(0, tv.where(best > 0, place, -1 - place))
    i.store(6, tv.reduce(tv.reduce(columns, 0, tv.minimum), 0, tv.maximum))


@each_device
def test_functions_of_the_language_combine(device: str) -> None:
    x = np.random.default_rng(0).standard_normal((6, 23)).astype(np.float32)
    y, i = np.empty_like(x), np.empty(7, np.int32)
    run(with_reduce, x, y, i, N=23, device=device)
    assert same(y, np.maximum.accumulate(x, axis=1))
    assert i.tolist() == [*np.argmax(x, axis=1).tolist(), 22]


@tv.function
def decayed(a: tv.Tile, b: tv.Tile) -> tv.Tile:
    return a * 0.5 + b


@tv.kernel
def decay(x: tv.Tensor, y: tv.Tensor, n: tv.Tile, N: tv.constexpr) -> None:
    total = tv.zeros((4, N), x.dtype)
    for k in range(n):
        total = total + tv.scan(x.load((0, 0), (4, N)) * k.to(x.dtype), 0, decayed)
    y.store((0, 0), total)


@goes_round
@pytest.mark.parametrize("dtype", ["f16", "bf16", "f32", "f64"])
def test_scans_in_loops_agree(dtype: str) -> None:
    x = np.random.default_rng(0).integers(-4, 5, (4, 19)).astype(NUMPY[dtype])
    found = {d: np.empty_like(x) for d in DEVICES}
    for device, y in found.items():
        decay[1](x, y, 3, N=19, **on(device))
    assert all(same(found["vm"], y) for y in found.values())
    exact = x.astype(float)
    for k in range(1, 4):
        exact[k] = exact[k - 1] * 0.5 + x[k].astype(float)
    assert same(found["cpu"], (exact * 3).astype(x.dtype))
