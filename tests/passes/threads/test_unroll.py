"""Loops laid out in a row: the text, what stays a loop, and the same numbers whatever the bounds."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, strategies as st

import tilevm as tv
from tests.passes.threads.memory_programs import MANY_SLOTS, programs
from tests.passes.threads.races import races
from tilevm.abi import KernelAbi
from tilevm.backends.ptx import backend as emulator
from tilevm.backends.vm import backend as vm
from tilevm.ir import Func
from tilevm.ir.ops import For
from tilevm.ir.rewrite import walk
from tilevm.ir.verify import verify
from tilevm.passes.pipeline import tidy
from tilevm.passes.threads.barriers import insert_barriers
from tilevm.passes.threads.unroll import MOST, unroll
from tilevm.runtime.arguments import read
from tilevm.source import TileError
from tilevm.text import print_func, read_func

RANDOM = np.random.default_rng(0)
Golden = Callable[[Path, str], None]
HERE = Path(__file__).parent
HEAD = "func @f(%lo: {0}, %hi: {0}, %by: {0}, %s: i64, %x: ptr<i64, align=16>) warps(1, sm_80) {{"
LOOP = """
  %t = thread_id : i32
  %o = splat %t {{shape = [1]}} : i32[1]
  %z = constant {{value = 0, of = i64}} : i64
  %step = constant {{value = {step}, of = {of}}} : {of}
  %sum = for %lo, %hi, {by}, [%z] {{unroll = {n}}} (%i: {of}, %a: i64) {{
    %w = cast %i {{to = i64}} : i64
    %m = mul %w, %s : i64
    %b = xor %a, %m : i64
    %c = mul %b, %s : i64
    %r = add %c, %w : i64
    yield [%r]
  }} : i64
  %v = splat %sum {{shape = [1]}} : i64[1]
  global_store %x, %v, %o
  yield []
}}"""
KNOWN = """func @f(%x: ptr<i64>) warps(1, sm_80) {{
  %lo = constant {{value = {0}, of = i32}} : i32
  %hi = constant {{value = {1}, of = i32}} : i32
  %by = constant {{value = {2}, of = i32}} : i32
  %t = thread_id : i32
  %o = splat %t {{shape = [1]}} : i32[1]
  %sum = for %lo, %hi, %by, [%t] {{unroll = {3}}} (%i: i32, %a: i32) {{
    %b = mul %a, %i : i32
    yield [%b]
  }} : i32
  %w = cast %sum {{to = i64}} : i64
  %v = splat %w {{shape = [1]}} : i64[1]
  global_store %x, %v, %o
  yield []
}}"""
RING = """func @f(%n: i32, %x: ptr<i64, align=16>) warps(1, sm_80) {{
  %z = constant {{value = 0, of = i32}} : i32
  %k = constant {{value = 1, of = i32}} : i32
  %t = thread_id : i32
  %o = splat %t {{shape = [1]}} : i32[1]
  %r = shared {{of = i32, count = 32, slots = {1}, at = 0}} : shared<i32[{2}]>
  %all = constant {{value = {1}, of = i32}} : i32
  for %z, %all, %k, [] (%s: i32) {{
    %g = splat %s {{shape = [1]}} : i32[1]
    shared_store %r, %g, %o, _, %s
    yield []
  }}
  %sum, %e = for %z, %n, %k, [%o, %z] {{unroll = {0}}} (%i: i32, %a: i32[1], %slot: i32) {{
    %back = ring %slot {{by = {3}, slots = {1}}} : i32
    %h = shared_load %r, %o, %back : i32[1]
    %b = add %a, %h : i32[1]
    %j = splat %i {{shape = [1]}} : i32[1]
    %c = mul %b, %j : i32[1]
    shared_store %r, %c, %o, _, %slot
    %next = ring %slot {{by = 1, slots = {1}}} : i32
    yield [%b, %next]
  }} : i32[1], i32
  %d = shared_load %r, %o, %e : i32[1]
  %m = mul %d, %sum : i32[1]
  %v = cast %m {{to = i64}} : i64[1]
  global_store %x, %v, %o
  yield []
}}"""


def func(text: str) -> Func:
    return verify(read_func(text))


def loop(of: str, n: int, step: int | None) -> Func:
    """One over ``%lo``, ``%hi`` and a step that is known or ``%by``."""
    body = LOOP.format(of=of, n=n, step=step or 1, by="%by" if step is None else "%step")
    return func(HEAD.format(of) + body)


def ring(n: int, slots: int) -> Func:
    """A loop that reads what the trip before wrote."""
    return func(RING.format(n, slots, 32 * slots, slots - 1))


def body(made: Func) -> str:
    """The lines between the first splat and the last cast."""
    text = print_func(made)
    return text[text.index("splat") : text.index("  %w = cast")].partition("\n")[2]


# text ----------------------------------------------------------------------------------------------------------


def test_few_trips_become_a_row() -> None:
    made = verify(tidy(unroll(func(KNOWN.format(5, -5, -4, 3)))))
    assert (
        body(made)
        == """\
  %b = mul %t, %lo : i32
  %0 = constant {value = -3, of = i32} : i32
  %b.1 = mul %b, %0 : i32
"""
    )


def test_trips_that_are_known_leave_no_loop_behind() -> None:
    made = verify(tidy(unroll(func(KNOWN.format(0, 10, 2, 2)))))
    assert (
        body(made)
        == """\
  %0 = constant {value = 8, of = i32} : i32
  %1 = constant {value = 4, of = i32} : i32
  %sum = for %lo, %0, %1, [%t] (%i: i32, %a: i32) {
    %b = mul %a, %i : i32
    %2 = add %i, %by : i32
    %b.1 = mul %b, %2 : i32
    yield [%b.1]
  } : i32
  %b.2 = mul %sum, %0 : i32
"""
    )


@pytest.mark.parametrize("step", [16, -3, None])
def test_other_trips_are_counted_when_the_loop_begins(step: int | None, golden: Golden) -> None:
    plain = loop("i32", 2, step)
    made = print_func(verify(tidy(unroll(plain))))
    golden(HERE / "unrolled" / f"step_{step or 'unknown'}.txt", f"{print_func(plain)}----\n{made}")


@pytest.mark.parametrize("n", [2, 3])
def test_slots_of_copies(n: int, golden: Golden) -> None:
    """Each is told by the first copy's. One that a row brings round to itself is carried no more."""
    golden(HERE / "unrolled" / f"ring_of_3_by_{n}.txt", print_func(verify(tidy(unroll(ring(n, 3))))))


def test_what_stays_a_loop() -> None:
    """One trip at a time; n steps that the index cannot hold."""
    for same in (loop("i32", 1, 4), loop("i32", 4, 2**29), func(KNOWN.format(-(2**31), 2**31 - 1, 2**29, 4))):
        assert unroll(same) is same
    assert unroll(once := verify(unroll(loop("i32", 4, None)))) is once


def test_a_loop_that_never_runs_is_nothing() -> None:
    for bounds in ((3, 3, 1), (5, 3, 2), (3, 5, -2), (0, 9, 0)):
        assert not [op for op in walk(unroll(func(KNOWN.format(*bounds, 2))).body) if isinstance(op, For)]


def test_too_many_copies_are_refused() -> None:
    with pytest.raises(TileError) as caught:
        unroll(loop("i32", 20_000, 1))
    assert f"20001 copies of a loop's body of 6 instructions are 120006, and {MOST} are the most" in str(caught.value)
    assert "help: an unroll of 10921 or less" in str(caught.value)
    assert unroll(loop("i32", 10_921, 1))


# numbers -------------------------------------------------------------------------------------------------------


def stored(made: Func, backend: Any, *given: int) -> list[int]:
    x = np.zeros(32, np.int64)
    backend.compile(made, KernelAbi.of(made)).launch((1, 1, 1), [read(v, "given")[0] for v in (*given, x)])
    return [int(v) for v in x]


TYPES = {"i32": (-(2**31), 2**31 - 1), "i64": (-(2**63), 2**63 - 1), "u32": (0, 2**32 - 1), "u8": (0, 255)}


@st.composite
def bounds(draw: st.DrawFn) -> tuple[str, int, int, int]:
    """A type, a start, an end at most 30 steps away, and a step; often at an edge of the type."""
    of = draw(st.sampled_from(sorted(TYPES)))
    least, most = TYPES[of]
    step = draw(st.integers(1, 9) | st.integers(1, (most - least) // 8)) * draw(st.sampled_from((1, -1)))
    step = max(min(step, most), least)
    start = draw(st.integers(0, 40) | st.integers(least, least + 20) | st.integers(most - 20, most))
    start = max(least, min(most, start))
    end = start + (step or 1) * draw(st.integers(-1, 30)) + draw(st.integers(-2, 2))
    return of, start, max(least, min(most, end)), step


@example(("u8", 235, 255, 9), 3, True, 5)  # the index behind the last row would wrap
@example(("u8", 0, 255, 60), 5, False, 5)  # as a row's step would
@given(bounds(), st.integers(2, 5), st.booleans(), st.integers(-(2**63), 2**63 - 1))
def test_the_numbers_stay(bounds: tuple[str, int, int, int], n: int, known: bool, factor: int) -> None:
    """Up and down, to the edges of the index's type, by a step that is known or not, in order."""
    of, *given_ = bounds
    plain, made = (loop(of, count, given_[2] if known and given_[2] else None) for count in (1, n))
    made = verify(tidy(unroll(made)))
    wanted = stored(plain, vm, *given_, factor)
    assert stored(made, vm, *given_, factor) == wanted
    assert stored(made, emulator, *given_, factor) == wanted


@given(st.integers(-40, 40), st.integers(-3, 30), st.integers(-9, 9), st.integers(2, 5))
def test_the_numbers_stay_where_all_is_known(start: int, length: int, step: int, n: int) -> None:
    plain = func(KNOWN.format(start, start + length * (step > 0 or -1), step, n))
    made = verify(tidy(unroll(plain)))
    assert stored(plain, vm) == stored(made, vm) == stored(made, emulator)


@given(st.integers(0, 12), st.integers(2, 6), st.integers(2, 5))
def test_slots_stay(trips: int, n: int, slots: int) -> None:
    made = verify(tidy(unroll(ring(n, slots))))
    wanted = stored(ring(1, slots), vm, trips)
    assert stored(made, vm, trips) == wanted
    assert stored(made, emulator, trips) == wanted


@given(programs(), st.integers(2, 4))
def test_no_race(text: str, n: int) -> None:
    """Loops in loops that carry slots of rings: with barriers put in afterwards no threads meet."""
    made = verify(unroll(func(re.sub(r"( = for .*\]) \(", rf"\1 {{unroll = {n}}} (", text))))
    assert next(races(verify(insert_barriers(made)), most=60), None) is None


def test_slots_of_which_too_much_is_known() -> None:
    """Of three loops in two, three times unrolled: it took memory without end."""
    made = verify(unroll(func(re.sub(r"( = for .*\]) \(", r"\1 {unroll = 3} (", MANY_SLOTS))))
    assert next(races(verify(insert_barriers(made)), most=20), None) is None


# kernels -------------------------------------------------------------------------------------------------------


@tv.kernel("a: f16[M, K], b: f16[K, N], c: f32[M, N]", grid=lambda M, N, BM, BN, **_: (tv.cdiv(M, BM), tv.cdiv(N, BN)))
def product(
    a: tv.Tensor,
    b: tv.Tensor,
    c: tv.Tensor,
    STAGES: tv.constexpr,
    UNROLL: tv.constexpr,
    BM: tv.constexpr = 32,
    BN: tv.constexpr = 32,
) -> None:
    m, n = tv.program_id(0) * BM, tv.program_id(1) * BN
    acc = tv.zeros((BM, BN), tv.f32)
    for k in tv.range(0, a.shape[1], 16, num_stages=STAGES, unroll=UNROLL):
        acc = tv.dot(a.load((m, k), (BM, 16)), b.load((k, n), (16, BN)), acc)
    c.store((m, n), acc)


@tv.kernel("x: f32[M, N], y: f32[M]", grid=lambda M, **_: tv.cdiv(M, 8))
def sums(x: tv.Tensor, y: tv.Tensor, UNROLL: tv.constexpr) -> None:
    """Of each row, folded over and over: a loop in a loop, downwards, with what threads hand each other."""
    row = tv.program_id(0) * 8
    total = tv.zeros((8,), tv.f32)
    for i in tv.range(x.shape[1] - 1, -1, -24, unroll=UNROLL):
        part = tv.zeros((8,), tv.f32)
        for j in tv.range(0, 24, 8, unroll=2):
            part = part * 0.5 + tv.exp(x.load((row, i - 23 + j), (8, 8))).sum(axis=1)
        total = total * 1.5 + part
    y.store(row, total)


def run(kernel: Any, args: tuple[Any, ...], device: str, **constants: Any) -> None:
    kernel(*args, device=device, target="sm_80", num_warps=2, **constants)


@pytest.mark.parametrize("stages", [1, 2, 3, 4])
@pytest.mark.parametrize("n", [2, 3, 4])
def test_pipelined_products_stay(stages: int, n: int) -> None:
    """Copies in flight from row to row and to the trips that are left: K of no trip, few, and whole rows or not."""
    for k in (0, 8, 16 * n, 16 * n * stages + 24):
        a, b = (RANDOM.standard_normal(shape).astype(np.float16) for shape in ((32, k), (k, 32)))
        found = [np.zeros((32, 32), np.float32) for _ in range(3)]
        run(product, (a, b, found[0]), "emulator", STAGES=stages, UNROLL=1)
        run(product, (a, b, found[1]), "emulator", STAGES=stages, UNROLL=n)
        run(product, (a, b, found[2]), "vm", STAGES=stages, UNROLL=n)
        assert np.array_equal(found[0], found[1]), k
        assert np.allclose(found[2], a.astype(np.float64) @ b.astype(np.float64), atol=1e-3), k


@pytest.mark.parametrize("n", [2, 3])
def test_loops_in_loops_stay(n: int) -> None:
    """Each row waits in shared memory of its own for what other threads have of it."""
    for columns in (24, 48, 96, 120):
        x = RANDOM.standard_normal((8, columns)).astype(np.float32)
        found = [np.zeros(8, np.float32) for _ in range(3)]
        run(sums, (x, found[0]), "emulator", UNROLL=1)
        run(sums, (x, found[1]), "emulator", UNROLL=n)
        run(sums, (x, found[2]), "vm", UNROLL=n)
        assert np.array_equal(found[0], found[1]), columns
        assert np.allclose(found[2], found[0], rtol=1e-5), columns
