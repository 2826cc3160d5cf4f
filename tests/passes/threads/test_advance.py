"""What grows alike in a loop is carried: the text, what stays, and the same numbers whatever the loop."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from tilevm.abi import KernelAbi
from tilevm.backends.ptx import backend as emulator
from tilevm.backends.vm import backend as vm
from tilevm.ir import Func
from tilevm.ir.verify import verify
from tilevm.passes.threads.advance import advance
from tilevm.runtime.arguments import read
from tilevm.source import TileError
from tilevm.text import print_func, read_func

HEAD = "func @f(%lo: i32, %hi: i32, %by: i32, %s: i64, %x: ptr<i64, align=16>) warps(1, sm_80) {"
LOOP = """
  %t = thread_id : i32
  %o = splat %t {shape = [1]} : i32[1]
  %z = constant {value = 0, of = i64} : i64
  %sum = for %lo, %hi, %by, [%z] (%i: i32, %a: i64) {
    %w = cast %i {to = i64} : i64
    %m = mul %w, %s : i64
    %h = xor %a, %m : i64
    %r = add %h, %a : i64
    yield [%r]
  } : i64
  %v = splat %sum {shape = [1]} : i64[1]
  global_store %x, %v, %o
  yield []
}"""
CARRIED = """
  %t = thread_id : i32
  %o = splat %t {shape = [1]} : i32[1]
  %z = constant {value = 0, of = i64} : i64
  %0 = cast %lo {to = i64} : i64
  %1 = cast %by {to = i64} : i64
  %2 = mul %0, %s : i64
  %3 = mul %1, %s : i64
  %sum, %4 = for %lo, %hi, %by, [%z, %2] (%i: i32, %a: i64, %m: i64) {
    %h = xor %a, %m : i64
    %r = add %h, %a : i64
    %5 = add %m, %3 : i64
    yield [%r, %5]
  } : i64, i64
  %v = splat %sum {shape = [1]} : i64[1]
  global_store %x, %v, %o
  yield []
}"""


MEMORIES = (
    "func @f(%lo: i32, %hi: i32, %by: i32, %s: i64, %x: ptr<i64>, %y: ptr<i64>, %out: ptr<i64>) warps(1, sm_80) {"
)
OFFSETS = """
  %t = thread_id : i32
  %o = splat %t {shape = [2]} : i32[2]
  %far = numbers {values = [0, 40], of = i32} : i32[2]
  %p = add %o, %far : i32[2]
  %own = cast %p {to = i64} : i64[2]
  %z = constant {value = 0, of = i64} : i64
  %zs = splat %z {shape = [2]} : i64[2]
  %sum = for %lo, %hi, %by, [%zs] (%i: i32, %a: i64[2]) {
    %w = cast %i {to = i64} : i64
    %m = mul %w, %s : i64
    %q = add %m, %w : i64
    %qs = splat %q {shape = [2]} : i64[2]
    %at = add %own, %qs : i64[2]
    %u = global_load %x, %at : i64[2]
    %v = global_load %y, %at : i64[2]
    %b = xor %u, %v : i64[2]
    %c = add %a, %b : i64[2]
    yield [%c]
  } : i64[2]
  global_store %out, %sum, %p
  yield []
}"""
ADDED_UP = """
  %sum, %22, %23 = for %lo, %hi, %by, [%zs, %8, %18] (%i: i32, %a: i64[2], %at: i64[2], %at.1: i64[2]) {
    %u = global_load %x, %at : i64[2]
    %v = global_load %y, %at.1 : i64[2]
    %b = xor %u, %v : i64[2]
    %c = add %a, %b : i64[2]
    %20 = add %at, %9 : i64[2]
    %21 = add %at.1, %19 : i64[2]
    yield [%c, %20, %21]
  } : i64[2], i64[2], i64[2]
"""
ROUND = """
  %n = constant {value = 4, of = i32} : i32
  %first = ring %lo {by = 1, slots = 5} : i32
  %b = shared {of = f32, count = 128, slots = 5, at = 0} : shared<f32[640]>
  %last = for %lo, %hi, %by, [%first] (%i: i32, %slot: i32) {
    %back = ring %slot {by = 4, slots = 5} : i32
    %g = shared_load %b, %o, %back : f32[1]
    shared_store %b, %g, %o, _, %slot
    %next = ring %slot {by = 1, slots = 5} : i32
    yield [%next]
  } : i32
  yield []
}"""


def func(body: str, head: str = HEAD) -> Func:
    return verify(read_func(head + body))


def text_of_loop(made: Func) -> str:
    """From the first line of its one loop to the last."""
    text = print_func(made)
    return text[text.rindex("\n", 0, text.index(" = for ")) : text.index("\n", text.index("  } :"))] + "\n"


def test_the_text() -> None:
    made = verify(advance(func(LOOP)))
    assert print_func(made) == print_func(func(CARRIED))
    assert advance(made) is made


def test_what_the_loop_changes_is_multiplied() -> None:
    """The other factor is carried, or the product stands in a branch, which may not run."""
    for old, new in (("mul %w, %s", "mul %w, %a"), ("mul %w, %s", "mul %s, %s")):
        same = func(LOOP.replace(old, new))
        assert advance(same) is same


def test_offsets_are_added_up_for_each_memory() -> None:
    made = verify(advance(func(OFFSETS, MEMORIES)))
    assert text_of_loop(made) == ADDED_UP
    assert advance(made) is made


def test_offsets_that_do_not_grow_alike_are_computed() -> None:
    """The index is squared, or what it is multiplied with is loaded; or it is taken off."""
    changes = (("mul %w, %s", "mul %w, %w"), ("add %own, %qs", "xor %own, %qs"), ("add %m, %w", "sub %m, %w"))
    for old, new in changes:
        text = print_func(advance(func(OFFSETS.replace(old, new), MEMORIES)))
        assert "global_load %x, %at : i64[2]" in text and "%at: i64[2]" not in text


@pytest.mark.parametrize(("acc", "carried"), [(180, True), (190, False)])
def test_offsets_stay_where_registers_are_short(acc: int, carried: bool) -> None:
    """A thread has 255, of which 192 are given away: 8 are of the sums and of offsets for two memories."""
    wide = OFFSETS.replace("[%zs] (%i: i32, %a: i64[2])", "[%zs, %big] (%i: i32, %a: i64[2], %acc: f32[N])")
    wide = wide.replace("yield [%c]", "yield [%c, %acc]").replace("  } : i64[2]\n", "  } : i64[2], f32[N]\n")
    zeros = "  %f = constant {value = 0.0, of = f32} : f32\n  %big = splat %f {shape = [N]} : f32[N]\n  %sum, %unread ="
    made = advance(func(wide.replace("  %sum =", zeros).replace("N", str(acc)), MEMORIES))
    assert ("%at: i64[2]" in print_func(made)) is carried


def test_the_slot_one_back_is_that_of_the_trip_before() -> None:
    made = verify(advance(func("\n  %t = thread_id : i32\n  %o = splat %t {shape = [1]} : i32[1]" + ROUND)))
    assert (
        text_of_loop(made)
        == """
  %last, %1 = for %lo, %hi, %by, [%first, %0] (%i: i32, %slot: i32, %back: i32) {
    %g = shared_load %b, %o, %back : f32[1]
    shared_store %b, %g, %o, _, %slot
    %next = ring %slot, %back {by = 1, slots = 5} : i32
    yield [%next, %slot]
  } : i32, i32
"""
    )
    assert advance(made) is made


def test_a_slot_that_does_not_follow_is_reported() -> None:
    body = """
  %one = constant {value = 1, of = i32} : i32
  %n = ring %lo, %one {by = 1, slots = 3} : i32
  %o = splat %n {shape = [1]} : i32[1]
  %v = cast %o {to = i64} : i64[1]
  global_store %x, %v, %o
  yield []
}"""
    assert stored(func(body), vm, 2, 0, 0, 0)[0] == 0
    with pytest.raises(TileError, match="slot 0 does not follow slot 1 of 3"):
        stored(func(body), vm, 0, 0, 0, 0)


def stored(made: Func, backend: object, *given: int) -> list[int]:
    x = np.zeros(32, np.int64)
    artifact = backend.compile(made, KernelAbi.of(made))  # type: ignore[attr-defined]
    artifact.launch((1, 1, 1), [read(v, "given")[0] for v in (*given, x)])
    return [int(v) for v in x]


ENDS = st.integers(-40, 40) | st.integers(2**31 - 20, 2**31 - 1) | st.integers(-(2**31), -(2**31) + 20)


@given(ENDS, st.integers(0, 30), st.integers(1, 9), st.booleans(), st.integers(-(2**63), 2**63 - 1))
def test_the_numbers_stay(low: int, length: int, step: int, down: bool, factor: int) -> None:
    """Loops up and down, to the edges of i32, and products that wrap."""
    high = max(-(2**31), min(2**31 - 1, low - length if down else low + length))
    given_ = (low, high, -step if down else step, factor)
    plain, made = func(LOOP), verify(advance(func(LOOP)))
    wanted = stored(plain, vm, *given_)
    assert stored(made, vm, *given_) == wanted == stored(made, emulator, *given_)


@given(st.integers(0, 5), st.integers(0, 20), st.integers(1, 5), st.booleans(), st.integers(0, 4))
def test_the_same_elements_are_reached(low: int, length: int, step: int, down: bool, stride: int) -> None:
    """Up and down from an index, in two memories."""
    ends = (low + length, low, -step) if down else (low, low + length, step)
    x, y = (np.arange(size, dtype=np.int64) ** 3 for size in (300, 301))
    plain = func(OFFSETS, MEMORIES)
    found = []
    for made, backend in ((plain, vm), (advance(plain), vm), (advance(plain), emulator)):
        out = np.zeros(80, np.int64)
        artifact = backend.compile(made, KernelAbi.of(made))  # type: ignore[attr-defined]
        artifact.launch((1, 1, 1), [read(v, "given")[0] for v in (*ends, stride, x, y, out)])
        found.append(out.tolist())
    assert found[0] == found[1] == found[2]
