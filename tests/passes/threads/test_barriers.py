"""Barriers stand where threads would meet, and nowhere else."""

from __future__ import annotations

import pytest
from hypothesis import given

from tests.passes.threads.memory_programs import programs
from tests.passes.threads.paths import ways
from tests.passes.threads.races import TRIPS, races
from tilevm.ir import Op
from tilevm.ir.ops import For, If, While
from tilevm.ir.rewrite import rewrite, walk
from tilevm.ir.threads import Barrier, SharedAccess
from tilevm.ir.verify import verify
from tilevm.passes.threads.barriers import insert_barriers
from tilevm.passes.threads.slots import name_of
from tilevm.text import print_func, read_func
from tilevm.types import Scalar, i32

HEAD = """func @f(%n: i32, %c: bool, %x: ptr<f16, align=16>, %y: tensor<f16[_], strides=[1]>) warps(4, sm_80) {
  %z = constant {value = 0, of = i32} : i32
  %k = constant {value = 1, of = i32} : i32
  %t = thread_id : i32
  %o = splat %t {shape = [1]} : i32[1]
  %p = numbers {values = [8], of = i32} : i32[1]
  %m = lt %o, %p : bool[1]
  %a = shared {of = f16, count = 1024} : shared<f16[1024]>
  %b = shared {of = f16, count = 1024} : shared<f16[1024]>
  %v = shared_load %a, %o : f16[1]
"""
LOAD = 'copy = "ldmatrix.sync.aligned.m8n8.x4.shared.b16", words = 4'


def lines(body: str) -> list[str]:
    """The words of each line after the pass: what it does, and to what."""
    text = f"{HEAD}{body}\n  yield []\n}}\n"
    made = print_func(verify(insert_barriers(read_func(text)))).splitlines()
    return [line.strip() for line in made[HEAD.count("\n") : -2]]


def expect(body: str) -> None:
    """The pass puts barriers where ``body`` has them."""
    bare = "\n".join(line for line in body.splitlines() if line.strip() != "barrier {}")
    assert lines(bare) == [line.strip() for line in body.strip("\n").splitlines()]


def test_a_load_of_what_others_wrote_and_a_store_where_others_read() -> None:
    expect("""
  barrier {}
  shared_store %a, %v, %o
  barrier {}
  %w = shared_load %a, %p : f16[1]
  barrier {}
  shared_store %a, %w, %p
""")


def test_loads_alone_and_other_buffers_need_none() -> None:
    expect("""
  %w = shared_load %a, %p : f16[1]
  shared_store %b, %w, %p
""")


def test_one_barrier_serves_several_dependences() -> None:
    expect("""
  shared_store %b, %v, %o
  barrier {}
  shared_store %a, %v, %o
  %w = shared_load %b, %p : f16[1]
""")


def test_a_thread_finds_what_it_wrote() -> None:
    expect("""
  shared_store %b, %v, %o
  %w = shared_load %b, %o : f16[1]
""")


@pytest.mark.parametrize(
    "load",
    [
        "  shared_store %b, %v, %o, %m\n  barrier {}\n  %w = shared_load %b, %o : f16[1]",
        "  shared_store %b, %v, %o\n  barrier {}\n  %w = shared_load %b, %o {width = 2} : f16[2]",
        f"  shared_store %b, %v, %o\n  barrier {{}}\n  %w = matrix_load %b, %o {{{LOAD}}} : f16[8]",
    ],
    ids=["masked", "wider", "matrix"],
)
def test_a_thread_does_not_find_what_it_did_not_write(load: str) -> None:
    expect(load)


def test_replicas_may_still_have_to_read_what_a_thread_replaces() -> None:
    expect("""
  barrier {}
  shared_store %a, %v, %o
""")


def test_one_barrier_a_trip_keeps_a_ring_of_three() -> None:
    expect("""
  %r = shared {of = f16, count = 2048, slots = 3} : shared<f16[6144]>
  async_copy %r, %o, %x, %p, _, %z {width = 8}
  %t0 = async_commit : token
  async_copy %r, %o, %x, %p, _, %k {width = 8}
  %t1 = async_commit : token
  %s.1 = for %z, %n, %k, [%z] (%i: i32, %s: i32) {
    async_wait {pending = 1}
    %to = ring %s {by = 2, slots = 3} : i32
    barrier {}
    async_copy %r, %o, %x, %p, _, %to {width = 8}
    %t2 = async_commit : token
    %w = matrix_load %r, %o, %s {copy = "ldmatrix.sync.aligned.m8n8.x4.shared.b16", words = 4} : f16[8]
    %next = ring %s {by = 1, slots = 3} : i32
    yield [%next]
  } : i32
""")


def test_the_order_within_a_trip_does_not_matter() -> None:
    expect("""
  %r = shared {of = f16, count = 2048, slots = 3} : shared<f16[6144]>
  %s.1 = for %z, %n, %k, [%z] (%i: i32, %s: i32) {
    async_wait {pending = 1}
    barrier {}
    %w = matrix_load %r, %o, %s {copy = "ldmatrix.sync.aligned.m8n8.x4.shared.b16", words = 4} : f16[8]
    %to = ring %s {by = 2, slots = 3} : i32
    async_copy %r, %o, %x, %p, _, %to {width = 8}
    %t2 = async_commit : token
    %next = ring %s {by = 1, slots = 3} : i32
    yield [%next]
  } : i32
""")


def test_a_ring_of_two_needs_two() -> None:
    """The copy of a trip goes where the trip before has read, and is waited for before the next reads."""
    expect("""
  %r = shared {of = f16, count = 2048, slots = 2} : shared<f16[4096]>
  %s.1 = for %z, %n, %k, [%z] (%i: i32, %s: i32) {
    %to = ring %s {by = 1, slots = 2} : i32
    barrier {}
    async_copy %r, %o, %x, %p, _, %to {width = 8}
    %t2 = async_commit : token
    async_wait {pending = 1}
    barrier {}
    %w = matrix_load %r, %o, %s {copy = "ldmatrix.sync.aligned.m8n8.x4.shared.b16", words = 4} : f16[8]
    yield [%to]
  } : i32
""")


def test_a_barrier_before_the_wait_does_not_show_what_lands_at_it() -> None:
    expect("""
  async_copy %b, %o, %x, %p {width = 8}
  %t0 = async_commit : token
  barrier {}
  shared_store %a, %v, %o
  async_wait {}
  barrier {}
  %w = shared_load %b, %p : f16[1]
""")


def test_slots_that_nothing_relates_may_be_one() -> None:
    expect("""
  %r = shared {of = f16, count = 2048, slots = 3} : shared<f16[6144]>
  shared_store %r, %v, %o, _, %n
  %next = ring %n {by = 1, slots = 3} : i32
  shared_store %r, %v, %o, _, %next
  barrier {}
  %w = shared_load %r, %p, %k : f16[1]
""")


def test_what_only_stands_before_a_loop_is_settled_before_it() -> None:
    expect("""
  shared_store %b, %v, %o
  barrier {}
  for %z, %n, %k, [] (%i: i32) {
    %w = shared_load %b, %p : f16[1]
    yield []
  }
""")


def test_a_loop_that_needs_a_barrier_anyway_settles_what_stands_before_it() -> None:
    expect("""
  shared_store %b, %v, %o
  for %z, %n, %k, [] (%i: i32) {
    barrier {}
    %w = shared_load %b, %p : f16[1]
    barrier {}
    shared_store %b, %w, %o
    yield []
  }
""")


def test_a_branch_that_does_not_touch_needs_none() -> None:
    expect("""
  shared_store %b, %v, %o
  if %c () {
    barrier {}
    %w = shared_load %b, %p : f16[1]
    yield []
  } () {
    yield []
  }
  barrier {}
  %w.1 = shared_load %b, %p : f16[1]
""")


def test_one_barrier_before_a_branch_serves_both_sides() -> None:
    expect(
        """
  shared_store %b, %v, %o
  barrier {}
  if %c () {
    %w = shared_load %b, %p : f16[1]
    yield []
  } () {
    %w = shared_load %b, %p {width = 2} : f16[2]
    yield []
  }
""".replace("%w = shared_load %b, %p {", "%w.1 = shared_load %b, %p {")
    )


def test_offsets_of_two_trips_are_not_the_same_places() -> None:
    expect("""
  for %z, %n, %k, [] (%i: i32) {
    %at = add %i, %t : i32
    %e = splat %at {shape = [1]} : i32[1]
    barrier {}
    %w = shared_load %b, %e : f16[1]
    barrier {}
    shared_store %b, %w, %e
    yield []
  }
""")


def test_what_a_barrier_settles_in_the_end_asks_for_no_other() -> None:
    """One barrier a trip: others only seem to be needed until it is found."""
    expect("""
  %c0 = shared {of = f16, count = 1024} : shared<f16[1024]>
  %d = shared {of = f16, count = 1024} : shared<f16[1024]>
  %e = shared {of = f16, count = 1024} : shared<f16[1024]>
  for %z, %n, %k, [] (%i: i32) {
    shared_store %c0, %v, %o
    async_copy %d, %o, %x, %p {width = 8}
    %g = async_commit : token
    async_wait {}
    shared_store %b, %v, %o
    %w = shared_load %d, %o {width = 8} : f16[8]
    barrier {}
    async_copy %e, %o, %x, %p {width = 8}
    %g.1 = async_commit : token
    yield []
  }
""")


def test_conditions_of_while_read_what_the_body_wrote() -> None:
    expect("""
  while [] () {
    barrier {}
    %w = shared_load %b, %p : f16[1]
    yield [%c]
  } () {
    barrier {}
    shared_store %b, %v, %o
    yield []
  }
""")


def test_placed_buffers_meet_where_their_bytes_do() -> None:
    expect("""
  %d = shared {of = f16, count = 64, at = 0} : shared<f16[64]>
  %e = shared {of = f16, count = 64, at = 128} : shared<f16[64]>
  %f = shared {of = f32, count = 32, at = 64} : shared<f32[32]>
  shared_store %d, %v, %o
  shared_store %e, %v, %o
  barrier {}
  %w = shared_load %f, %o : f32[1]
""")


def test_global_memory_is_kept_in_order_too() -> None:
    """Where a program stores and loads one tensor, other threads may hold the elements."""
    expect("""
  global_store %y, %v, %o
  %w = global_load %y, %o : f16[1]
  %u = global_load %x, %p : f16[1]
  barrier {}
  %s = global_load %y, %p : f16[1]
""")


def test_a_barrier_that_is_there_counts() -> None:
    text = f"{HEAD}  shared_store %b, %v, %o\n  barrier {{}}\n  %w = shared_load %b, %p : f16[1]\n  yield []\n}}\n"
    func = read_func(text)
    assert insert_barriers(func) is func


def test_behind_a_loop_only_what_its_barriers_leave_is_remembered() -> None:
    """The store of the last trip, which went to the slot before: not that of three trips ago."""
    expect("""
  %r = shared {of = f16, count = 512, slots = 3} : shared<f16[1536]>
  %e = for %z, %n, %k, [%z] (%i: i32, %s: i32) {
    barrier {}
    shared_store %r, %v, %o, _, %s
    %next = ring %s {by = 1, slots = 3} : i32
    yield [%next]
  } : i32
  shared_store %r, %v, %o, _, %e
""")


@given(programs())
def test_no_race_is_left_and_no_barrier_is_too_many(text: str) -> None:
    """Safe in every program. The fewest where slots are known: of one that the sides of a branch yield apart the pass
    keeps no set of what it may be, and takes it for any."""
    made = verify(insert_barriers(verify(read_func(text))))
    assert next(races(made), None) is None
    if sum(1 for _ in ways(made, TRIPS)) == 400 or any(map(yielded_apart, walk(made.body))):
        return  # too many ways to find those that need a barrier, or a slot that may be any
    for barrier in [op for op in walk(made.body) if isinstance(op, Barrier)]:
        without = rewrite(made, lambda op, _, drop=barrier: [] if op is drop else None)
        assert next(races(without), None) is not None, print_func(made)


def yielded_apart(op: Op) -> bool:
    """Whether the slot of an access, or what a loop carries it from, came out of a branch as one of several."""
    slots = [v for v in op.operands if v.type == Scalar(i32)] if isinstance(op, SharedAccess | For | While) else []
    return any(isinstance(base.owner, If) for base, _ in (name_of(v, 3) for v in slots) if base is not None)


def test_what_both_sides_of_a_branch_yield_is_one_slot() -> None:
    expect("""
  %r = shared {of = f16, count = 512, slots = 3} : shared<f16[1536]>
  %s = if %c () {
    %u = ring %z {by = 1, slots = 3} : i32
    yield [%u]
  } () {
    %w = ring %z {by = 1, slots = 3} : i32
    yield [%w]
  } : i32
  %x1 = shared_load %r, %o, %z : f16[1]
  shared_store %r, %v, %o, _, %s
""")


def test_what_they_yield_apart_may_be_any_slot() -> None:
    expect("""
  %r = shared {of = f16, count = 512, slots = 3} : shared<f16[1536]>
  %s = if %c () {
    %u = ring %z {by = 1, slots = 3} : i32
    yield [%u]
  } () {
    %w = ring %z {by = 2, slots = 3} : i32
    yield [%w]
  } : i32
  %x1 = shared_load %r, %o, %z : f16[1]
  barrier {}
  shared_store %r, %v, %o, _, %s
""")
