"""Shared memory and copies into it: what lands where, how long it is there, and hazards all told at once."""

import numpy as np
import pytest

from tests.vm.threads.running import BOX, XY, collect, function, hazard, line_of, ramp, run
from tilevm.backends.vm.threads import Hazard
from tilevm.source import TileError


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


@pytest.mark.parametrize("at", [-1, 128, 2**62, 2**63 - 1, -(2**63)])
def test_far_offsets(at: int) -> None:
    body = f"  %n = numbers {{values = [{at}], of = i64}} : i64[1]\n"
    for step in ("%v = shared_load %b, %n : i32[1]", "%v = global_load %x, %n : i32[1]"):
        assert hazard(function(BOX + body + f"  {step}"), ramp()).kind is Hazard.OUT_OF_BOUNDS


def test_an_offset_that_a_mask_hides_may_be_anything() -> None:
    body = """  shared_store %b, %tt, %tt, %first
  %v = shared_load %b, %tt : i32[1]
  shared_store %b, %tt, %v, %first
  global_store %x, %tt, %v, %first"""
    x = ramp()
    run(function(BOX + body, warps=1), x)
    assert x.tolist() == [0, *range(101, 228)]


def test_more_warps_than_a_block_has() -> None:
    with pytest.raises(TileError, match="33 warps, and a block of sm_80 has up to 32"):
        run(function("", "", warps=33))


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
