"""Shared memory and copies into it: what lands where, and every hazard with its words and both places."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.vm.threads.running import collect, function, hazard, line_of, run
from tilevm.backends.vm.threads import Hazard
from tilevm.source import TileError

Golden = Callable[[str | Path, str], None]
HERE = Path(__file__).parent / "golden"
XY = "%x: tensor<i32[N], strides=[1]>, %y: tensor<i32[N], strides=[1]>"
BOX = """  %b = shared {of = i32, count = 128} : shared<i32[128]>
  %32 = constant {value = 32, of = i32} : i32
  %63 = constant {value = 63, of = i32} : i32
  %1 = constant {value = 1, of = i32} : i32
  %4 = constant {value = 4, of = i32} : i32
  %u = xor %t, %32 : i32
  %other = splat %u {shape = [1]} : i32[1]
  %q = mul %t, %4 : i32
  %four = splat %q {shape = [1]} : i32[1]
  %low = floordiv %t, %32 : i32
  %warp = splat %low {shape = [1]} : i32[1]
  %0 = numbers {values = [0], of = i32} : i32[1]
  %first = eq %tt, %0 : bool[1]
"""
CASES: dict[str, tuple[Hazard, str]] = {
    "read_of_another_warp": (
        Hazard.RACE,
        "  shared_store %b, %tt, %tt ; there\n  %v = shared_load %b, %other : i32[1] ; here",
    ),
    "write_after_a_read": (
        Hazard.RACE,
        "  shared_store %b, %tt, %tt\n  barrier {}\n  %v = shared_load %b, %other : i32[1] ; there\n"
        "  shared_store %b, %v, %tt ; here",
    ),
    "write_after_a_write": (
        Hazard.RACE,
        "  shared_store %b, %tt, %tt ; there\n  shared_store %b, %tt, %other ; here",
    ),
    "two_warps_at_once": (Hazard.RACE, "  shared_store %b, %0, %0 ; here"),
    "two_lanes_at_once": (Hazard.RACE, "  shared_store %b, %tt, %warp ; here"),
    "address_never_written": (
        Hazard.UNINITIALISED,
        "  %v = shared_load %b, %tt : i32[1]\n  global_store %x, %tt, %v ; here",
    ),
    "mask_never_written": (
        Hazard.UNINITIALISED,
        "  %v = shared_load %b, %tt : i32[1]\n  %m = lt %v, %tt : bool[1]\n  global_store %x, %tt, %tt, %m ; here",
    ),
    "value_never_written": (
        Hazard.UNINITIALISED,
        "  shared_store %b, %tt, %tt, %first\n  barrier {}\n  %v = shared_load %b, %tt : i32[1]\n"
        "  %w = add %v, %v : i32[1]\n  global_store %x, %w, %tt ; here",
    ),
    "branch_never_written": (
        Hazard.UNINITIALISED,
        "  %v = shared_load %b, %tt : i32[1]\n  %n = register %v {at = 0} : i32\n  %c = lt %n, %1 : bool\n"
        "  if %c () { ; here\n    yield []\n  } () {\n    yield []\n  }",
    ),
    "past_the_buffer": (Hazard.OUT_OF_BOUNDS, "  shared_store %b, %tt, %four ; here"),
    "crooked_vector": (Hazard.MISALIGNED, "  %v = shared_load %b, %tt {width = 2} : i32[2] ; here"),
    "past_the_slots": (
        Hazard.OUT_OF_BOUNDS,
        "  %r = shared {of = i32, count = 64, slots = 3} : shared<i32[192]>\n  shared_store %r, %tt, %tt, _, %4 ; here",
    ),
    "past_the_slot": (
        Hazard.OUT_OF_BOUNDS,
        "  %r = shared {of = i32, count = 32, slots = 3} : shared<i32[96]>\n  shared_store %r, %tt, %tt, _, %1 ; here",
    ),
    "slots_that_part": (
        Hazard.DIVERGENCE,
        "  %r = shared {of = i32, count = 64, slots = 3} : shared<i32[192]>\n"
        "  shared_store %r, %tt, %tt, _, %low ; here",
    ),
    "copy_without_wait": (
        Hazard.MISSING_WAIT,
        "  async_copy %b, %tt, %x, %tt ; there\n  %g = async_commit : token\n  barrier {}\n"
        "  %v = shared_load %b, %tt : i32[1] ; here",
    ),
    "copy_without_commit": (
        Hazard.MISSING_WAIT,
        "  async_copy %b, %tt, %x, %tt ; there\n  async_wait {}\n  barrier {}\n"
        "  %v = shared_load %b, %tt : i32[1] ; here",
    ),
    "copy_of_a_later_group": (
        Hazard.MISSING_WAIT,
        "  %g = async_commit : token\n  async_copy %b, %tt, %x, %tt ; there\n  %h = async_commit : token\n"
        "  async_wait {pending = 1}\n  barrier {}\n  %v = shared_load %b, %tt : i32[1] ; here",
    ),
    "copy_without_barrier": (
        Hazard.RACE,
        "  async_copy %b, %tt, %x, %tt ; there\n  %g = async_commit : token\n  async_wait {}\n"
        "  %v = shared_load %b, %other : i32[1] ; here",
    ),
    "copy_over_a_read": (
        Hazard.RACE,
        "  shared_store %b, %tt, %tt\n  barrier {}\n  %v = shared_load %b, %other : i32[1] ; there\n"
        "  async_copy %b, %tt, %x, %tt ; here",
    ),
    "store_under_a_copy": (
        Hazard.MISSING_WAIT,
        "  async_copy %b, %tt, %x, %tt ; there\n  shared_store %b, %tt, %tt ; here",
    ),
    "copy_over_a_copy": (
        Hazard.MISSING_WAIT,
        "  async_copy %b, %tt, %x, %tt ; there\n  async_copy %b, %tt, %x, %tt ; here",
    ),
    "copies_at_once": (Hazard.RACE, "  async_copy %b, %0, %x, %tt ; here"),
    "global_read_of_another_warp": (
        Hazard.RACE,
        "  global_store %x, %tt, %tt ; there\n  %v = global_load %x, %other : i32[1] ; here",
    ),
    "global_write_after_a_read": (
        Hazard.RACE,
        "  %v = global_load %x, %other : i32[1] ; there\n  global_store %x, %v, %tt ; here",
    ),
    "global_write_after_a_write": (
        Hazard.RACE,
        "  global_store %x, %tt, %tt ; there\n  global_store %x, %tt, %other ; here",
    ),
    "global_values_at_once": (Hazard.RACE, "  global_store %x, %tt, %0 ; here"),
    "global_change_and_read": (
        Hazard.RACE,
        "  %v = global_atomic %x, %tt, %warp {change = add} : i32[1] ; there\n"
        "  %z = global_load %x, %tt : i32[1] ; here",
    ),
    "global_change_after_a_read": (
        Hazard.RACE,
        "  %z = global_load %x, %tt : i32[1] ; there\n"
        "  %v = global_atomic %x, %tt, %warp {change = add} : i32[1] ; here",
    ),
    "global_change_after_a_write": (
        Hazard.RACE,
        "  global_store %x, %tt, %tt ; there\n  %v = global_atomic %x, %tt, %warp {change = add} : i32[1] ; here",
    ),
    "global_write_after_a_change": (
        Hazard.RACE,
        "  %v = global_atomic %x, %tt, %warp {change = add} : i32[1] ; there\n  global_store %x, %tt, %tt ; here",
    ),
    "global_write_seen_by_a_copy": (
        Hazard.RACE,
        "  global_store %x, %tt, %tt ; there\n  async_copy %b, %tt, %x, %other ; here",
    ),
}


def line(text: str, mark: str) -> int | None:
    return line_of(text, f"; {mark}") if f"; {mark}" in text else None


def ramp() -> np.ndarray:
    return np.arange(100, 228, dtype=np.int32)


@pytest.mark.parametrize("name", CASES)
def test_hazards_are_told(name: str, golden: Golden) -> None:
    kind, body = CASES[name]
    text = function(BOX + body)
    error = hazard(text, ramp())
    assert error.kind is kind
    assert error.span and error.span.line == line(text, "here")
    assert (error.other and error.other.line) == line(text, "there")
    golden(HERE / f"{name}.txt", str(error))


WAIT = "  %g2 = async_commit : token\n  async_wait {}\n  barrier {}\n"
MENDED = {
    "read_of_another_warp": ("  %v =", "  barrier {}\n  %v ="),
    "write_after_a_read": ("  shared_store %b, %v", "  barrier {}\n  shared_store %b, %v"),
    "write_after_a_write": ("  shared_store %b, %tt, %other", "  barrier {}\n  shared_store %b, %tt, %other"),
    "two_warps_at_once": ("%b, %0, %0", "%b, %0, %0, %first"),
    "two_lanes_at_once": ("%b, %tt, %warp", "%b, %warp, %warp"),
    "address_never_written": ("  %v =", "  shared_store %b, %tt, %tt\n  %v ="),
    "value_never_written": (", %first", ""),
    "past_the_buffer": ("%four", "%tt"),
    "crooked_vector": ("%v = shared_load %b, %tt {width = 2}", "%v = shared_load %b, %0 {width = 2}"),
    "past_the_slots": ("%4", "%1"),
    "past_the_slot": ("%tt, %tt, _, %1", "%warp, %warp, _, %1"),
    "slots_that_part": ("%low", "%1"),
    "copy_without_wait": ("  barrier {}", "  async_wait {}\n  barrier {}"),
    "copy_without_commit": ("  async_wait", "  %g = async_commit : token\n  async_wait"),
    "copy_of_a_later_group": ("pending = 1", "pending = 0"),
    "copy_without_barrier": ("  %v =", "  barrier {}\n  %v ="),
    "copy_over_a_read": ("  async_copy", "  barrier {}\n  async_copy"),
    "store_under_a_copy": ("  shared_store", WAIT + "  shared_store"),
    "copy_over_a_copy": ("there\n", "there\n" + WAIT),
    "global_read_of_another_warp": ("  %v =", "  barrier {}\n  %v ="),
    "global_write_after_a_read": ("  global_store", "  barrier {}\n  global_store"),
    "global_write_after_a_write": ("there\n", "there\n  barrier {}\n"),
    "global_values_at_once": ("%tt, %0", "%0, %0"),
    "global_change_and_read": ("there\n", "there\n  barrier {}\n"),
    "global_change_after_a_read": ("there\n", "there\n  barrier {}\n"),
    "global_change_after_a_write": ("there\n", "there\n  barrier {}\n"),
    "global_write_after_a_change": ("there\n", "there\n  barrier {}\n"),
    "global_write_seen_by_a_copy": ("there\n", "there\n  barrier {}\n"),
}


@pytest.mark.parametrize("name", MENDED)
def test_what_is_mended_is_quiet(name: str) -> None:
    before, after = MENDED[name]
    body = CASES[name][1]
    assert before in body
    text = function(BOX + body.replace(before, after))
    assert collect(text, ramp()) == ()


def test_hazards_are_collected_each_kind_once_a_line() -> None:
    body = """  %0.1 = constant {value = 0, of = i32} : i32
  for %0.1, %4, %1, [] (%i: i32) {
    shared_store %b, %tt, %tt ; there
    %v = shared_load %b, %other : i32[1] ; race
    global_store %x, %v, %four ; late
    yield []
  }
  %w = shared_load %b, %four : i32[1] ; past"""
    text = function(BOX + body)
    found = collect(text, np.zeros(200, np.int32))
    seen = [(f.kind, f.span.line if f.span else 0) for f in found]
    assert seen == [
        (Hazard.RACE, line_of(text, "; race")),
        (Hazard.OUT_OF_BOUNDS, line_of(text, "; late")),
        (Hazard.RACE, line_of(text, "; there")),
        (Hazard.OUT_OF_BOUNDS, line_of(text, "; past")),
        (Hazard.RACE, line_of(text, "; past")),
    ]


def test_a_buffer_is_read_by_other_threads_after_a_barrier() -> None:
    y = np.zeros(64, np.int32)
    body = """  %v = global_load %x, %tt : i32[1]
  shared_store %b, %v, %tt
  barrier {}
  %w = shared_load %b, %other : i32[1]
  global_store %y, %w, %tt"""
    run(function(BOX + body, XY), ramp()[:64].copy(), y)
    assert y.tolist() == [100 + (t ^ 32) for t in range(64)]


def test_a_lane_that_writes_nothing_known_over_another() -> None:
    """Thread 0 writes 0, thread 1 what was never written, and is 0 by chance."""
    body = """  %z = constant {value = 0, of = i32} : i32
  %zz = splat %z {shape = [1]} : i32[1]
  shared_store %b, %zz, %0, %first
  %v = shared_load %b, %tt : i32[1]
  %two = numbers {values = [2], of = i32} : i32[1]
  %m = lt %tt, %two : bool[1]
  %at = numbers {values = [100], of = i32} : i32[1]
  shared_store %b, %v, %at, %m ; here"""
    text = function(BOX + body)
    error = hazard(text, ramp())
    assert (error.kind, error.span and error.span.line) == (Hazard.RACE, line_of(text, "; here"))


def test_two_arguments_that_are_one_array() -> None:
    x = ramp()
    body = "  global_store %x, %tt, %tt\n  %v = global_load %y, %other : i32[1]"
    error = hazard(function(BOX + body, XY), x, x)
    assert (error.kind, "warp 0 reads %y[32], which warp 1 wrote" in error.message) == (Hazard.RACE, True)
    run(function(BOX + body, XY), x, ramp())


def test_two_arguments_that_overlap_in_other_types() -> None:
    x = ramp()
    body = """  global_store %x, %tt, %tt
  %two = numbers {values = [2], of = i32} : i32[1]
  %o = mul %other, %two : i32[1]
  %v = global_load %y, %o : u16[1]"""
    params = "%x: tensor<i32[N], strides=[1]>, %y: tensor<u16[M], strides=[1]>"
    error = hazard(function(BOX + body, params), x[1:], x.view(np.uint16))
    assert (error.kind, "warp 0 reads %y[66], which warp 1 wrote" in error.message) == (Hazard.RACE, True)


def test_buffers_that_overlap_share_their_bytes() -> None:
    """The bytes of u16 elements read as u32, from the second on."""
    body = """  %a = shared {of = u16, count = 256, at = 64} : shared<u16[256]>
  %c = shared {of = u32, count = 32, at = 128} : shared<u32[32]>
  %two = numbers {values = [2], of = i32} : i32[1]
  %o = mul %tt, %two : i32[1]
  %at32 = numbers {values = [32], of = i32} : i32[1]
  %o2 = add %o, %at32 : i32[1]
  %lo = cast %t {to = u16} : u16
  %v = splat %lo {shape = [2]} : u16[2]
  shared_store %a, %v, %o2 {width = 2}
  barrier {}
  %w = shared_load %c, %tt : u32[1]
  global_store %y, %w, %tt"""
    y = np.zeros(32, np.uint32)
    run(function(body, "%y: tensor<u32[N], strides=[1]>", warps=1), y)
    assert y.tolist() == [t * 0x10001 for t in range(32)]


def test_a_buffer_begins_anew_in_every_turn_and_every_program() -> None:
    body = (
        BOX
        + """  %z = constant {value = 0, of = i32} : i32
  %two = constant {value = 2, of = i32} : i32
  for %z, %two, %1, [] (%i: i32) {
    %n = shared {of = i32, count = 64} : shared<i32[64]>
    %c = eq %i, %z : bool
    if %c () {
      shared_store %n, %tt, %tt
      yield []
    } () {
      yield []
    }
    %v = shared_load %n, %tt : i32[1]
    global_store %x, %v, %tt ; here
    yield []
  }"""
    )
    text = function(body)
    error = hazard(text, ramp())
    assert (error.kind, error.span and error.span.line) == (Hazard.UNINITIALISED, line_of(text, "; here"))


def test_shared_memory_is_not_handed_to_the_next_program() -> None:
    body = (
        BOX
        + """  %p = program_id {axis = 0} : i32
  %z = constant {value = 0, of = i32} : i32
  %c = eq %p, %z : bool
  if %c () {
    shared_store %b, %tt, %tt
    yield []
  } () {
    yield []
  }
  %v = shared_load %b, %tt : i32[1]
  global_store %x, %v, %tt"""
    )
    run(function(body), ramp(), grid=(1, 1, 1))
    [found] = collect(function(body), ramp(), grid=(2, 1, 1))
    assert found.kind is Hazard.UNINITIALISED
    assert "in program (1, 0, 0)" in str(found)


@pytest.mark.parametrize("at", [4, -16, 166912])
def test_a_buffer_in_an_impossible_place(at: int) -> None:
    with pytest.raises(TileError, match="shared"):
        run(function(f"  %b = shared {{of = i32, count = 4, at = {at}}} : shared<i32[4]>", ""))


def test_a_masked_copy_brings_zeros() -> None:
    body = """  %m = lt %tt, %warp16 : bool[1]
  async_copy %b, %tt, %x, %tt, %m
  %g = async_commit : token
  async_wait {}
  %v = shared_load %b, %tt : i32[1]
  global_store %y, %v, %tt"""
    body = "  %warp16 = numbers {values = [16], of = i32} : i32[1]\n" + body
    x, y = ramp()[:16].copy(), np.full(64, -1, np.int32)
    run(function(BOX + body, "%x: tensor<i32[N], strides=[1]>, %y: tensor<i32[M], strides=[1]>"), x, y)
    assert y.tolist() == [*range(100, 116), *[0] * 48]


def test_a_copy_reads_when_it_is_issued() -> None:
    body = """  async_copy %b, %tt, %x, %tt
  %g = async_commit : token
  global_store %x, %tt, %tt
  async_await [%g]
  %v = shared_load %b, %tt : i32[1]
  global_store %y, %v, %tt"""
    y = np.zeros(64, np.int32)
    run(function(BOX + body, XY), ramp()[:64].copy(), y)
    assert y.tolist() == list(range(100, 164))


def test_a_copy_may_bring_one_element_twice() -> None:
    body = """  async_copy %b, %0, %x, %0
  %g = async_commit : token
  async_wait {}
  barrier {}
  %v = shared_load %b, %0 : i32[1]
  global_store %x, %v, %tt"""
    x = ramp()[:64].copy()
    run(function(BOX + body), x)
    assert (x == 100).all()


def test_what_is_never_waited_for_is_nobodys_harm() -> None:
    assert collect(function(BOX + "  async_copy %b, %tt, %x, %tt"), ramp()[:64].copy(), grid=(2, 1, 1)) == ()


def test_a_warp_reads_what_it_wrote_itself_though_another_wrote_the_same() -> None:
    body = """  global_store %x, %four, %0, %first
  global_store %x, %0, %0
  %v = global_load %x, %0 : i32[1]
  global_store %y, %v, %tt"""
    x, y = ramp()[:64].copy(), ramp()[:64].copy()
    run(function(BOX + body, XY), x, y)
    assert (x[0], y.any()) == (0, False)
    third = body.replace("global_store %x, %0, %0", "global_store %x, %0, %0, %early")
    third = "  %early = lt %warp, %two : bool[1]\n" + third
    third = "  %two = numbers {values = [2], of = i32} : i32[1]\n" + third
    error = hazard(function(BOX + third, XY, warps=3), x, y)
    assert (error.kind, "warp 2 reads %x[0], which warp 0 wrote" in error.message) == (Hazard.RACE, True)
