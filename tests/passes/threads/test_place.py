"""Buffers lie apart while they are needed together; bytes are shared where that is worth its barriers."""

from __future__ import annotations

import pytest
from hypothesis import given

from tests.passes.threads.contents import lost
from tests.passes.threads.memory_programs import programs
from tests.passes.threads.races import races
from tilevm.ir.rewrite import walk
from tilevm.ir.threads import Barrier, SharedBuffer
from tilevm.ir.verify import verify
from tilevm.passes.threads.barriers import insert_barriers
from tilevm.passes.threads.lives import lives
from tilevm.passes.threads.place import arrange, gap, place_shared, shared_bytes
from tilevm.source import TileError
from tilevm.target import target
from tilevm.text import read_func

HEAD = """func @f(%n: i32, %x: ptr<f32, align=16>) warps(4, sm_80) {
  %z = constant {value = 0, of = i32} : i32
  %k = constant {value = 1, of = i32} : i32
  %t = thread_id : i32
  %o = splat %t {shape = [1]} : i32[1]
  %p = numbers {values = [8], of = i32} : i32[1]
  %e = constant {value = 0.0, of = f32} : f32
  %v = splat %e {shape = [1]} : f32[1]
"""
KIB = 1024
LIMIT = target("sm_80").limits.shared_per_block


def text(body: str) -> str:
    return f"{HEAD}{body}\n  yield []\n}}\n"


def buffer(name: str, kib: int, **more: int) -> str:
    rest = "".join(f", {key} = {value}" for key, value in more.items())
    count = kib * KIB // 4
    return f"  %{name} = shared {{of = f32, count = {count}{rest}}} : shared<f32[{count * more.get('slots', 1)}]>"


def used(name: str) -> str:
    return f"  shared_store %{name}, %v, %o\n  %{name}.1 = shared_load %{name}, %p : f32[1]"


def places(body: str, limit: int = LIMIT) -> dict[str, int]:
    """Where the pass puts each buffer, in KiB."""
    made = verify(place_shared(read_func(text(body)), limit))
    found = {op.result.hint: op.at for op in walk(made.body) if isinstance(op, SharedBuffer)}
    return {name: at // KIB for name, at in found.items() if at is not None}


def join(*lines: str) -> str:
    return "\n".join(lines)


def test_buffers_needed_one_after_another_share_where_room_is_dear() -> None:
    body = join(buffer("a", 64), buffer("b", 48), used("a"), used("b"))
    assert places(body) == {"a": 0, "b": 0}


def test_what_hinders_no_block_lies_apart() -> None:
    body = join(buffer("a", 2), buffer("b", 1), used("a"), used("b"))
    assert places(body) == {"a": 0, "b": 2}


def test_buffers_needed_together_lie_apart() -> None:
    body = join(buffer("a", 64), buffer("b", 48), used("a"), used("b"), "  %c = shared_load %a, %o : f32[1]")
    assert places(body) == {"a": 0, "b": 64}


def test_a_buffer_accessed_in_a_loop_lives_as_long_as_the_loop() -> None:
    loop = join("  for %z, %n, %k, [] (%i: i32) {", used("a"), used("b"), "    yield []", "  }")
    assert places(join(buffer("a", 64), buffer("b", 48), loop)) == {"a": 0, "b": 64}


def test_a_buffer_made_in_a_loop_is_needed_within_a_trip() -> None:
    made = join(buffer("a", 64), used("a"), buffer("b", 48), used("b"))
    assert places(join("  for %z, %n, %k, [] (%i: i32) {", made, "    yield []", "  }")) == {"a": 0, "b": 0}


def test_buffers_of_one_loop_share_last() -> None:
    """Room for one block more is found outside the loop: a and b stay apart, c lies on them."""
    made = join(buffer("a", 16), used("a"), buffer("b", 16), used("b"))
    loop = join("  for %z, %n, %k, [] (%i: i32) {", made, "    yield []", "  }")
    assert places(join(loop, buffer("c", 32), used("c"))) == {"a": 0, "b": 16, "c": 0}


def test_a_copy_keeps_its_buffer_until_it_has_landed() -> None:
    copied = join("  async_copy %a, %o, %x, %p {width = 4}", "  %g = async_commit : token")
    late = join(buffer("a", 64), buffer("b", 48), copied, used("b"), "  async_wait {}")
    early = join(buffer("a", 64), buffer("b", 48), copied, "  async_wait {}", used("b"))
    assert places(late) == {"a": 0, "b": 64}
    assert places(early) == {"a": 0, "b": 0}


def test_a_copy_that_a_loop_leaves_running_keeps_its_buffer_after_it() -> None:
    trip = join("  async_wait {pending = 1}", "  async_copy %a, %o, %x, %p {width = 4}", "  %g = async_commit : token")
    loop = join("  for %z, %n, %k, [] (%i: i32) {", trip, "    yield []", "  }")
    body = join(buffer("a", 64), buffer("b", 48), loop, used("b"))
    assert places(body) == {"a": 0, "b": 64}


def test_a_gap_is_filled_by_what_fits_best() -> None:
    assert gap([(0, 16), (48, 64), (72, 80)], 8, 8) == 64
    assert gap([(0, 16), (48, 64), (72, 80)], 24, 16) == 16
    assert gap([(0, 16), (48, 64), (72, 80)], 40, 64) == 128
    assert gap([(4, 80), (16, 32)], 4, 1) == 0


def test_addresses_are_aligned() -> None:
    body = join(buffer("a", 1), "  %s = shared {of = i8, count = 5} : shared<i8[5]>", buffer("b", 1, align=1024))
    made = place_shared(read_func(text(join(body, used("a"), used("b")))), LIMIT)
    assert {op.result.hint: op.at for op in walk(made.body) if isinstance(op, SharedBuffer)} == {
        "a": 0,
        "b": 1024,
        "s": 2048,
    }
    assert shared_bytes(made) == 2053


def test_without_buffers_nothing_changes() -> None:
    func = read_func(text(""))
    assert place_shared(func, LIMIT) is func and shared_bytes(func) == 0


def test_what_does_not_fit_is_told_with_what_would() -> None:
    ring = buffer("tiles", 64, slots=3)
    access = "  shared_store %tiles, %v, %o, _, %z\n  %w = shared_load %tiles, %p, %k : f32[1]"
    with pytest.raises(TileError) as caught:
        place_shared(
            read_func(text(join(ring, buffer("rest", 8), access, used("rest"), access.replace("%w", "%u")))), LIMIT
        )
    error = caught.value
    assert error.message == f"f needs {200 * KIB} bytes of shared memory a block, and a block of sm_80 has {LIMIT}"
    assert [note.message for note in error.notes] == [
        f"%tiles takes {192 * KIB} bytes: 3 slots of 16384 elements of f32",
        f"%rest takes {8 * KIB} bytes: 2048 elements of f32",
    ]
    assert all(note.span is not None for note in error.notes)
    assert error.help == "num_stages=2 fits, or smaller tiles"


def test_what_no_number_of_stages_makes_fit() -> None:
    with pytest.raises(TileError) as caught:
        place_shared(read_func(text(join(buffer("a", 256), used("a")))), LIMIT)
    assert caught.value.help == "take smaller tiles"


@given(programs())
def test_shared_bytes_keep_their_contents_and_bring_no_race(source: str) -> None:
    """Placed as densely as can be, whatever the barriers cost."""
    func = verify(read_func(source))
    found = lives(func)
    sizes = {life.buffer: life.buffer.slots * life.buffer.count * 4 for life in found}
    least = max(at + sizes[b] for b, at in arrange(found, sizes, lambda a, b: a.meets(b)).items())
    made = verify(insert_barriers(verify(place_shared(func, least))))
    assert shared_bytes(made) <= least
    assert next(lost(made), None) is None
    assert next(races(made), None) is None


@pytest.mark.parametrize(("pending", "found"), [(None, 1), (1, 0), (0, 0)])
def test_a_load_while_its_copy_is_on_its_way_loses_nothing(pending: int | None, found: int) -> None:
    """Its wait leaves a group out, so nobody says what is read: bytes of another buffer as well."""
    copy = "  async_copy %a, %o, %x, %o\n  %{} = async_commit : token\n  async_wait {{{{pending = {}}}}}"
    again = [] if pending is None else [copy.format("d", pending)]
    body = join(buffer("a", 64, at=0), buffer("b", 64, at=0), copy.format("c", 0), "  shared_store %b, %v, %o", *again)
    func = read_func(text(join(body, "  %l = shared_load %a, %o : f32[1]")).replace("{{", "{").replace("}}", "}"))
    assert len(list(lost(func))) == found


def test_sharing_brings_a_barrier() -> None:
    body = join(buffer("a", 64), buffer("b", 48), used("a"), used("b"))
    made = insert_barriers(place_shared(read_func(text(body)), LIMIT))
    names = [op.name for op in made.body.ops if isinstance(op, Barrier) or op.name.startswith("shared_")]
    assert names == ["shared_store", "barrier", "shared_load", "barrier", "shared_store", "barrier", "shared_load"]
