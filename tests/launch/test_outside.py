"""What decides the code without being passed is looked at in every launch."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import pytest

import tilevm as tv
from tests.kernel.fake import NativeBackend
from tests.launch.calls import SIGNATURE, python_calls, short, some
from tilevm.frontend.kernel import Kernel
from tilevm.source import TileError

OUTER = 3.0
SPACE = type(sys)("space")
SPACE.WEIGHT = 3.0


@tv.function
def twice(x):
    return x * 2.0


@tv.function
def thrice(x):
    return x * 3.0


step = twice


def test_changes_outside_are_seen(soon: None, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = 3.0

    @tv.kernel(grid=1)
    def outside(y: tv.Tensor):
        y.store(0, step(y.load(0, 4) * OUTER * SPACE.WEIGHT * inner))

    def result() -> float:
        for _ in range(3):
            y = np.ones(4, np.float32)
            outside(y)
        return float(y[0])

    here = sys.modules[__name__]
    assert result() == 54
    monkeypatch.setattr(here, "OUTER", 5.0)
    assert result() == 90
    monkeypatch.setattr(SPACE, "WEIGHT", 1.0)
    assert result() == 30
    monkeypatch.setattr(here, "step", thrice)
    assert result() == 45
    inner = 1.0
    assert result() == 15
    short(outside)
    y = np.ones(4, np.float32)
    assert python_calls(lambda: outside(y)) == []


def test_debugging_is_seen(soon: None, monkeypatch: pytest.MonkeyPatch) -> None:
    @tv.kernel(grid=1)
    def careful(y: tv.Tensor):
        tv.device_assert(y.load(0, 4) < 2.0, "too large")
        y.store(0, y.load(0, 4) + 1.0)

    y = np.zeros(4, np.float32)
    for _ in range(4):
        careful(y)
    monkeypatch.setenv("TILEVM_DEBUG", "1")
    for _ in range(3):
        with pytest.raises(TileError, match="too large"):
            careful(y)
    monkeypatch.delenv("TILEVM_DEBUG")
    careful(y)
    assert y[0] == 8, "an assertion stops nothing"


# Grids that are functions -------------------------------------------------------------------------------------

SIZES = [3]
MORE = 1


def counted(
    backend: NativeBackend, kernel: Kernel, grid: Callable[..., object], *args: object
) -> list[tuple[int, ...]]:
    """The counts of four calls on a grid; Python makes the first alone."""
    before, python = len(backend.started), sum(len(a.launches) for a in backend.made)
    for _ in range(4):
        kernel[grid](*args)
    assert sum(len(a.launches) for a in backend.made) - python in (0, 1), "native code makes those that follow"
    return [counts for _, _, counts in backend.started[before:]]


def test_a_function_that_is_written_anew(backend: NativeBackend) -> None:
    kernel, x = tv.kernel(SIGNATURE)(some), np.zeros((33, 4), np.float32)
    for n in (64, 100, 64):
        for _ in range(3):
            kernel[lambda meta: (tv.cdiv(n, meta["B"]), meta["N"] + MORE)](x, x, 3, 0.5, True)  # noqa: B023
            assert backend.started[-1][2] == (tv.cdiv(n, 32), 34, 1)
    assert sum(len(a.launches) for a in backend.made) == 2, "Python makes the first call for each n"


def test_what_a_grid_reads(backend: NativeBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel, x = tv.kernel(SIGNATURE)(some), np.zeros((33, 4), np.float32)
    args = (x, x, 3, 0.5, True)
    here = sys.modules[__name__]

    def outer(N: int, **_: object) -> tuple[int, int]:
        return N, MORE

    def weight(N: int, **_: object) -> tuple[int, int]:
        return N, SPACE.WEIGHT

    for grid, name, where in ((outer, "MORE", here), (weight, "WEIGHT", SPACE)):
        for value in (2, 7):
            monkeypatch.setattr(where, name, value)
            assert counted(backend, kernel, grid, *args) == [(33, value, 1)] * 4


def test_what_may_change_is_asked_each_time(backend: NativeBackend) -> None:
    kernel, x = tv.kernel(SIGNATURE)(some), np.zeros((33, 4), np.float32)
    held = {"n": 3}
    grids = (
        lambda N, **_: (N, SIZES[0]),
        lambda N, **_: (N, held["n"]),
        lambda N, **_: (N, 3 if N < 40 else 4),
        lambda N, **_: (N, sum(m for m in (1, 2))),
    )
    for n in (3, 5):
        SIZES[0] = held["n"] = n
        for grid in grids[:2]:
            for _ in range(3):
                kernel[grid](x, x, 3, 0.5, True)
                assert backend.started[-1][2] == (33, n, 1)
    for rows, last in ((33, 3), (50, 4)):
        y = np.zeros((rows, 4), np.float32)
        for _ in range(3):
            kernel[grids[2]](y, y, 3, 0.5, True)
            assert backend.started[-1][2] == (rows, last, 1)
            kernel[grids[3]](y, y, 3, 0.5, True)
            assert backend.started[-1][2] == (rows, 3, 1)


def test_closures_and_defaults_decide(backend: NativeBackend) -> None:
    kernel, x = tv.kernel(SIGNATURE)(some), np.zeros((33, 4), np.float32)

    def made(n: object, m: object) -> Callable[..., object]:
        return lambda N, k=m, **_: (n, k)

    for _ in range(4):
        for n, m in ((1, 2), (2, 1), (3, 3)):
            kernel[made(n, m)](x, x, 3, 0.5, True)
            assert backend.started[-1][2] == (n, m, 1)
    with pytest.raises(TileError, match="no whole number"):
        kernel[made(1, 2.0)](x, x, 3, 0.5, True)
    with pytest.raises(TileError, match="no whole number"):
        kernel[made(True, 2)](x, x, 3, 0.5, True)
