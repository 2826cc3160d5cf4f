"""Instructions on registers, each against numpy."""

import numpy as np
import pytest

from tests.vm.threads.running import function, hazard, line_of, run, table
from tilevm.backends.vm.threads import Hazard
from tilevm.backends.vm.threads.block import act
from tilevm.ir import THREAD_OPS
from tilevm.types.philox import words

T = np.arange(32, dtype=np.int32)
SQUARES = "  %n = numbers {values = [0, 1, 4, 9], of = i32} : i32[4]\n  %s = splat %t {shape = [4]} : i32[4]\n"


def test_every_instruction_of_threads_has_a_meaning() -> None:
    assert act.missing(THREAD_OPS.values()) == set()


def test_numbers_differ_from_thread_to_thread() -> None:
    found = table(64, 1, "  %r = add %tt, %tt : i32[1]", "i32", warps=2)
    assert found[:, 0].tolist() == [2 * t for t in range(64)]


def test_registers_rearranged() -> None:
    body = (
        SQUARES
        + """  %a = add %n, %s : i32[4]
  %b = take %a {registers = [3, 3, 0]} : i32[3]
  %c = register %a {at = 2} : i32
  %r = join [%b, %c, %a] : i32[8]"""
    )
    a = T[:, None] + np.array([0, 1, 4, 9])
    assert np.array_equal(table(32, 8, body, "i32"), np.hstack([a[:, [3, 3, 0]], a[:, [2]], a]))


PICK = (
    SQUARES
    + """  %3 = constant {value = 3, of = i32} : i32
  %i = and %t, %3 : i32
  %ii = splat %i {shape = [1]} : i32[1]
"""
)


def test_pick_takes_each_threads_own_register() -> None:
    found = table(32, 1, PICK + "  %r = pick %n, %ii : i32[1]", "i32")
    assert found[:, 0].tolist() == [(t % 4) ** 2 for t in range(32)]


def test_pick_of_no_register() -> None:
    found = hazard(function(SQUARES + "  %p = pick %n, %tt : i32[1]", ""))
    assert (found.kind, found.message) == (
        Hazard.OUT_OF_BOUNDS,
        "out of bounds: pick: thread 4 (warp 0, lane 4) asks for register 4 of 4",
    )


def test_shuffle_stays_in_the_warp() -> None:
    body = """  %1 = constant {value = 1, of = i32} : i32
  %31 = constant {value = 31, of = i32} : i32
  %u = add %t, %1 : i32
  %l = and %u, %31 : i32
  %r = shuffle %tt, %l : i32[1]"""
    expected = [t // 32 * 32 + (t + 1) % 32 for t in range(64)]
    assert table(64, 1, body, "i32", warps=2)[:, 0].tolist() == expected


@pytest.mark.parametrize("mask", [1, 2, 16, 31])
def test_shuffle_xor(mask: int) -> None:
    found = table(64, 1, f"  %r = shuffle_xor %tt {{mask = {mask}}} : i32[1]", "i32", warps=2)
    assert found[:, 0].tolist() == [t ^ mask for t in range(64)]


def test_shuffle_xor_of_64_lanes() -> None:
    found = table(64, 1, "  %r = shuffle_xor %tt {mask = 32} : i32[1]", "i32", target="gfx942")
    assert found[:, 0].tolist() == [t ^ 32 for t in range(64)]


@pytest.mark.parametrize("step", ["shuffle %tt, %t : i32[1]", "shuffle_xor %tt {mask = 32} : i32[1]"])
def test_a_lane_that_is_not_there(step: str) -> None:
    text = function(f"  %p = {step}", "")
    found = hazard(text)
    assert (found.kind, found.span and found.span.line) == (Hazard.OUT_OF_BOUNDS, line_of(text, "%p"))
    assert found.help == "lanes are 0 to 31"


def test_ring() -> None:
    body = """  %3 = constant {value = 3, of = i32} : i32
  %s = mod %t, %3 : i32
  %u = ring %s {by = 2, slots = 3} : i32
  %r = splat %u {shape = [1]} : i32[1]"""
    assert table(32, 1, body, "i32")[:, 0].tolist() == [(t + 2) % 3 for t in range(32)]


def test_view_along_registers_is_little_endian() -> None:
    body = SQUARES + "  %a = add %n, %s : i32[4]\n  %r = view %a {to = u8} : u8[16]"
    expected = (T[:, None] + np.array([0, 1, 4, 9], np.int32)).view(np.uint8)
    assert np.array_equal(table(32, 16, body, "u8"), expected)


def test_view_of_a_number() -> None:
    body = """  %f = cast %t {to = f32} : f32
  %u = view %f {to = u32} : u32
  %r = splat %u {shape = [1]} : u32[1]"""
    assert table(32, 1, body, "u32")[:, 0].tolist() == T.astype(np.float32).view(np.uint32).tolist()


def test_philox_of_several_seeds() -> None:
    body = """  %1 = constant {value = 1, of = i32} : i32
  %s = and %t, %1 : i32
  %n = numbers {values = [5, 6, 7], of = i32} : i32[3]
  %r = philox %s, %n : u32[3]"""
    index = np.array([5, 6, 7], np.uint64)
    assert table(32, 3, body, "u32").tolist() == [words(t % 2, index).tolist() for t in range(32)]


def test_programs_and_extents() -> None:
    body = """  %p = program_id {axis = 1} : i32
  %c = num_programs {axis = 1} : i32
  %e = extent %x {axis = 0} : i32
  %d = stride %y {axis = 0} : i64
  %d32 = cast %d {to = i32} : i32
  %a = mul %p, %c : i32
  %b = add %a, %e : i32
  %v = add %b, %d32 : i32
  %pp = splat %p {shape = [1]} : i32[1]
  %vv = splat %v {shape = [1]} : i32[1]
  global_store %x, %vv, %pp"""
    x, y = np.zeros(4, np.int32), np.zeros((8, 1000), np.int32)[:, :3]
    params = "%x: tensor<i32[N], strides=[1]>, %y: tensor<i32[P, Q], strides=[_, 1]>"
    run(function(body, params), x, y, grid=(1, 3, 1))
    assert x.tolist() == [1004, 1007, 1010, 0]


LOOP = """  %0 = constant {value = 0, of = i32} : i32
  %1 = constant {value = 1, of = i32} : i32
  %5 = constant {value = 5, of = i32} : i32
"""


def test_loops_and_branches() -> None:
    body = (
        LOOP
        + """  %a = for %0, %5, %1, [%tt] (%i: i32, %c: i32[1]) {
    %ii = splat %i {shape = [1]} : i32[1]
    %d = add %c, %ii : i32[1]
    yield [%d]
  } : i32[1]
  %k = while [%0] (%n: i32) {
    %more = lt %n, %5 : bool
    yield [%more]
  } (%m: i32) {
    %next = add %m, %1 : i32
    yield [%next]
  } : i32
  %odd = eq %k, %5 : bool
  %r = if %odd () {
    yield [%a]
  } () {
    yield [%tt]
  } : i32[1]"""
    )
    assert table(32, 1, body, "i32")[:, 0].tolist() == [t + 10 for t in range(32)]


BRANCH = LOOP + "  %c = lt %t, %5 : bool\n"
DIVERGENT = {
    "if": (
        BRANCH + "  if %c () {\n    yield []\n  } () {\n    yield []\n  }",
        "the condition of if",
        "True",
        "False",
        5,
    ),
    "for": (LOOP + "  for %0, %t, %1, [] (%i: i32) {\n    yield []\n  }", "the end of for", "0", "1", 1),
    "while": (
        BRANCH + "  %w = while [%c] (%n: bool) {\n    yield [%n]\n  } (%m: bool) {\n    yield [%m]\n  } : bool",
        "the condition of while",
        "True",
        "False",
        5,
    ),
}


@pytest.mark.parametrize(("body", "what", "a", "b", "thread"), DIVERGENT.values(), ids=DIVERGENT)
def test_threads_that_part(body: str, what: str, a: str, b: str, thread: int) -> None:
    found = hazard(function(body, ""))
    assert found.kind is Hazard.DIVERGENCE
    assert found.message == f"divergence: {what} differs between threads: {a} in thread 0, {b} in thread {thread}"
