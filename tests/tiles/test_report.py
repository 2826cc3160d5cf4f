"""Lines that kernels print and assertions that fail, on the reference machine and compiled for debugging."""

from typing import Any

import numpy as np
import pytest

import tilevm as tv
from tests.devices import EVERYWHERE, goes_round, on
from tests.tiles.cases import BOOL, NUMPY, data, run, zeros

each_device = pytest.mark.parametrize("device", EVERYWHERE)


@pytest.fixture
def debugging(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILEVM_DEBUG", "1")


@tv.kernel
def every(x: tv.Tensor, n: tv.Tile, AT: tv.constexpr, SHAPE: tv.constexpr) -> None:
    t = x.load(AT, SHAPE)
    tv.print("x:", t, "first", x.gather(AT), x.dtype, SHAPE, n)
    tv.print()
    tv.print(t == t)


@goes_round
@pytest.mark.parametrize("dtype", NUMPY | BOOL)
def test_machines_print_alike(dtype: str, debugging: None, capsys: pytest.CaptureFixture[str]) -> None:
    for n, shape in enumerate(((1,), (13,), (3, 5), (2, 1, 3), (1, 2, 1, 2, 3))):
        x, out = data((NUMPY | BOOL)[dtype], shape, n), []
        for device in EVERYWHERE:
            every[1](x, -7, AT=zeros(shape), SHAPE=shape, **on(device))
            out.append(capsys.readouterr().out)
        assert len(set(out)) == 1
        assert out[0].startswith("[0, 0, 0] x: [") and out[0].count("\n") == 3
        assert f"{dtype} ({', '.join(map(str, shape))}{',' * (len(shape) == 1)}) -7\n[0, 0, 0] \n" in out[0]


@tv.kernel(grid=lambda **_: (3, 2))
def places(x: tv.Tensor) -> None:
    total = tv.zeros((3,), tv.f32)
    for k in range(2):
        total = total + x.load(0, 3)
        if tv.program_id(0) > k:
            tv.print("trip", k, total)
    tv.print(f"end of {x.dtype}", total.sum())


@each_device
def test_lines_come_in_the_order_of_programs(device: str, debugging: None, capsys: pytest.CaptureFixture[str]) -> None:
    places(np.array([0.5, 1, 0.1], np.float32), **on(device))
    expected = []
    for y in range(2):
        for x in range(3):
            at = f"[{x}, {y}, 0] "
            expected += [f"{at}trip {k} {['[0.5, 1. , 0.1]', '[1. , 2. , 0.2]'][k]}" for k in range(2) if x > k]
            expected.append(f"{at}end of f32 3.2")
    assert capsys.readouterr().out.splitlines() == expected


@tv.kernel(grid=lambda N, **_: N)
def much(x: tv.Tensor, N: tv.constexpr) -> None:
    tv.print(tv.program_id(0), x.load(0, 64))


def test_what_has_no_room_is_counted(debugging: None, capsys: pytest.CaptureFixture[str]) -> None:
    much(np.zeros(64), N=5000, device="cpu")
    *lines, last = capsys.readouterr().out.splitlines()
    size = 8 * (2 + 1 + 64)
    assert len(lines) == 2**20 // size
    assert last.startswith(f"… {5000 - len(lines)} lines more")


@tv.kernel(grid=lambda **_: (4, 300))
def checked(x: tv.Tensor, y: tv.Tensor, FROM: tv.constexpr) -> None:
    t = x.load((0, 0), (3, 5))
    tv.device_assert(tv.program_id(1) >= 0)
    tv.device_assert((t < 10) | (tv.program_id(1) < FROM), "an element is too large")
    tv.device_assert(tv.program_id(1) < FROM)
    y.scatter(0, 1)


@pytest.mark.parametrize(
    ("device", "begin"),
    [("vm", 2), ("sm_80", 2), ("gfx942", 2), ("emulator", 2), ("cpu", 2), ("cpu", 150), ("cpu", 299)],
)
def test_the_first_program_that_fails_is_told(device: str, begin: int, debugging: None) -> None:
    x, y = np.arange(15, dtype=np.int32).reshape(3, 5), np.zeros(1, np.int32)
    with pytest.raises(tv.TileError) as caught:
        checked(x, y, FROM=begin, **on(device))
    assert caught.value.message == "assertion failed: an element is too large"
    assert f"in program (0, {begin}, 0), first at element [2, 0] of the condition" in str(caught.value)
    assert caught.value.span is not None
    assert "tv.device_assert((t < 10)" in str(caught.value)


@pytest.mark.parametrize("device", EVERYWHERE)
def test_an_assertion_on_a_number(device: str, debugging: None) -> None:
    x, y = np.zeros((3, 5), np.int32), np.zeros(1, np.int32)
    with pytest.raises(tv.TileError) as caught:
        checked(x, y, FROM=1, **on(device))
    assert caught.value.message == "assertion failed" and "in program (0, 1, 0)" in str(caught.value)
    checked(x, y, FROM=300, **on(device))


@tv.kernel
def beyond(x: tv.Pointer, n: tv.Tile) -> None:
    tv.print("at", n)
    tv.device_assert(n < 8, "x is too short")
    x.store(n, 1.0)


def test_an_assertion_is_told_before_the_fault_that_follows(
    debugging: None, capsys: pytest.CaptureFixture[str]
) -> None:
    x = np.zeros(8, np.float32)
    with pytest.raises(tv.TileError, match="assertion failed: x is too short"):
        beyond[1](x, 1 << 20, device="emulator")
    beyond[1](x, 7, device="emulator")
    assert capsys.readouterr().out == "[0, 0, 0] at 1048576\n[0, 0, 0] at 7\n" and x.tolist() == [0] * 7 + [1]


@tv.kernel
def again(x: tv.Tensor, N: tv.constexpr) -> None:
    t = x.load(0, 300)
    for k in range(N):
        tv.print(k, t)
        tv.device_assert(t + k < N, "first")
        tv.device_assert(t + k < N - 1, "second")


def test_lines_that_have_no_room_are_counted_on_threads(debugging: None, capsys: pytest.CaptureFixture[str]) -> None:
    """And of assertions in a loop the first in time is told, whichever stands first."""
    x = np.zeros(300, np.int32)
    x[257] = 10
    with pytest.raises(tv.TileError) as caught:
        again[1](x, N=40, device="emulator")
    *lines, last = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("[0, 0, 0] 0 [ 0,") and len(lines) < 40
    assert last == f"… {40 - len(lines)} lines more, for which the print buffer had no room"
    assert caught.value.message == "assertion failed: second" and "at element [257]" in str(caught.value)


def test_compiled_kernels_leave_it_out(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = np.full((3, 5), 50, np.int32), np.zeros(1, np.int32)
    monkeypatch.delenv("TILEVM_DEBUG", raising=False)
    checked(x, y, FROM=0, device="cpu")
    assert y[0] == 1 and "cmpxchg" not in checked.compile(x, y, FROM=0, device="cpu").build.artifact.stages["llvm"]
    monkeypatch.setenv("TILEVM_DEBUG", "1")  # another kernel: what was compiled without is not run
    with pytest.raises(tv.TileError, match="too large"):
        checked(x, y, FROM=0, device="cpu")
    monkeypatch.setenv("TILEVM_DEBUG", "0")
    checked(x, y, FROM=0, device="cpu")
    assert capsys.readouterr().out == ""


@tv.kernel
def unwritten() -> None:
    tv.print(tv.empty((2,), tv.f32))


def test_what_was_never_written_is_not_printed() -> None:
    with pytest.raises(tv.TileError, match="a value of print was never written"):
        run(unwritten, device="vm")


def test_a_result_is_unused_unless_printed() -> None:
    """What only a print needs goes with it."""
    x: Any = np.zeros(64)
    text = much.compile(x, N=1, device="cpu").build.artifact.stages["llvm"]
    assert "masked.load" not in text and "load <" not in text
