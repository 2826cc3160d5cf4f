"""Kernels of cards that another process compiled."""

from __future__ import annotations

import gc
import os
import tempfile
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tilevm as tv
from tests.cuda.kernels import GRID, SIGNATURE, asserted, turned
from tests.cuda.standin import OLD, Stub
from tilevm.backends.ptx.assemble import at_hand
from tilevm.backends.ptx.cuda.artifact import Kept

WIDE = np.arange(128 * 128, dtype=np.float32).reshape(128, 128)


def in_a_folder() -> str:
    folder = tempfile.mkdtemp()
    os.environ.update(TILEVM_CACHE="1", TILEVM_CACHE_DIR=folder)
    return folder


def again() -> tv.Kernel:
    """The kernel as another process has it: nothing compiled yet."""
    return tv.kernel(SIGNATURE, grid=GRID)(turned.__wrapped__)  # type: ignore[attr-defined]


def first_and_second(folder: str) -> tuple[Any, Any]:
    first = again().compile(WIDE, WIDE, device="cuda:0")
    assert list(Path(folder).rglob("*")) != []
    return first, again().compile(WIDE, WIDE, device="cuda:0")


def test_it_runs_as_the_first(stub: Stub) -> None:
    stub.run_kernels()
    first, second = first_and_second(in_a_folder())
    assert not isinstance(first.build.artifact.stages, Kept)
    assert isinstance(second.build.artifact.stages, Kept), "nothing was compiled"
    out = np.zeros_like(WIDE)
    second(WIDE, out)
    assert stub.problems == [] and (out == WIDE.T).all()
    assert dict(second.stages) == dict(first.stages) and second.resources == first.resources
    assert second.build.artifact.data == first.build.artifact.data


def test_it_keeps_no_argument_alive(stub: Stub) -> None:
    first_and_second(in_a_folder())
    x, kernel = WIDE.copy(), again()
    gone = weakref.ref(x)
    kernel(x, x, device="cuda:0")
    del x
    gc.collect()
    assert gone() is None


@pytest.mark.skipif(not at_hand(), reason="no assembler of PTX here")
def test_machine_code_is_kept(stub: Stub) -> None:
    first, second = first_and_second(in_a_folder())
    assert second.binary[:4] == b"\x7fELF" and second.binary == first.binary
    assert second.build.artifact.code.machine == first.build.artifact.machine
    second(WIDE, WIDE.copy())
    assert "cuModuleLoadDataEx cubin" in stub.log()


def test_each_driver_and_architecture_has_its_own(stub: Stub) -> None:
    first_and_second(in_a_folder())
    stub.version(OLD)
    assert not isinstance(again().compile(WIDE, WIDE, device="cuda:0").build.artifact.stages, Kept)
    stub.card(1, (8, 6))
    assert not isinstance(again().compile(WIDE, WIDE, device="cuda:1").build.artifact.stages, Kept)


def test_what_tells_something_is_not_kept(stub: Stub) -> None:
    os.environ["TILEVM_DEBUG"] = "1"
    in_a_folder()
    x = np.ones(300, np.float32)
    assert asserted.compile(x, x, device="cuda:0").build.artifact.data is None  # type: ignore[attr-defined]


def test_grids_that_the_card_does_not_count(stub: Stub) -> None:
    """The other form of the kernel is not kept: it is compiled when it is first launched."""
    stub.run_kernels()
    stub.limit(6, 2)
    in_a_folder()
    for times in range(2):
        kernel = tv.kernel(SIGNATURE)(turned.__wrapped__)  # type: ignore[attr-defined]
        out = np.zeros_like(WIDE)
        kernel[1, 3](WIDE, out, device="cuda:0")
        assert stub.problems == [] and (out == WIDE.T).all(), times
