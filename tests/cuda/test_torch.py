"""Tensors of torch on a card: a stand-in shows what is asked of them, so no build of torch for cards is needed."""

from __future__ import annotations

import re
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.cuda.kernels import add_one
from tests.cuda.standin import Stub
from tilevm.backend import Array
from tilevm.runtime.arguments import read
from tilevm.source import TileError

X = np.arange(1000, dtype=np.float32)


class Tensor:
    """A tensor in a card's memory, whose storage begins ``before`` elements ahead of it."""

    is_cpu, is_cuda, layout, requires_grad = False, True, "torch.strided", False

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
