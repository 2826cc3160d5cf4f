"""Launchers that are bound to their arguments."""

from __future__ import annotations

import gc
import weakref

import pytest

from tests.launch.calls import axpy, numbers, python_calls, short
from tilevm.source import TileError


def test_a_bound_launcher_runs_on_what_it_was_given() -> None:
    x, y = numbers()
    go = axpy.prepare(x, y, 2.0)
    assert (y == 1).all(), "preparing runs nothing"
    for n in range(1, 5):
        go()
        assert (y == 1 + 2 * x * n).all()
    short(axpy)
    assert python_calls(go) == []
    with pytest.raises(TileError, match="takes no others"):
        go(x)
    with pytest.raises(TileError, match="dim N is 40 in x"):
        axpy.prepare(x, y[:3], 2.0)


def test_a_bound_launcher_keeps_memory_alive() -> None:
    x, y = numbers()
    go, gone, result = axpy.prepare(x, y, 2.0), weakref.ref(x), y
    expected = 1 + 2 * x
    del x
    gc.collect()
    go()
    assert gone() is not None and (result == expected).all()
    del go
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("device", ["cpu", "vm", "emulator"])
def test_bound_launchers_everywhere(device: str) -> None:
    x, y = numbers()
    axpy.prepare(x, y, 2.0, device=device)()
    assert (y == 1 + 2 * x).all()
    axpy.prepare[1](x, y, 2.0, device=device)()
    assert (y[:16] == (1 + 4 * x)[:16]).all() and (y[16:] == (1 + 2 * x)[16:]).all()
    axpy.prepare[0](x, y, 2.0, device=device)()
