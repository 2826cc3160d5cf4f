"""Launchers that are bound to their arguments."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

import tilevm as tv
from tests.launch.calls import axpy, numbers, python_calls, short
from tilevm.runtime.launch.rows import REGISTERS
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


def test_memory_that_a_tensor_of_torch_leaves_is_kept_alive() -> None:
    """What a cast of a module does to its parameters, say."""
    torch = pytest.importorskip("torch")
    (held, y), codes = numbers(), np.arange(40, dtype=np.uint8)
    gone, left, expected = weakref.ref(held), weakref.ref(codes), 1 + 2 * held
    x, buffer = torch.from_numpy(held), torch.from_numpy(codes)
    go, w = axpy.prepare(x, y, 2.0), tv.packed(buffer, "u8", 40)
    x.data, buffer.data = torch.zeros(1), torch.zeros(1, dtype=torch.uint8)
    del held, codes
    gc.collect()
    assert gone() is not None and left() is not None
    go()
    assert (y == expected).all()
    del go, w
    gc.collect()
    assert gone() is None and left() is None


def test_streams_where_there_are_none() -> None:
    x, y = numbers()
    with pytest.raises(TileError, match="'cpu' has no streams"):
        axpy.prepare(x, y, 2.0, stream=5)


def test_more_words_than_the_machine_has_registers_for() -> None:
    """Twelve arrays of twelve axes have an address and 24 numbers each; Python launches them."""
    names = "abcdefghijkl"

    @tv.kernel(", ".join(f"{name}: i32[{', '.join('_' * 12)}]" for name in names), grid=1)
    def many(a, b, c, d, e, f, g, h, i, j, k, l):  # noqa: E741
        at, one = (0,) * 12, (1,) * 12
        a.store(at, a.load(at, one) + l.load(at, one))

    arrays = [np.full((2,) * 12, n, np.int32, order="F") for n in range(12)]
    assert len(many.compile(*arrays).abi.entries) > REGISTERS
    go = many.prepare(*arrays)
    for n in range(1, 4):
        go()
        assert arrays[0].flat[0] == 11 * n


@pytest.mark.parametrize("device", ["cpu", "vm", "emulator"])
def test_bound_launchers_everywhere(device: str) -> None:
    x, y = numbers()
    axpy.prepare(x, y, 2.0, device=device)()
    assert (y == 1 + 2 * x).all()
    axpy.prepare[1](x, y, 2.0, device=device)()
    assert (y[:16] == (1 + 4 * x)[:16]).all() and (y[16:] == (1 + 2 * x)[16:]).all()
    axpy.prepare[0](x, y, 2.0, device=device)()
