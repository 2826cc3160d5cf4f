"""What native code does not follow in a grid function is asked at every launch, as Python does."""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Callable
from enum import IntEnum
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
import pytest

import tilevm as tv
from tests.kernel.fake import NativeBackend
from tests.launch.calls import python_calls
from tilevm.frontend.kernel import Kernel
from tilevm.source import TileError


class Axis(IntEnum):
    TWO = 2


def mark(x: tv.Tensor) -> None:
    x.store((0, 0), tv.full((1, 1), 1, x.dtype))


def marked(x: tv.Tensor, n: Any) -> None:
    x.store((0, 0), tv.full((1, 1), n, x.dtype))


def marking() -> Kernel:
    return tv.kernel("x: T[M, N]")(mark)


def counts(backend: NativeBackend, call: Callable[[], object]) -> tuple[int, int, int]:
    """The counts of the launch that a call makes."""
    before = len(backend.started)
    call()
    [(_, _, found)] = backend.started[before:]
    return found


COMPARED: dict[str, Callable[..., int]] = {
    "M == N": lambda M, N, **_: 1 if M == N else 2,
    "M != N": lambda M, N, **_: 2 if M != N else 1,
    "M in (N,)": lambda M, N, **_: 1 if M in (N,) else 2,
    "a set": lambda M, N, **_: len({M, N}),
    "a dict": lambda M, N, **_: {M: 2, N: 1}[M],
    "shapes": lambda x, M, N, **_: 1 if x.shape == (N, M) else 2,
}


@pytest.mark.parametrize("grid", COMPARED.values(), ids=COMPARED)
def test_extents_that_are_compared(grid: Callable[..., int], backend: NativeBackend) -> None:
    kernel = marking()
    for rows in (8, 4) * 3:
        x = np.zeros((rows, 4), np.float32)
        assert counts(backend, lambda x=x: kernel[grid](x)) == (1 if rows == 4 else 2, 1, 1)


@pytest.mark.parametrize("grid", [lambda n, **_: 8 // n, lambda n, **_: 8 % n + 1, lambda M, n, **_: M // (n // 2)])
def test_division_by_zero_is_an_error(grid: Callable[..., int], backend: NativeBackend) -> None:
    kernel, x = tv.kernel("x: T[M, N], n: i32")(marked), np.zeros((8, 4), np.float32)
    for _ in range(4):
        assert counts(backend, lambda: kernel[grid](x, 3)) == (grid(M=8, n=3), 1, 1)
    assert "_launch" not in python_calls(lambda: kernel[grid](x, 3))
    with pytest.raises(TileError, match="ZeroDivisionError"):
        kernel[grid](x, 0)


# What equals a grid of ints -----------------------------------------------------------------------------------

NO_COUNTS = [2.0, True, (2.0,), (True,), (1, True), (1, 2.0, 1), None, (None,), "2", ()]


@pytest.mark.parametrize("grid", NO_COUNTS, ids=repr)
@pytest.mark.parametrize("compiled", [False, True])
def test_what_equals_counts_is_refused_as_before(grid: Any, compiled: bool, backend: NativeBackend) -> None:
    kernel, x = marking(), np.zeros((8, 4), np.float32)
    callee = kernel.compile(x) if compiled else kernel
    with pytest.raises(TileError) as before:
        callee[grid](x)
    for _ in range(3):
        for known in (2, 1, (2,), (1,), (1, 1), (1, 2, 1)):
            callee[known](x)
    with pytest.raises(TileError) as after:
        callee[grid](x)
    assert str(after.value) == str(before.value)


@pytest.mark.parametrize("grid", [2, (2,), [2], np.int64(2), (np.int32(2), 1), np.array([2]), Axis.TWO], ids=repr)
def test_other_grids_of_whole_numbers(grid: Any, backend: NativeBackend) -> None:
    kernel, x = marking(), np.zeros((8, 4), np.float32)
    for _ in range(4):
        assert counts(backend, lambda: kernel[grid](x)) == counts(backend, lambda: kernel[2](x)) == (2, 1, 1)


@pytest.mark.parametrize("grid", [2, (2, 1), (1 << 20, 7, 1)])
def test_a_grid_of_ints_is_found_without_python(grid: Any, backend: NativeBackend) -> None:
    kernel, x = marking(), np.zeros((8, 4), np.float32)
    for _ in range(4):
        kernel[grid](x)
    again = tuple([*grid]) if isinstance(grid, tuple) else grid
    assert python_calls(lambda: kernel[again](x))[:2] == ["__getitem__", "start"], "of the backend"


# What a function closes over ----------------------------------------------------------------------------------


def test_functions_alike_do_not_share_what_becomes_of_them(backend: NativeBackend) -> None:
    kernel = marking()

    def halve(x: np.ndarray) -> list[int]:
        n, found = 8, []
        while n > 1:
            found.append(counts(backend, lambda: kernel[lambda **_: n](x))[0])  # noqa: B023  # called within the round
            n //= 2
        return found

    for dtype in (np.float32, np.float32, np.float64, np.float32):
        assert halve(np.zeros((8, 4), dtype)) == [8, 4, 2]


@pytest.mark.parametrize("calls", [0, 4])
def test_a_launcher_has_a_function_as_it_was(calls: int, backend: NativeBackend) -> None:
    kernel, x = marking(), np.zeros((8, 4), np.float32)
    n = 2
    grid = lambda **_: n  # noqa: E731  # as callers have it
    for _ in range(calls):
        kernel[grid](x)
    kept, bound = kernel[grid], kernel.prepare[grid]
    n = 6
    assert [counts(backend, lambda: kept(x)) for _ in range(4)] == [(2, 1, 1)] * 4
    assert counts(backend, lambda: kept(np.zeros((8, 4), np.float64))) == (2, 1, 1)
    assert counts(backend, bound(x)) == (2, 1, 1)
    assert counts(backend, lambda: kernel[grid](x)) == (6, 1, 1)


def test_a_function_that_counts_its_calls(backend: NativeBackend) -> None:
    kernel, x = marking(), np.zeros((8, 4), np.float32)
    calls = 0

    def grid(**_: object) -> int:
        nonlocal calls
        calls += 1
        return calls

    assert [counts(backend, lambda: kernel[grid](x))[0] for _ in range(4)] == [1, 2, 3, 4]
    kept = kernel[grid]
    assert [counts(backend, lambda: kept(x))[0] for _ in range(4)] == [5, 6, 7, 8] and calls == 8


def test_a_signature_that_a_decorator_left(backend: NativeBackend) -> None:
    @functools.wraps(lambda M: M)
    def grid(**names: Any) -> int:
        return len(names)

    kernel, x = marking(), np.zeros((8, 4), np.float32)
    assert [counts(backend, lambda: kernel[grid](x)) for _ in range(4)] == [(1, 1, 1)] * 4


# What a function reads ----------------------------------------------------------------------------------------

HELD = {"n": 3}
GET = HELD.get
PACKAGE = ModuleType("package")
PACKAGE.inner = ModuleType("package.inner")
PACKAGE.inner.rows = 3
MAKING = ModuleType("making")
MAKING.__getattr__ = lambda name: HELD[name]


def global_written(**_: object) -> int:
    global WRITTEN  # as users do
    WRITTEN = HELD["n"]
    return len("." * WRITTEN)


def imported(**_: object) -> Any:
    from package.inner import rows  # noqa: PLC0415  # as users do

    return rows


def through_a_variable(**_: object) -> Any:
    module = PACKAGE.inner
    return module.rows


@functools.wraps(tv.cdiv)
def disguised() -> int:
    return HELD["n"]


READERS: dict[str, Callable[..., Any]] = {
    "a method": lambda **_: GET("n"),
    "a module in a module": lambda **_: PACKAGE.inner.rows,
    "a module that makes its names": lambda **_: MAKING.n,
    "Python's own": lambda **_: globals()["HELD"]["n"],
    "a module in a variable": through_a_variable,
    "an import": imported,
    "what it writes": global_written,
    "a function in disguise": lambda **_: disguised(),
}


@pytest.mark.parametrize("grid", READERS.values(), ids=READERS)
def test_what_changes_is_seen(
    grid: Callable[..., Any], backend: NativeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "package", PACKAGE)
    monkeypatch.setitem(sys.modules, "package.inner", PACKAGE.inner)
    kernel, x = marking(), np.zeros((8, 4), np.float32)
    for n in (3, 5):
        monkeypatch.setitem(HELD, "n", n)
        monkeypatch.setattr(PACKAGE.inner, "rows", n)
        assert [counts(backend, lambda: kernel[grid](x)) for _ in range(4)] == [(n, 1, 1)] * 4


def caught(M: Any, **_: object) -> int:
    try:
        return 1 if M > 4 else 2
    except TypeError:
        return 3


ASKED: dict[str, Callable[..., Any]] = {
    "what it catches": caught,
    "a class": lambda M, **_: (3 if not isinstance(M, int) else 1) + M * 0,
}


@pytest.mark.parametrize("grid", ASKED.values(), ids=ASKED)
def test_a_function_does_not_notice_that_it_is_traced(grid: Callable[..., Any], backend: NativeBackend) -> None:
    kernel, x = marking(), np.zeros((8, 4), np.float32)
    assert [counts(backend, lambda: kernel[grid](x)) for _ in range(4)] == [(1, 1, 1)] * 4


def test_names_come_in_the_same_order(backend: NativeBackend) -> None:
    kernel, x = tv.kernel("x: T[M, N], n: i32")(marked), np.zeros((8, 4), np.float32)
    for which, count in ((0, 3), (1, 8), (2, 4)):
        grid = lambda which=which, **names: list(names.values())[which]  # noqa: E731  # as callers have it
        for _ in range(4):
            assert counts(backend, lambda grid=grid: kernel[grid](x, 3)) == (count, 1, 1)


def test_the_same_code_in_other_modules(backend: NativeBackend) -> None:
    kernel, x = marking(), np.zeros((8, 4), np.float32)
    code = (lambda **_: ROWS).__code__  # noqa: F821  # of the modules below
    for _ in range(4):
        for rows in (2, 3):
            grid = FunctionType(code, {"ROWS": rows})
            assert counts(backend, lambda grid=grid: kernel[grid](x)) == (rows, 1, 1)


FOLLOWED: dict[str, Callable[..., Any]] = {
    "a module in a module": lambda **_: PACKAGE.inner.rows,
    "Python's own": lambda x, **_: max(PACKAGE.inner.rows, 1) + len(x.shape) - 2,
    "mathematics": lambda **_: math.ceil((PACKAGE.inner.rows * 4 - 1) / 4),
    "a dtype": lambda x, **_: PACKAGE.inner.rows if x.dtype == tv.f32 else 7,
}


@pytest.mark.parametrize("grid", FOLLOWED.values(), ids=FOLLOWED)
def test_native_code_follows(grid: Callable[..., Any], backend: NativeBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel, x = marking(), np.zeros((8, 4), np.float32)
    for n in (3, 5):
        monkeypatch.setattr(PACKAGE.inner, "rows", n)
        assert [counts(backend, lambda: kernel[grid](x)) for _ in range(3)] == [(n, 1, 1)] * 3
        assert "_launch" not in python_calls(lambda: kernel[grid](x))
