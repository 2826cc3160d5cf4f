"""Spaces of memory, addresses that are not of one space, copies in part, and values that are known in part."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.emulator.running import Array, each, hazards, kernel, written
from tilevm.backends.ptx.emulator import Emulation, EmulationError, Hazard, parse

BOX = """
.shared .align 16 .b8 box[512];
.const .align 4 .b32 table[4] = {10, 20, 30, 40};
.global .align 4 .b32 cell = 5;
"""
START = """
    mov.u32 %r0, %tid.x; ld.param.u64 %d1, [k_0]; mad.wide.u32 %d3, %r0, 4, %d1;
    mov.u32 %r2, box; mad.lo.u32 %r3, %r0, 4, %r2;
"""
ASYNC = "cp.async.ca.shared.global [%r3], [%d3], 4; cp.async.commit_group;"
OTHER = "xor.b32 %r4, %r3, 128; ld.shared.u32 %r5, [%r4]; st.global.u32 [%d3], %r5;"


def run(body: str, x: Array, collect: bool = False) -> Emulation:
    return written(START + body, shared=BOX).launch(1, len(x), [x], collect=collect)


def numbers() -> Array:
    return np.arange(100, 164, dtype=np.uint32)


def test_generic_addresses_of_shared_memory_and_back() -> None:
    body = """
        cvt.u64.u32 %d4, %r3; cvta.shared.u64 %d5, %d4; st.u32 [%d5], %r0; bar.sync 0;
        cvta.to.shared.u64 %d6, %d5; cvt.u32.u64 %r4, %d6; xor.b32 %r4, %r4, 128; ld.shared.u32 %r5, [%r4];
        cvta.global.u64 %d7, %d3; st.u32 [%d7], %r5;
    """
    x = numbers()
    run(body, x)
    assert x.tolist() == [t ^ 32 for t in range(64)]


def test_an_access_whose_threads_reach_two_spaces() -> None:
    body = """
        cvt.u64.u32 %d4, %r3; cvta.shared.u64 %d5, %d4; st.shared.u32 [%r3], %r0; bar.sync 0;
        and.b32 %r4, %r0, 1; setp.eq.u32 %p1, %r4, 0; selp.b64 %d6, %d5, %d3, %p1;
        ld.u32 %r5, [%d6]; add.u32 %r5, %r5, 1; st.u32 [%d6], %r5; ld.u32 %r6, [%d6]; st.global.u32 [%d3], %r6;
    """
    x = numbers()
    run(body, x)
    assert x.tolist() == [t + 1 if t % 2 == 0 else 101 + t for t in range(64)]


def test_constants_and_variables_of_the_module() -> None:
    body = """
        mov.u64 %d4, table; and.b32 %r4, %r0, 3; mad.wide.u32 %d5, %r4, 4, %d4; ld.const.u32 %r5, [%d5];
        ld.global.u32 %r6, [cell]; add.u32 %r5, %r5, %r6; st.global.u32 [%d3], %r5;
    """
    x = numbers()
    run(body, x)
    assert x.tolist() == [10 * (t % 4 + 1) + 5 for t in range(64)]


@pytest.mark.parametrize("count", [0, 4, 6, 15, 16])
def test_copies_fill_with_zeros(count: int) -> None:
    body = f"""
        mov.u32 %r0, %tid.x; ld.param.u64 %d1, [k_0]; mad.wide.u32 %d2, %r0, 16, %d1;
        mov.u32 %r2, box; mad.lo.u32 %r3, %r0, 16, %r2;
        cp.async.cg.shared.global [%r3], [%d2], 16, {count}; cp.async.wait_all;
        ld.shared.v4.u32 {{%r4, %r5, %r6, %r7}}, [%r3]; st.global.v4.u32 [%d2], {{%r4, %r5, %r6, %r7}};
    """
    x = np.random.default_rng(7).integers(1, 256, (32, 16)).astype(np.uint8)
    wanted = x.copy()
    wanted[:, count:] = 0
    written(body, shared=BOX).launch(1, 32, [x])
    assert (x == wanted).all()


def test_a_copy_of_no_bytes_may_come_from_anywhere() -> None:
    run("mov.u64 %d4, 16; cp.async.cg.shared.global [box], [%d4], 16, 0; cp.async.wait_all;", numbers()[:1])


def test_a_copy_that_lands_after_the_barrier_is_not_seen_by_others() -> None:
    seen = run(f"{ASYNC} bar.sync 0; cp.async.wait_group 0; {OTHER}", numbers(), collect=True)
    assert hazards(seen) == {"race"}
    right = numbers()
    run(f"{ASYNC} cp.async.wait_group 0; bar.sync 0; {OTHER}", right)
    assert right.tolist() == [100 + (t ^ 32) for t in range(64)]


def test_what_a_copy_has_not_brought_yet_is_unset() -> None:
    body = f"st.shared.u32 [%r3], %r0; bar.sync 0; {ASYNC} ld.shared.u32 %r5, [%r3]; st.global.u32 [%d3], %r5;"
    assert hazards(run(body, numbers(), collect=True)) == {"missing wait", "uninitialised read"}


def test_only_the_last_groups_may_be_under_way() -> None:
    two = ASYNC + ASYNC.replace("[%r3]", "[%r3 + 256]")
    own = "ld.shared.u32 %r5, [%r3{}]; st.global.u32 [%d3], %r5;"
    assert run(two + "cp.async.wait_group 1;" + own.format(""), numbers()).hazards == ()
    late = run(two + "cp.async.wait_group 1;" + own.format(" + 256"), numbers(), collect=True)
    assert "missing wait" in hazards(late)


UNSET = {  # what is stored is unset in some thread, or it is not
    "a lane that takes no part": (
        "setp.lt.u32 %p1, %r0, 16; @!%p1 bra END; shfl.sync.idx.b32 %r5, %r0, 20, 31, 0xffff;"
        "st.global.u32 [%d3], %r5; END:",
        True,
    ),
    "a guarded write of nothing": ("mov.u32 %r5, 1; setp.eq.u32 %p1, %r0, 3; @%p1 mov.u32 %r5, %r6;", True),
    "a guarded write of something": ("setp.lt.u32 %p1, %r0, 64; @%p1 mov.u32 %r5, %r0;", False),
    "a guard that leaves one out": ("setp.lt.u32 %p1, %r0, 63; @%p1 mov.u32 %r5, %r0;", True),
    "the half that is set": ("mov.b32 %r6, {%h1, %h2}; mov.u32 %r5, 0;", False),
    "bits that are cut off": ("shl.b32 %r6, %r7, 8; and.b32 %r5, %r6, 255;", False),
    "bits that are kept": ("shl.b32 %r6, %r7, 8; and.b32 %r5, %r6, 256;", True),
    "ones that win": ("or.b32 %r5, %r7, -1;", False),
    "bytes that are set": ("prmt.b32 %r5, %r7, %r0, 0x7654;", False),
    "bytes that are not": ("prmt.b32 %r5, %r7, %r0, 0x7653;", True),
    "a field that is set": ("shl.b32 %r6, %r7, 8; bfe.s32 %r5, %r6, 0, 8;", False),
    "a field that is not": ("shl.b32 %r6, %r7, 8; bfe.u32 %r5, %r6, 1, 8;", True),
    "a sign that is not": ("shr.u32 %r6, %r7, 8; bfe.s32 %r6, %r6, 8, 16; and.b32 %r5, %r6, 0x80000000;", True),
    "a field of no known place": ("bfe.u32 %r5, %r0, %r7, 8;", True),
    "a field that is put over all": ("bfi.b32 %r5, %r0, %r7, 0, 32;", False),
    "a field beside what is not set": ("bfi.b32 %r5, %r0, %r7, 0, 31;", True),
    "the side not taken": ("setp.lt.u32 %p1, %r0, 99; selp.b32 %r5, %r0, %r7, %p1;", False),
    "the side taken": ("setp.lt.u32 %p1, %r0, 9; selp.b32 %r5, %r0, %r7, %p1;", True),
    "a part of what is unset": ("mov.b32 {%h1, %h2}, %r7; cvt.u32.u16 %r5, %h1;", True),
    "a lane that has nothing": ("shfl.sync.bfly.b32 %r5, %r7, 1, 31, -1;", True),
    "a comparison": ("setp.lt.u32 %p1, %r7, 9; selp.b32 %r5, 1, 0, %p1;", True),
    "through shared memory": ("st.shared.u32 [%r3], %r7; ld.shared.u32 %r5, [%r3];", True),
}


@pytest.mark.parametrize("name", UNSET)
def test_what_is_unset_is_followed_by_the_bit(name: str) -> None:
    body, unset = UNSET[name]
    store = "" if "END" in body else "st.global.u32 [%d3], %r5;"
    seen = run(body + store, numbers()[:64], collect=True)
    assert hazards(seen) == ({"uninitialised read"} if unset else set())


TESTS: dict[str, Callable[[float, float], bool]] = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
}


@pytest.mark.parametrize("name", TESTS)
def test_comparisons_with_nan(name: str) -> None:
    values = [0.0, -0.0, 1.0, -2.0, math.inf, math.nan]
    a, b = (np.array(v, np.float32) for v in zip(*((x, y) for x in values for y in values), strict=True))
    for suffix in ("", "u"):
        text = f"setp.{name}{suffix}.f32 %p1, {{a}}, {{b}}; selp.u32 {{d}}, 1, 0, %p1;"
        for x, y, found in zip(a.tolist(), b.tolist(), each(text, np.uint32, a, b).tolist(), strict=True):
            lost = math.isnan(x) or math.isnan(y)
            assert found == (suffix == "u" if lost else TESTS[name](x, y))


def test_predicates_are_joined_and_turned() -> None:
    a = np.arange(8, dtype=np.uint32)
    text = "setp.lt.u32 %p1, {a}, 2; setp.gt.xor.u32 %p2|%p3, {a}, 5, %p1; selp.u32 %r40, 1, 0, %p2;"
    text += "selp.u32 {d}, 2, 0, %p3; add.u32 {d}, {d}, %r40;"
    wanted = [((v > 5) ^ (v < 2)) + 2 * ((not v > 5) ^ (v < 2)) for v in range(8)]
    assert each(text, np.uint32, a).tolist() == wanted


def test_messages_tell_the_line_of_the_program(golden: Callable[[str | Path, str], None]) -> None:
    """Triton's product was compiled for extents that 16 divides, and is given others."""
    a, b, c = (np.zeros(shape, np.float16) for shape in ((200, 72), (72, 136), (200, 136)))
    with pytest.raises(EmulationError) as error:
        kernel("triton_matmul_f16", "matmul").launch((2, 2), 128, [a, b, c, 200, 136, 72, 72, 136, 136, 0, 0], 32768)
    assert error.value.kind is Hazard.OUT_OF_BOUNDS
    golden(Path(__file__).parent / "golden" / "line_of_the_program.txt", str(error.value))


def test_functions_that_cannot_be_placed_are_refused() -> None:
    calls = ".func f() {{ call f; ret; }}\n.visible .entry k() {{ call {}; ret; }}"
    with pytest.raises(EmulationError, match="calls itself"):
        parse(calls.format("f")).kernel("k")
    with pytest.raises(EmulationError, match="no body"):
        parse(calls.format("g")).kernel("k")


def test_atomics_that_count_round() -> None:
    body = """
        atom.global.inc.u32 %r5, [%d1], 4; atom.global.dec.u32 %r6, [%d1 + 4], 4;
        atom.global.cas.b32 %r7, [%d1 + 8], 9, 1;
    """
    x = np.array([0, 9, 9, *[0] * 29], np.uint32)
    run(body, x)
    assert x[:3].tolist() == [32 % 5, 4 - 31 % 5, 1]


def test_an_access_that_begins_inside_and_ends_outside() -> None:
    body = "mov.u32 %r0, %tid.x; ld.param.u64 %d1, [k_0]; ld.global.u32 %r5, [%d1 + 4];"
    with pytest.raises(EmulationError, match="byte 4 of k_0, which has 6 bytes"):
        written(body).launch(1, 32, [np.zeros(3, np.uint16)])


def test_local_memory_is_the_threads_own() -> None:
    body = ".local .align 4 .b8 mine[16]; mov.u32 %r4, mine; st.local.u32 [%r4 + {}], %r0;"
    run(body.format(12), numbers())
    with pytest.raises(EmulationError, match="byte 16 of 16 bytes of local memory"):
        run(body.format(16), numbers())
