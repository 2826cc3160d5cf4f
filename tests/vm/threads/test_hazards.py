"""Every hazard between threads, seen in the smallest body that has it: its words, both places, and the mend."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.vm.threads.running import BOX, collect, function, hazard, line_of, ramp
from tilevm.backends.vm.threads import Hazard

Golden = Callable[[str | Path, str], None]
HERE = Path(__file__).parent / "golden"
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
