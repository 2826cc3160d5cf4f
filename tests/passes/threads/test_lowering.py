"""From tiles to threads: every instruction has a rule, the text of small kernels, and the machine's word for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tilevm as tv
from tests.conftest import Golden
from tests.devices import THREADS, on
from tilevm.frontend.kernel import Kernel
from tilevm.layout import Layout, local, replicate, spatial
from tilevm.passes import every_pass, through
from tilevm.passes.threads import parity
from tilevm.passes.threads.coordinates import places
from tilevm.passes.threads.lower import RULES
from tilevm.passes.threads.lowering import lower
from tilevm.text import print_func

HERE = Path(__file__).parent
X = np.arange(64 * 48, dtype=np.float32).reshape(64, 48)


def test_every_instruction_has_a_rule() -> None:
    """Products of scaled codes became others in the pass widen."""
    assert len(RULES) > 10 and lower.missing() == {"dot_scaled"}


@tv.kernel
def doubled(x: tv.Tensor, y: tv.Tensor) -> None:
    y.store(0, x.load(0, 256) * 2)


@tv.kernel
def turned(x: tv.Tensor, y: tv.Tensor) -> None:
    """A conversion through shared memory."""
    y.store((0, 0), x.load((0, 0), (64, 32)).T)


@tv.kernel
def rows(x: tv.Tensor, y: tv.Tensor) -> None:
    """A sum over registers, lanes and warps."""
    y.store(0, x.load((0, 0), (2, 1024)).sum(axis=1))


KERNELS: dict[str, tuple[Kernel, list[np.ndarray]]] = {
    "doubled": (doubled, [np.arange(256, dtype=np.float32), np.zeros(256, np.float32)]),
    "turned": (turned, [X, np.zeros((48, 64), np.float32)]),
    "rows": (rows, [np.ones((2, 1024), np.float32), np.zeros(2, np.float32)]),
}


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("target", THREADS)
def test_what_a_thread_does(name: str, target: str, golden: Golden) -> None:
    kernel, given = KERNELS[name]
    traced = kernel.gridless.compile(*given, device="vm", target=target).build.tile
    golden(HERE / "lowered" / f"{name}_{target}.txt", print_func(through(traced, "tidy", every_pass(target, 4))))


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("device", [*THREADS, "emulator"])
@pytest.mark.parametrize("warps", [1, 4, 8])
def test_any_number_of_warps(name: str, device: str, warps: int) -> None:
    kernel, given = KERNELS[name]
    found, wanted = ([v.copy() for v in given] for _ in range(2))
    kernel[1](*found, num_warps=warps, **on(device))
    kernel[1](*wanted, device="vm")
    assert all(map(np.array_equal, found, wanted))


def test_terms_are_the_table() -> None:
    """What is linear over GF(2) is said in masks and shifts; what is not, in no such way."""
    rng = np.random.default_rng(0)
    for _ in range(200):
        columns = rng.integers(0, 1 << 10, 7)
        number = np.arange(128)
        table = np.bitwise_xor.reduce(np.where(number[:, None] >> np.arange(7) & 1, columns, 0), axis=1) ^ 5
        found = parity.terms(table)
        assert found is not None
        total = np.zeros(128, np.int64)
        for term in found:
            part = number & term.mask
            total ^= (part << term.shift if term.shift >= 0 else part >> -term.shift) | term.constant
        assert np.array_equal(total, table)
    assert parity.terms(np.arange(128) * 3) is None


@pytest.mark.parametrize(
    "text", ["(8,2):(4@thread,2@reg) (2,4,2):(1@reg,1@thread,4@reg)", "6:4@thread (5,4):(1@reg,1@thread)"]
)
def test_an_index_is_the_sum_of_its_parts(text: str) -> None:
    layout = Layout.parse(text)
    at = places(layout)
    for thread in range(layout.threads):
        for register in range(layout.registers):
            index = at.threads[:, thread] + at.registers[:, register]
            assert layout.index_at(thread, register) == tuple(map(int, index))


def test_equal_layouts_have_the_same_places() -> None:
    """The table keeps what it found for the first of them: code must not tell which one that was."""
    whole = replicate(8) * spatial(16) * local(2)
    cut = replicate(2) * replicate(4) * spatial(4) * spatial(4) * local(2)
    assert whole == cut and whole.replicas != cut.replicas
    found = []
    for layout in (whole, cut):
        places.cache_clear()
        found.append(places(layout))
    assert found[0].digits == found[1].digits and found[0].copies == found[1].copies
