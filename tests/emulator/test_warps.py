"""Shuffles, votes and barriers within and between warps, and where threads go when they part."""

import numpy as np
import pytest

from tests.emulator.running import Array, written

RANDOM = np.random.default_rng(6)
STORE = "ld.param.u64 %d1, [k_{0}]; mul.wide.u32 %d2, %r0, 4; add.s64 %d3, %d1, %d2; st.global.b32 [%d3], %r{1};"
LOAD = "mov.u32 %r0, %tid.x; ld.param.u64 %d1, [k_0]; mad.wide.u32 %d3, %r0, 4, %d1; ld.global.b32 %r1, [%d3];"


def run(body: str, x: Array, results: int = 1) -> list[Array]:
    """``body`` on %r1, an element of x a thread; its results are %r10, %r11 ..."""
    outs = [np.zeros(len(x), np.uint32) for _ in range(results)]
    stores = "\n".join(STORE.format(i + 1, 10 + i) for i in range(results))
    written(f"{LOAD}\n{body}\n{stores}", results + 1).launch(1, len(x), [x, *outs])
    return outs


def numbers(count: int = 64) -> Array:
    return RANDOM.integers(0, 1 << 32, count, np.uint32)


def source(mode: str, lane: int, b: int, clamp: int, segment: int) -> tuple[int, bool]:
    """The lane that shfl reads from, as the ISA's pseudocode has it."""
    most = (lane & segment) | (clamp & ~segment & 31)
    least = lane & segment
    other = {"up": lane - b, "down": lane + b, "bfly": lane ^ b, "idx": least | (b & ~segment & 31)}[mode]
    found = other >= most if mode == "up" else other <= most
    return (other if found else lane), found


@pytest.mark.parametrize("segment", [0, 16, 24, 28])
@pytest.mark.parametrize("mode", ["up", "down", "bfly", "idx"])
def test_shuffles(mode: str, segment: int) -> None:
    x = numbers()
    for b, clamp in ((0, 31), (1, 31), (3, 0), (5, 0), (16, 31), (1, 0), (3, 5), (2, 12)):
        control = segment << 8 | clamp
        body = f"shfl.sync.{mode}.b32 %r10|%p1, %r1, {b}, {control}, -1; selp.u32 %r11, 1, 0, %p1;"
        value, flag = run(body, x, 2)
        for t in range(64):
            other, found = source(mode, t % 32, b, clamp, segment)
            assert (value[t], flag[t]) == (x[t // 32 * 32 + other], found)


def test_votes_of_some_lanes() -> None:
    x = numbers()
    body = """
        and.b32 %r2, %r1, 1; setp.ne.u32 %p1, %r2, 0; and.b32 %r3, %r0, 1; setp.eq.u32 %p2, %r3, 0;
        mov.u32 %r10, 0; mov.u32 %r11, 0;
        @!%p2 bra END;
        vote.sync.ballot.b32 %r10, %p1, 0x55555555;
        activemask.b32 %r11;
        END:
    """
    ballot, active = run(body, x, 2)
    for t in range(64):
        warp = x[t // 32 * 32 : t // 32 * 32 + 32]
        wanted = sum(1 << i for i in range(0, 32, 2) if warp[i] & 1)
        assert (ballot[t], active[t]) == ((wanted, 0x55555555) if t % 2 == 0 else (0, 0))


def test_match_of_all() -> None:
    x = np.array([7] * 32 + list(range(32)), np.uint32)
    mask, flag = run("match.all.sync.b32 %r10|%p1, %r1, -1; selp.u32 %r11, 1, 0, %p1;", x, 2)
    assert mask.tolist() == [0xFFFFFFFF] * 32 + [0] * 32
    assert flag.tolist() == [1] * 32 + [0] * 32


@pytest.mark.parametrize(
    ("name", "fold"), [("add", np.add), ("min", np.minimum), ("xor", np.bitwise_xor), ("and", np.bitwise_and)]
)
def test_reductions_of_a_warp(name: str, fold: np.ufunc) -> None:
    x = numbers()
    kind = "b32" if name in ("xor", "and") else "u32"
    (found,) = run(f"redux.sync.{name}.{kind} %r10, %r1, -1;", x)
    assert found.tolist() == np.repeat([fold.reduce(part, dtype=np.uint32) for part in (x[:32], x[32:])], 32).tolist()


@pytest.mark.parametrize(("name", "wanted"), [("popc.u32 %r10,", 33), ("and.pred %p3,", 0), ("or.pred %p3,", 1)])
def test_barrier_that_reduces(name: str, wanted: int) -> None:
    select = "" if "%r10" in name else "selp.u32 %r10, 1, 0, %p3;"
    body = f"setp.lt.u32 %p1, %r0, 33; bar.red.{name} 0, %p1; {select}"
    assert run(body, numbers(96))[0].tolist() == [wanted] * 96


def test_threads_meet_again_after_they_part() -> None:
    body = """
        and.b32 %r2, %r0, 3; mov.u32 %r10, 0;
        LOOP: setp.eq.u32 %p1, %r2, 0; @%p1 bra DONE;
        add.u32 %r10, %r10, %r2; sub.u32 %r2, %r2, 1; bra LOOP;
        DONE: shfl.sync.idx.b32 %r11, %r10, 3, 31, -1;
    """
    total, third = run(body, numbers(), 2)
    assert total.tolist() == [(0, 1, 3, 6)[t % 4] for t in range(64)]
    assert (third == 6).all()


def test_a_warp_that_spins_lets_the_other_go_on() -> None:
    """Warp 0 waits in a loop for what warp 1 writes further down."""
    body = """
        setp.ge.u32 %p1, %r0, 32; @%p1 bra GIVE;
        WAIT: ld.volatile.global.u32 %r2, [%d1]; setp.eq.u32 %p2, %r2, 0; @%p2 bra WAIT;
        mov.u32 %r10, %r2; bra END;
        GIVE: st.volatile.global.u32 [%d1], 9; mov.u32 %r10, 1;
        END:
    """
    (found,) = run(body, np.zeros(64, np.uint32))
    assert found.tolist() == [9] * 32 + [1] * 32


def test_a_block_that_is_no_whole_number_of_warps() -> None:
    body = "bar.sync 0; setp.lt.u32 %p1, %r0, 40; vote.sync.ballot.b32 %r10, %p1, -1;"
    assert run(body, numbers(40))[0].tolist() == [0xFFFFFFFF] * 32 + [0xFF] * 8


def test_who_arrives_does_not_wait() -> None:
    body = """
        setp.lt.u32 %p1, %r0, 32; @%p1 bra FIRST;
        bar.arrive 1, 64; bar.sync 2, 64; bra END;
        FIRST: bar.sync 2, 64; bar.sync 1, 64;
        END: mov.u32 %r10, 1;
    """
    assert run(body, numbers())[0].tolist() == [1] * 64


def test_a_count_takes_the_last_warp_as_whole() -> None:
    assert run("bar.sync 1, 64; mov.u32 %r10, 1;", numbers(40))[0].tolist() == [1] * 40
