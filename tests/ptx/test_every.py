"""Every instruction of the thread level has a rule, and three functions are spelled as they should be."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import Golden
from tests.ptx.running import RANDOM, listing
from tilevm.abi import KernelAbi
from tilevm.backends.ptx import backend
from tilevm.backends.ptx.emit.state import spell
from tilevm.ir import OPS, THREAD_OPS
from tilevm.ir.verify import verify
from tilevm.runtime.arguments import read
from tilevm.text import read_func

HERE = Path(__file__).parent / "golden"
TILES = {"arange", "broadcast", "reshape", "permute", "empty", "convert", "set_layout"}  # of tiles alone, from here on
TILES |= {"load", "store", "gather", "scatter", "pointer_load", "pointer_store", "atomic", "atomic_cas"}
TILES |= {"sum", "max", "min", "any", "all", "argmax", "argmin", "sort", "dot", "dot_scaled"}
TILES |= {"stage", "staged", "fetch", "sent", "landed"}
TILES |= {"slice", "extract", "concat", "cumsum", "cumprod", "scan", "fold"}
LATER = {"print"}  # refused by the driver on such machines, so far
GONE = {"async_await"}  # tokens are settled before


def test_every_instruction_has_a_rule() -> None:
    missing = spell.missing([*OPS.values(), *THREAD_OPS.values()])
    assert missing - {"yield"} == TILES | LATER | GONE


@pytest.mark.parametrize("name", ["scale", "product", "ring"])
def test_the_text(name: str, golden: Golden, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(HERE)
    golden(HERE / f"{name}.ptx", listing((HERE / f"{name}.tvm").read_text(encoding="utf-8"), f"{name}.tvm").text)


def launched(name: str, grid: int, *values: Any) -> None:
    """One of the functions on the emulator."""
    func = verify(read_func((HERE / f"{name}.tvm").read_text(encoding="utf-8"), f"{name}.tvm"))
    backend.compile(func, KernelAbi.of(func)).launch((grid, 1, 1), [read(v, "argument")[0] for v in values])


def test_the_scaled_squares() -> None:
    x = RANDOM.standard_normal(1100).astype(np.float32)
    y = np.zeros(1100, np.float16)
    launched("scale", 3, x[:1096], y[:1096])
    assert np.array_equal(y[:1096], (x * x)[:1096].astype(np.float16)) and not y[1096:].any()


def test_the_product() -> None:
    a, b = (RANDOM.integers(-3, 4, (rows, 64)).astype(np.float16) for rows in (16, 8))
    c = np.zeros((16, 8), np.float32)
    launched("product", 1, a[:, :48], b[:, :48], c)
    assert np.array_equal(c, a[:, :48].astype(np.float32) @ b[:, :48].astype(np.float32).T)


def test_the_ring() -> None:
    x, y = RANDOM.standard_normal(512).astype(np.float32), np.zeros(512, np.float32)
    launched("ring", 1, x, 4, y)
    assert np.array_equal(y, x + x)
