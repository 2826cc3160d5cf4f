"""Accesses of memory: every type in every width, masks, rings, asynchronous copies, barriers."""

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from tests.ptx.running import RANDOM, Array, listing, run
from tilevm.backends.ptx.emit.addresses import NEAR
from tilevm.backends.ptx.emulator import Memory, parse
from tilevm.bench import kernels
from tilevm.types import SMALL, dtype

TYPES = ["bool", "i4", "u8", "i8", "u12", "i16", "f16", "bf16", "u24", "i32", "f32", "tf32", "i40", "i64", "f64"]
TYPES += ["f8e4m3", "f6e2m3"]
COUNT = 64


def codes(name: str, count: int) -> Array:
    """Elements in memory, as they must lie there."""
    kind = dtype(name)
    size = kind.numpy_bytes
    found = RANDOM.integers(0, 1 << kind.bits, count, dtype=np.uint64).astype(f"u{size}")
    spare = 8 * size - kind.bits
    return (found.view(f"i{size}") << spare >> spare).view(f"u{size}") if name[0] == "i" and spare else found


@pytest.mark.parametrize("width", [1, 2, 4, 8])
@pytest.mark.parametrize("name", TYPES)
def test_what_is_loaded_is_stored(name: str, width: int) -> None:
    """Vectors under masks, and another number where nothing is read."""
    memory = f"ptr<{name}, align=64>"
    text = f"""func @k(%x: {memory}, %n: i32, %other: {name}, %out: {memory}) warps(1, sm_80) {{
  %t = thread_id : i32
  %two = constant {{value = 2, of = i32}} : i32
  %first = mul %t, %two : i32
  %f = splat %first {{shape = [2]}} : i32[2]
  %more = numbers {{values = [0, 1], of = i32}} : i32[2]
  %v = add %f, %more : i32[2]
  %w = numbers {{values = [{width}, {width}], of = i32}} : i32[2]
  %o = mul %v, %w : i32[2]
  %end = splat %n {{shape = [2]}} : i32[2]
  %m = lt %v, %end : bool[2]
  %y = global_load %x, %o, %m, %other {{width = {width}}} : {name}[{2 * width}]
  %zero = numbers {{values = [5, 5], of = i32}} : i32[2]
  %far = ge %v, %zero : bool[2]
  global_store %out, %y, %o, %far {{width = {width}}}
  yield []
}}"""
    x, out, other = codes(name, COUNT * width), codes(name, COUNT * width), codes(name, 1)
    before = out.copy()
    run(text, [x, 33, other[0], out])
    vector = np.arange(COUNT * width) // width
    assert np.array_equal(out, np.where(vector < 5, before, np.where(vector < 33, x, other[0])))


@pytest.mark.parametrize("name", ["u8", "f16", "i32", "i64"])
def test_shared_memory_turns_a_tile_round(name: str) -> None:
    """Rows in, columns out, in the second slot of a ring of three; half of the stores are masked out."""
    text = f"""func @k(%x: ptr<{name}, align=16>, %slot: i32, %out: ptr<{name}, align=16>) warps(2, sm_80) {{
  %t = thread_id : i32
  %four = constant {{value = 4, of = i32}} : i32
  %a = mul %t, %four : i32
  %row = splat %a {{shape = [1]}} : i32[1]
  %b = shared {{of = {name}, count = 256, slots = 3, at = 512}} : shared<{name}[768]>
  %r = ring %slot {{by = 2, slots = 3}} : i32
  %v = global_load %x, %row {{width = 4}} : {name}[4]
  shared_store %b, %v, %row, _, %r {{width = 4}}
  %w = add %v, %v : {name}[4]
  %thirty = numbers {{values = [128], of = i32}} : i32[1]
  %m = lt %row, %thirty : bool[1]
  shared_store %b, %w, %row, %m, %r {{width = 4}}
  barrier {{}}
  %t4 = splat %t {{shape = [4]}} : i32[4]
  %rows = numbers {{values = [0, 64, 128, 192], of = i32}} : i32[4]
  %column = add %t4, %rows : i32[4]
  %y = shared_load %b, %column, %r : {name}[4]
  global_store %out, %y, %row {{width = 4}}
  yield []
}}"""
    kind = {"f16": np.float16}.get(name) or np.dtype({"u": "u", "i": "i"}[name[0]] + str(dtype(name).numpy_bytes))
    x = RANDOM.integers(0, 100, 256).astype(kind)
    for slot in range(3):
        out = np.zeros_like(x)
        run(text, [x, slot, out])
        doubled = np.where(np.arange(256) < 128, x + x, x)
        assert np.array_equal(out.reshape(64, 4), doubled.reshape(4, 64).T)


@pytest.mark.parametrize(("name", "width"), [("f16", 8), ("f16", 4), ("f32", 1), ("u8", 16), ("i64", 2), ("f32", 2)])
def test_asynchronous_copies_land_when_waited_for(name: str, width: int) -> None:
    """Two groups; the first is read while the second is under way. Masked vectors become zeros."""
    size = 32 * width
    text = f"""func @k(%x: ptr<{name}, align=16>, %n: i32, %out: ptr<{name}, align=16>) warps(1, sm_80) {{
  %t = thread_id : i32
  %w = constant {{value = {width}, of = i32}} : i32
  %a = mul %t, %w : i32
  %o = splat %a {{shape = [1]}} : i32[1]
  %next = numbers {{values = [{size}], of = i32}} : i32[1]
  %p = add %o, %next : i32[1]
  %e = splat %n {{shape = [1]}} : i32[1]
  %m = lt %o, %e : bool[1]
  %b = shared {{of = {name}, count = {size}, at = 0}} : shared<{name}[{size}]>
  %c = shared {{of = {name}, count = {size}, at = 1024}} : shared<{name}[{size}]>
  async_copy %b, %o, %x, %o, %m {{width = {width}}}
  %g = async_commit : token
  async_copy %c, %o, %x, %p {{width = {width}}}
  %h = async_commit : token
  async_wait {{pending = 1}}
  %v = shared_load %b, %o {{width = {width}}} : {name}[{width}]
  global_store %out, %v, %o {{width = {width}}}
  async_wait {{}}
  %u = shared_load %c, %o {{width = {width}}} : {name}[{width}]
  global_store %out, %u, %p {{width = {width}}}
  yield []
}}"""
    x = RANDOM.integers(1, 100, 2 * size).astype(f"u{dtype(name).numpy_bytes}")
    out = np.zeros_like(x)
    run(text, [x, 9 * width, out])
    place = np.arange(2 * size)
    assert np.array_equal(out, np.where((place >= 9 * width) & (place < size), 0, x))


def test_packed_memory_is_read_by_the_word() -> None:
    text = """func @k(%q: tensor<u4[N], strides=[1], align=16, packed>, %out: ptr<u8, align=8>) warps(1, sm_80) {
  %t = thread_id : i32
  %o = splat %t {shape = [1]} : i32[1]
  %w = global_load %q, %o {of = u32} : u32[1]
  %v = view %w {to = u4} : u4[8]
  %b = cast %v {to = u8} : u8[8]
  %eight = constant {value = 8, of = i32} : i32
  %a = mul %t, %eight : i32
  %p = splat %a {shape = [1]} : i32[1]
  global_store %out, %b, %p {width = 8}
  yield []
}"""
    q = RANDOM.integers(0, 256, 128).astype(np.uint8)
    out = np.zeros(256, np.uint8)
    run(text, [q, 256, out])
    assert np.array_equal(out, np.stack([q & 15, q >> 4], axis=1).ravel())


def test_where_nothing_is_read_a_type_without_zero_has_its_least_number() -> None:
    text = """func @k(%x: ptr<f8e8m0>, %out: ptr<f32>) warps(1, sm_80) {
  %t = thread_id : i32
  %o = splat %t {shape = [1]} : i32[1]
  %n = numbers {values = [9], of = i32} : i32[1]
  %m = lt %o, %n : bool[1]
  %v = global_load %x, %o, %m : f8e8m0[1]
  %b = view %v {to = u8} : u8[1]
  %f = cast %b {to = f32} : f32[1]
  global_store %out, %f, %o
  yield []
}"""
    out = np.ones(32, np.float32)
    run(text, [np.full(32, 127, np.uint8), out])
    assert out[:9].tolist() == [127.0] * 9 and not out[9:].any()


def offsets(kind: str) -> str:
    return f"""func @k(%x: ptr<f32, align=16>, %s: {kind}, %out: ptr<f32, align=16>) warps(1, sm_80) {{
  %t = thread_id : i32
  %w = cast %t {{to = {kind}}} : {kind}
  %a = add %s, %w : {kind}
  %o = splat %a {{shape = [4]}} : {kind}[4]
  %n = numbers {{values = [0, 32, 64, 96], of = {kind}}} : {kind}[4]
  %p = add %o, %n : {kind}[4]
  %v = global_load %x, %p : f32[4]
  global_store %out, %v, %p
  yield []
}}"""


@pytest.mark.parametrize("kind", ["i32", "u32", "i64"])
def test_constants_of_offsets_stand_in_the_address(kind: str) -> None:
    """Four accesses at constant distances compute one address for each memory."""
    x = np.arange(200, dtype=np.float32)
    out = np.zeros_like(x)
    found = run(offsets(kind), [x, 60, out])
    assert np.array_equal(out[60:188], x[60:188])
    assert not out[:60].any() and not out[188:].any()
    assert [m[1] for m in re.finditer(r"ld\.global\.b32 %r\d+, \[%rd\d+(\+\d+)?\]", found.text)] == [
        None,
        "+128",
        "+256",
        "+384",
    ]
    assert len(re.findall(r"add\.s64", found.text)) <= 3


def test_a_buffer_that_was_not_placed_is_a_fault_of_the_compiler() -> None:
    text = """func @k() warps(1, sm_80) {
  %b = shared {of = f32, count = 32} : shared<f32[32]>
  yield []
}"""
    with pytest.raises(AssertionError, match="placed"):
        listing(text)


def test_a_slot_that_is_also_a_number_stays_one() -> None:
    """Slots are kept in bytes only where all that is asked of them is where they begin."""
    text = """func @k(%n: i32, %x: ptr<i32, align=16>, %out: ptr<i32>) warps(1, sm_80) {
  %t = thread_id : i32
  %o = splat %t {shape = [1]} : i32[1]
  %zero = constant {value = 0, of = i32} : i32
  %one = constant {value = 1, of = i32} : i32
  %b = shared {of = i32, count = 32, slots = 3, at = 256} : shared<i32[96]>
  %v = global_load %x, %o : i32[1]
  shared_store %b, %v, %o, _, %zero
  %last, %total = for %zero, %n, %one, [%zero, %v] (%i: i32, %slot: i32, %sum: i32[1]) {
    %next = ring %slot {by = 1, slots = 3} : i32
    %y = shared_load %b, %o, %slot : i32[1]
    %z = add %y, %NUMBER : i32[1]
    shared_store %b, %z, %o, _, %next
    %more = add %sum, %z : i32[1]
    yield [%next, %more]
  } : i32, i32[1]
  global_store %out, %total, %o
  yield []
}"""
    numbered = text.replace("    %z =", "    %s = splat %next {shape = [1]} : i32[1]\n    %z =").replace(
        "%NUMBER", "%s"
    )
    x, trips = np.arange(32, dtype=np.int32), 7
    for form, further in ((numbered, [(i + 1) % 3 for i in range(trips)]), (text.replace("%NUMBER", "%o"), None)):
        out = np.zeros_like(x)
        found = run(form, [trips, x, out])
        value, total = x.copy(), x.copy()
        for i in range(trips):
            value = value + (x if further is None else further[i])
            total = total + value
        assert np.array_equal(out, total)
        assert bool(re.search(r"shl\.b32 %r\d+, %r\d+, 7", found.text)) is (further is not None)


SIGNATURE = "a: f16[M%16, K%16]{align=16}, b: f16[K%16, N%16]{align=16}, c: f16[M%16, N%16]{align=16}"
SMALL_ONES = (np.zeros((4096, 4096), np.float16),) * 3


@pytest.mark.parametrize(("arguments", "widened"), [((SIGNATURE,), 0), (SMALL_ONES, 8)], ids=["addresses", "offsets"])
def test_a_pipelined_trip_adds_addresses_up(arguments: tuple[Any, ...], widened: int) -> None:
    """Between the copies' masks and the products nothing shifts or multiplies; what is added up are addresses, or
    offsets of 32 bits, of which one instruction makes an address."""
    compiled = kernels.matmul.compile(*arguments, BM=128, BN=128, BK=32, stages=3, target="sm_80", num_warps=4)
    text = compiled.stages["ptx"]
    trip = text[text.index("$loop_1:") : text.index("bra $loop_1;")]
    assert not re.search(r"\t(shl|mul\.lo|mad|cvt|sub\.s64)", trip)
    assert len(re.findall(r"\tmul\.wide\.s32", trip)) == widened
    assert len(re.findall(r"\tadd\.s64", trip)) == 8 and len(re.findall(r"\tsetp\.", trip)) == 4


REACHED = st.integers(-SMALL, SMALL) | st.sampled_from([0, SMALL, SMALL - 1, -SMALL])
APART = st.sampled_from([0, 1, -5, NEAR - 1, NEAR, 1 - NEAR, 2 * NEAR - 1, 1 - 2 * NEAR, 2**30, -(2**31)])


@given(REACHED, APART)
def test_an_offset_of_32_bits_may_be_added_up_apart(offset: int, apart: int) -> None:
    """What is known of it is added to the address, unless the rest might meet an edge on its own."""
    text = f"""func @k(%x: ptr<u8>, %start: i32, %out: ptr<u8>) warps(1, sm_80) {{
  %t = thread_id : i32
  %f = splat %start {{shape = [1]}} : i32[1]
  %n = numbers {{values = [{apart}], of = i32}} : i32[1]
  %o = add %f, %n : i32[1]
  %y = global_load %x, %o : u8[1]
  %p = splat %t {{shape = [1]}} : i32[1]
  global_store %out, %y, %p
  yield []
}}"""
    found, memory = listing(text), Memory()
    x, out = np.array([7], np.uint8), np.zeros(32, np.uint8)
    start = (offset - apart + 2**31) % 2**32 - 2**31
    kernel = parse(found.text, "<k.ptx>").kernel("k")
    kernel.launch(1, found.threads, [memory.add(x) - offset, start, out], memory=memory)
    assert (out == 7).all()
