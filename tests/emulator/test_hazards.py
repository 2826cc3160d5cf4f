"""Each kind of hazard, seen in the smallest kernel that has it, with the whole message as a golden file."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.emulator.running import Array, written
from tilevm.backends.ptx.emulator import EmulationError, Hazard, Memory, parse
from tilevm.source import TileError

Golden = Callable[[str | Path, str], None]
HERE = Path(__file__).parent / "golden"
BOX = ".shared .align 16 .b8 box[512];"
START = """
    mov.u32 %r0, %tid.x;
    mul.wide.u32 %d2, %r0, 4;
    ld.param.u64 %d1, [k_0];
    add.s64 %d3, %d1, %d2;
    shl.b32 %r1, %r0, 2;
    mov.u32 %r2, box;
    add.s32 %r3, %r2, %r1;
"""
CASES: dict[str, tuple[Hazard, str]] = {
    "read_of_another_warp": (
        Hazard.RACE,
        "st.shared.u32 [%r3], %r0;\nxor.b32 %r4, %r3, 128;\nld.shared.u32 %r5, [%r4];",
    ),
    "write_after_a_read": (
        Hazard.RACE,
        "st.shared.u32 [%r3], %r0;\nbar.sync 0;\nxor.b32 %r4, %r3, 128;\nld.shared.u32 %r5, [%r4];\n"
        "st.shared.u32 [%r3], %r5;",
    ),
    "two_values_at_once": (Hazard.RACE, "st.shared.u32 [box], %r0;"),
    "shared_never_written": (
        Hazard.UNINITIALISED,
        "ld.shared.u32 %r5, [%r3];\nst.global.u32 [%d3], %r5;",
    ),
    "register_never_written": (Hazard.UNINITIALISED, "add.u32 %r5, %r6, 1;\nst.global.u32 [%d3], %r5;"),
    "address_never_written": (Hazard.UNINITIALISED, "ld.global.u32 %r5, [%d9];"),
    "guard_never_written": (Hazard.UNINITIALISED, "@%p3 st.global.u32 [%d3], %r0;"),
    "past_the_end": (Hazard.OUT_OF_BOUNDS, "ld.global.u32 %r5, [%d3 + 256];"),
    "before_the_start": (Hazard.OUT_OF_BOUNDS, "ld.global.u32 %r5, [%d1 + -4];"),
    "past_shared": (Hazard.OUT_OF_BOUNDS, "st.shared.u32 [%r3 + 512], %r0;"),
    "crooked_vector": (Hazard.MISALIGNED, "ld.global.v2.u32 {%r5, %r6}, [%d3];"),
    "copy_without_wait": (
        Hazard.MISSING_WAIT,
        "cp.async.ca.shared.global [%r3], [%d3], 4;\ncp.async.commit_group;\nbar.sync 0;\nld.shared.u32 %r5, [%r3];",
    ),
    "copy_without_commit": (
        Hazard.MISSING_WAIT,
        "cp.async.ca.shared.global [%r3], [%d3], 4;\ncp.async.wait_group 0;\nbar.sync 0;\nld.shared.u32 %r5, [%r3];",
    ),
    "copy_without_barrier": (
        Hazard.RACE,
        "cp.async.ca.shared.global [%r3], [%d3], 4;\ncp.async.commit_group;\ncp.async.wait_group 0;\n"
        "xor.b32 %r4, %r3, 128;\nld.shared.u32 %r5, [%r4];",
    ),
    "barrier_that_half_reaches": (Hazard.DEADLOCK, "setp.lt.u32 %p1, %r0, 32;\n@%p1 bar.sync 1, 64;"),
    "barrier_in_half_a_warp": (
        Hazard.DIVERGENT_BARRIER,
        "setp.lt.u32 %p1, %r0, 16;\n@%p1 bar.sync 0;\n@!%p1 bar.sync 0;",
    ),
    "warp_that_waits_in_two_places": (
        Hazard.DEADLOCK,
        "setp.lt.u32 %p1, %r0, 16;\n@%p1 bra AWAY;\nshfl.sync.bfly.b32 %r5, %r0, 16, 31, -1;\nbra END;\n"
        "AWAY: bar.warp.sync -1;\nEND:",
    ),
    "trap": (Hazard.TRAP, "setp.eq.u32 %p1, %r0, 40;\n@%p1 trap;"),
    "loop_without_end": (Hazard.LIMIT, "LOOP: bra LOOP;"),
}


def run(body: str) -> EmulationError:
    kernel = written(START + body, shared=BOX)
    with pytest.raises(EmulationError) as error:
        kernel.launch(1, 64, [np.arange(64, dtype=np.uint32)], limit=1000)
    return error.value


@pytest.mark.parametrize("name", CASES)
def test_hazards_are_told(name: str, golden: Golden) -> None:
    kind, body = CASES[name]
    error = run(body)
    assert error.kind is kind
    golden(HERE / f"{name}.txt", str(error))


MENDED = {
    "read_of_another_warp": ("xor.b32 %r4", "bar.sync 0;\nxor.b32 %r4"),
    "write_after_a_read": ("st.shared.u32 [%r3], %r5", "bar.sync 0;\nst.shared.u32 [%r3], %r5"),
    "shared_never_written": ("ld.shared", "st.shared.u32 [%r3], %r0;\nld.shared"),
    "register_never_written": ("%r6", "%r0"),
    "past_the_end": ("+ 256", "+ 0"),
    "copy_without_wait": ("bar.sync", "cp.async.wait_group 0;\nbar.sync"),
    "copy_without_commit": ("cp.async.wait_group", "cp.async.commit_group;\ncp.async.wait_group"),
    "copy_without_barrier": ("xor.b32", "bar.sync 0;\nxor.b32"),
    "barrier_that_half_reaches": ("bar.sync 1, 64", "bar.sync 1, 32"),
    "barrier_in_half_a_warp": ("bar.sync", "barrier.sync"),
}


@pytest.mark.parametrize("name", MENDED)
def test_what_is_mended_is_quiet(name: str) -> None:
    body = CASES[name][1].replace(*MENDED[name])
    kernel = written(START + body, shared=BOX)
    assert kernel.launch(1, 64, [np.arange(64, dtype=np.uint32)]).hazards == ()


def test_an_array_that_is_not_filled_is_not_read() -> None:
    memory = Memory()
    array = np.zeros(64, np.uint32)
    address = memory.add(array, "scratch", filled=False)
    kernel = written(START + "ld.global.u32 %r5, [%d3];\nst.global.u32 [%d3], %r5;", shared=BOX)
    with pytest.raises(EmulationError, match="never set"):
        kernel.launch(1, 64, [address], memory=memory)
    written(
        START + "st.global.u32 [%d3], %r0;\nld.global.u32 %r5, [%d3];\nst.global.u32 [%d3], %r5;", shared=BOX
    ).launch(1, 64, [address], memory=memory)
    assert (array == np.arange(64)).all()


def test_all_hazards_are_collected() -> None:
    body = "st.shared.u32 [box], %r0;\nld.shared.u32 %r5, [%r3];\nst.global.u32 [%d3], %r5;"
    array = np.zeros(64, np.uint32)
    seen = written(START + body, shared=BOX).launch(1, 64, [array], collect=True)
    assert [h.kind for h in seen.hazards] == [Hazard.RACE, Hazard.RACE, Hazard.UNINITIALISED]
    with pytest.raises(EmulationError):
        seen.check()


def refused(action: Callable[[], object]) -> str:
    with pytest.raises(TileError) as error:
        action()
    return str(error.value)


def plain() -> Array:
    return np.zeros(64, np.uint32)


def read_only() -> Array:
    array = plain()
    array.flags.writeable = False
    return array


STORE = START + "st.global.u32 [%d3], %r0;\nsetp.eq.u32 %p1, %r0, 0;\n@%p1 st.global.u32 [%d3], 7;"
REFUSALS: dict[str, Callable[[], object]] = {
    "no_ptx": lambda: parse(".version 8.0\n.target sm_80\nnonsense here\n", "<text.ptx>"),
    "no_such_kernel": lambda: parse(".visible .entry one() { ret; }", "<text.ptx>").kernel("onn"),
    "unknown_instruction": lambda: written("tcgen05.wait;"),
    "unknown_form": lambda: written("add.s48 %r1, %r2, %r3;"),
    "unknown_register": lambda: written("add.s32 %r1, %r2, %x9;"),
    "too_few_arguments": lambda: written(STORE, shared=BOX).launch(1, 64, []),
    "no_argument": lambda: written(STORE, shared=BOX).launch(1, 64, ["text"]),
    "gaps": lambda: written(STORE, shared=BOX).launch(1, 64, [np.zeros((64, 2))[:, 0]]),
    "read_only": lambda: written(STORE, shared=BOX).launch(1, 64, [read_only()]),
    "block_of_none": lambda: written(STORE, shared=BOX).launch(1, 0, [plain()]),
    "other_block": lambda: (
        parse(".visible .entry one() .reqntid 64 { ret; }", "<text.ptx>").kernel("one").launch(1, 32, [])
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refusals_tell_the_mend(name: str, golden: Golden) -> None:
    golden(HERE / f"{name}.txt", refused(REFUSALS[name]))
