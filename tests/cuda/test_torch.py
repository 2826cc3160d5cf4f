"""Tensors of torch on a card: a stand-in shows what is asked of them, so no build of torch for cards is needed."""

from __future__ import annotations

import importlib
import re
import sys
import warnings
from importlib.util import find_spec
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

import tilevm as tv
from tests.conftest import device_count
from tests.cuda.kernels import add_one
from tests.cuda.standin import Stub
from tilevm.backend import Array
from tilevm.runtime.arguments import read
from tilevm.source import TileError

X = np.arange(1000, dtype=np.float32)


class Tensor:
    """A tensor in a card's memory, whose storage begins ``before`` elements ahead of it."""

    is_cpu, is_cuda, layout, requires_grad = False, True, "torch.strided", False
    is_nested = is_meta = False

    def __init__(self, stub: Stub, like: Any, card: int = 0, before: int = 0) -> None:
        whole = np.concatenate([np.zeros(before, like.dtype), like])
        self.held, self.like, self.before = stub.put(whole, card), like, before * like.itemsize
        self.shape, self.dtype, self.device = like.shape, f"torch.{like.dtype}", f"cuda:{card}"

    def stride(self) -> tuple[int, ...]:
        return tuple(s // self.like.itemsize for s in self.like.strides)

    def element_size(self) -> int:
        return int(self.like.itemsize)

    def data_ptr(self) -> int:
        return self.held.address + self.before

    def numel(self) -> int:
        return int(self.like.size)

    def untyped_storage(self) -> Any:
        return SimpleNamespace(data_ptr=lambda: self.held.address, nbytes=lambda: self.before + self.like.nbytes)

    def is_neg(self) -> bool:
        return False

    is_conj = is_neg


def torch(streams: dict[int, int], hip: str | None = None) -> None:
    """Put a torch in place whose current streams, by card, are these."""
    made: Any = ModuleType("torch")
    made.Tensor, made.version = Tensor, SimpleNamespace(hip=hip)
    made.cuda = SimpleNamespace(current_stream=lambda card: SimpleNamespace(cuda_stream=streams[card]))
    made.is_grad_enabled = lambda: True
    sys.modules["torch"] = made


def test_it_is_read_where_it_lives(stub: Stub) -> None:
    torch({})
    stub.card(1, (8, 0))
    array, seen = read(Tensor(stub, X, 1, before=3), "x")
    assert isinstance(array, Array) and array.device == seen.device == "cuda:1"  # type: ignore[union-attr]
    assert (array.lowest, array.highest, array.stream) == (-3, 1000, 0)


def test_it_runs_on_the_current_stream(stub: Stub) -> None:
    stub.card(1, (8, 0))
    stub.run_kernels()
    current = {0: stub.stream(5), 1: stub.stream(6, card=1)}
    torch(current)
    for card in current:
        x, y = Tensor(stub, X, card), Tensor(stub, X, card)
        add_one(x, y)
        assert (y.held.get() == X + 1).all()
    current[0] = 0
    add_one(Tensor(stub, X), Tensor(stub, X))
    assert re.findall(r"cuLaunchKernelEx .* stream=(\d+)", stub.log()) == ["5", "6", "0"]
    assert stub.problems == [] and stub.calls("cuPointerGetAttribute") == 0, "torch says where its tensors are"


def test_another_owners_stream_is_waited_for(stub: Stub) -> None:
    torch({0: stub.stream(5)})
    add_one(stub.put(X, stream=stub.stream(8)), Tensor(stub, X))
    log = stub.log()
    assert re.findall(r"cuStreamWaitEvent (\d+)", log) == ["5"] and "cuEventRecord stream=8" in log


def test_what_no_kernel_takes(stub: Stub) -> None:
    torch({})
    wanting = Tensor(stub, X)
    wanting.requires_grad = True
    with pytest.raises(TileError, match="x requires a gradient"):
        add_one(wanting, wanting)
    torch({}, hip="6.2")
    with pytest.raises(TileError, match="x lives on cuda:0, which no device of tilevm reaches here"):
        add_one(Tensor(stub, X), Tensor(stub, X))


def test_packed_bytes_are_moved_by_torch_where_it_reaches_the_card(stub: Stub) -> None:
    stub.card(1, (8, 0))
    torch({})
    asked = []
    Tensor.__dlpack__ = None  # type: ignore[attr-defined]  # it is there, and nobody calls it
    held = Tensor(stub, np.arange(16, dtype=np.uint8))
    held.to = lambda device: asked.append(device) or Tensor(stub, held.like, 1)  # type: ignore[attr-defined]
    w = tv.packed(held, "u4", 32).to("cuda:1")
    assert (asked, w.device, type(w.buffer)) == (["cuda:1"], "cuda:1", Tensor)


@pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")
@pytest.mark.skipif(device_count("nvidia") > 0, reason="torch would look for the card that is here")
def test_and_without_it_where_torch_has_no_cards(stub: Stub) -> None:
    made: Any = importlib.import_module("torch")
    with warnings.catch_warnings():  # a build for cards warns that it cannot use the stand-in's driver
        warnings.filterwarnings("ignore", "CUDA initialization", UserWarning)
        w = tv.packed(made.arange(16, dtype=made.uint8), "u4", 32).to("cuda:0")
    assert w.device == "cuda:0" and w.to("cpu").buffer.tolist() == list(range(16))


@pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")
def test_tensors_of_the_host_need_no_torch_for_cards(stub: Stub) -> None:
    """Nor is one that has them asked for its current stream: its work is not on the card."""
    made: Any = importlib.import_module("torch")
    made.cuda.current_stream = None
    stub.run_kernels()
    for y in (made.zeros(1000), np.zeros(1000, np.float32)):
        add_one(made.from_numpy(X), y, device="cuda:0")
        assert (np.asarray(y) == X + 1).all()
    w, y = tv.packed(made.arange(16, dtype=made.uint8), "u8", 16), np.zeros(16, np.uint8)
    widened(w, y, device="cuda:0")
    assert (y == np.arange(16)).all() and stub.problems == []


@tv.kernel("w: u8[N] packed, y: u8[N]", grid=1)
def widened(w: tv.Tensor, y: tv.Tensor) -> None:
    y.store(0, w.load(0, 16))
