"""What native code starts, and what it makes of the answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tilevm as tv
from tests.kernel.fake import NativeBackend
from tests.launch.calls import SIGNATURE, grid, prepared, some
from tilevm.runtime.launch import repeats
from tilevm.runtime.launch.rows import REGISTERS
from tilevm.source import TileError


def test_what_starting_answers(backend: NativeBackend) -> None:
    """0 is well, less is left to Python with the slots and counts, more is an error."""
    told: list[Any] = []

    def fail(code: int, stream: int, nx: int, ny: int, nz: int) -> None:
        raise TileError(f"code {code} of {nx}, {ny}, {nz}")

    def long(slots: int, stream: int, nx: int, ny: int, nz: int) -> None:
        told.append((stream, nx, ny, nz))

    backend.fail, backend.long = fail, long
    kernel, x = prepared(backend), np.zeros((33, 4), np.float32)
    kernel(x, x, 3, 0.5, True)
    assert told == []
    backend.answer = -1
    kernel(x, x, 3, 0.5, True)
    assert told == [(0, 2, 10, 5)]
    backend.answer = 7
    with pytest.raises(TileError, match="code 7 of 2, 10, 5"):
        kernel(x, x, 3, 0.5, True)


def test_other_threads_go_on_where_the_starter_says_so(backend: NativeBackend) -> None:
    backend.releases = True
    kernel, x = prepared(backend), np.zeros((33, 4), np.float32)
    before = len(backend.made[0].launches)
    kernel(x, x, 3, 0.5, True)
    assert len(backend.made[0].launches) == before and len(backend.started) == 2


def test_counts_that_cannot_be(backend: NativeBackend) -> None:
    kernel, x = prepared(backend), np.zeros((33, 4), np.float32)
    kernel(x, x, -2, 0.5, True)  # (-2) % 5 + 2 = 5
    assert backend.started[-1][2] == (2, 10, 5)
    large = tv.kernel(SIGNATURE, grid=lambda n, **_: (1, n * n))(some)
    for n, counts in ((3, (1, 9, 1)), (3, (1, 9, 1)), (0, None), (2, (1, 4, 1))):
        before = len(backend.started)
        large(x, x, n, 0.5, True)
        assert [c for _, _, c in backend.started[before:]] == ([] if counts is None else [counts])
    for n in (2**20, 2**31, 2**40):  # the last squares leave 64 bits
        with pytest.raises(TileError, match="at most"):
            large(x, x, n, 0.5, True)


def test_no_programs_is_nothing_to_do(backend: NativeBackend) -> None:
    kernel, x = prepared(backend), np.zeros((33, 4), np.float32)
    for grid_ in (3, 3, 0, (4, 0), -1, (2, 2)):
        kernel[grid_](x, x, 3, 0.5, True)
    assert [c for _, _, c in backend.started[1:]] == [(3, 1, 1), (3, 1, 1), (2, 2, 1)]


@pytest.mark.parametrize("compiled", [False, True])
def test_grids_are_what_they_were_written_as(backend: NativeBackend, compiled: bool) -> None:
    """What may change is looked at as Python does; what equals a grid that is known, as 3.0 does 3, is taken for it."""
    x = np.zeros((33, 4), np.float32)
    kernel: Any = tv.kernel(SIGNATURE)(some)
    kernel = kernel.compile(x, x, 3, 0.5, True) if compiled else kernel
    for known in (1, 3, (1,), (3, 1), 1, 3, (1,), (3, 1)):
        kernel[known](x, x, 3, 0.5, True)
    for wrong in (2.0, 2.5, (2.0,), (3.0, 2), np.float32(2), "3", 2**31, 2**70, (1, 2**70)):
        with pytest.raises(TileError, match=r"no whole number|at most"):
            kernel[wrong](x, x, 3, 0.5, True)
    count = np.array(3)
    for right in ([3], np.int64(3), (np.int64(3), 1), count, (count, 1)):
        for _ in range(2):
            kernel[right](x, x, 3, 0.5, True)
            assert backend.started[-1][2] == (3, 1, 1)
    before = len(backend.made[0].launches)
    kernel[np.int64(3)](x, x, 3, 0.5, True)
    assert len(backend.made[0].launches) == before, "numbers of numpy do not change"


def test_a_count_that_changes_is_looked_at(backend: NativeBackend) -> None:
    torch = pytest.importorskip("torch")
    kernel, x, count = prepared(backend), np.zeros((33, 4), np.float32), torch.tensor(1)
    for n in (2, 2, 5, 7):
        count.fill_(n)
        kernel[count](x, x, 3, 0.5, True)
        assert backend.started[-1][2] == (n, 1, 1)


def test_a_compiled_kernel_stays_within_its_own_grid(backend: NativeBackend) -> None:
    """Accesses were proved to lie inside on that grid, so no more programs are launched, by native code either."""
    x = np.zeros((33, 4), np.float32)
    compiled = tv.kernel(SIGNATURE, grid=grid)(some).compile(x, x, 3, 0.5, True)
    for grid_ in ((2, 10, 5), (1, 10), (2, 10, 5), (1, 10)):
        compiled[grid_](x, x, 3, 0.5, True)
    assert len(backend.made[0].launches) == 1
    for grid_ in ((3, 10, 5), (2, 11), (2, 10, 6)):
        for _ in range(2):
            with pytest.raises(TileError, match=r"own grid \(2, 10, 5\), and .* goes beyond it"):
                compiled[grid_](x, x, 3, 0.5, True)
    fewer = np.zeros((32, 4), np.float32)
    with pytest.raises(TileError, match=r"own grid \(1, 9, 5\), and \(1, 10, 1\) goes beyond it"):
        compiled[1, 10](fewer, fewer, 3, 0.5, True)


def test_more_ways_of_calling_than_are_kept(backend: NativeBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel, x = prepared(backend), np.zeros((33, 4), np.float32)
    for times in range(2):
        for B in range(1, 80):
            kernel(x, x, 3, 0.5, True, B)
            assert backend.started[-1][2][0] == tv.cdiv(33, B), (times, B)
    monkeypatch.setattr(repeats, "LAUNCHERS", 8)
    for n in range(1, 40):
        kernel[n](x, x, 3, 0.5, True)
        assert backend.started[-1][2] == (n, 1, 1)
    assert len(kernel.gridless._repeats._launchers) <= 8
    monkeypatch.setattr(repeats, "KINDS", 8)
    for n in range(1, 40):
        kernel[lambda N, **_: (N, n)](x, x, 3, 0.5, True)  # noqa: B023
        assert backend.started[-1][2] == (33, n, 1)
    assert len(kernel.gridless._repeats._times) <= 8


def test_more_than_the_machine_has_registers_for(soon: None) -> None:
    @tv.kernel(grid=1)
    def long(*, x: tv.Tensor) -> None:
        x.store((0,) * 12, x.load((0,) * 12, (1,) * 12) + 1)

    assert REGISTERS > 1 + 2 * 12
    x = np.zeros((1,) * 12, np.int32)
    for _ in range(4):
        long(x=x)
    assert x.item() == 4
