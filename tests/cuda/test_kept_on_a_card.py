"""Packed tensors and weights that are moved to a card once and kept there."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest

import tilevm as tv
from tests.conftest import Golden
from tests.cuda.native import Shown, put
from tests.cuda.standin import Stub
from tests.launch.calls import python_calls
from tilevm.layout import local, spatial
from tilevm.runtime.launch import repeats
from tilevm.source import TileError

CODES = np.random.default_rng(0).integers(0, 16, (8, 48)).astype(np.uint8)
FRAGMENT = local(2, 1) * spatial(4, 8, order=(1, 0)) * local(2, 1)


@tv.kernel("w: u4[N, M] packed, y: f32[N, M]", grid=lambda N, **_: N)
def widened(w: tv.Tensor, y: tv.Tensor) -> None:
    i = tv.program_id(0)
    y.store((i, 0), w.load((i, 0), (1, 64)).to(tv.f32))


def codes() -> Any:
    return tv.packed(tv.pack(CODES, "u4"), "u4", CODES.shape)


def test_moved_once_and_launched_natively(stub: Stub) -> None:
    repeats.WORTH = range(1, 1000)
    stub.run_kernels()
    w, y = codes().to("cuda"), put(stub, np.zeros((8, 48), np.float32))
    log = stub.log()
    assert log.index("cuMemcpyHtoDAsync 192") < log.index("cuStreamSynchronize 0"), "it is there for every stream"
    assert w.device == "cuda:0" and w.to("cuda:0") is w
    for _ in range(3):
        widened(w, y)
    Shown.order = stub.stream(5)
    assert "_launch" not in python_calls(lambda: widened(w, y)) and "stream=5 " in stub.log()
    assert stub.problems == [] and (y.get() == CODES).all()
    assert stub.calls("cuMemcpyHtoDAsync") == 1


def test_there_and_back(stub: Stub) -> None:
    stub.card(1, (8, 0))
    here = codes()
    first = here.to("cuda:0")
    second, back = first.to("cuda:1"), first.to("cpu")
    assert (second.device, back.device, here.to("cpu") is here) == ("cuda:1", "cpu", True)
    for w in (back, second.to("cpu"), tv.packed(stub.put(here.buffer), "u4", CODES.shape).to("cpu")):
        assert np.array_equal(w.buffer, here.buffer)
    assert stub.live()["memory"] == 3 and stub.depth() == 0
    del first, second
    gc.collect()
    assert stub.live()["memory"] == 1, "memory goes with the tensors"
    assert tv.packed(b"", "u4", 0).to("cuda:0").to("cpu").buffer.size == 0


def test_what_an_owner_has_under_way_is_waited_for(stub: Stub) -> None:
    w = tv.packed(stub.put(np.zeros(192, np.uint8), stream=stub.stream(8)), "u4", CODES.shape)
    stub.log()
    w.to("cpu")
    log = stub.log()
    assert "cuMemcpyDtoHAsync 192" in log and "cuStreamSynchronize 8" in log


def test_it_may_go_while_a_stream_is_captured(stub: Stub) -> None:
    w = codes().to("cuda:0")
    stub.log()
    del w
    gc.collect()
    log = stub.log()
    assert (
        log.index("cuThreadExchangeStreamCaptureMode 2")
        < log.index("cuMemFree")
        < log.rindex("cuThreadExchangeStreamCaptureMode 0")
    )


def test_weights(stub: Stub) -> None:
    w = tv.pack_weights(CODES, "u4", FRAGMENT)
    there = w.to("cuda:0")
    assert there.layout == w.layout and there.nbytes == w.nbytes and "cuda:0" in repr(there.buffer)
    assert np.array_equal(there.unpack(), CODES) and np.array_equal(there.to("cpu").buffer, w.buffer)


def pages(stub: Stub) -> dict[str, Any]:
    y = put(stub, np.zeros((8, 48), np.float32))
    compiled = widened.compile("w: u4[N, M] packed, y: f32[N, M]", device="cuda:0")
    return {
        "packed on the host": lambda: widened(codes(), y),
        "packed on a card": lambda: widened(codes().to("cuda:0"), y, device="cpu"),
        "no memory": lambda: codes().to("vm"),
        "no such card": lambda: codes().to("cuda:7"),
        "weights of another order": lambda: compiled(tv.pack_weights(CODES, "u4", FRAGMENT).to("cuda:0"), y),
        "weights of a kernel in order": lambda: widened(tv.pack_weights(CODES, "u4", FRAGMENT).to("cuda:0"), y),
    }


def test_refusals(stub: Stub, golden: Golden) -> None:
    found = []
    for name, call in pages(stub).items():
        with pytest.raises(TileError) as caught:
            call()
        found.append(f"{name}\n{caught.value}")
    stub.fail("cuMemAlloc", 2)
    with pytest.raises(TileError) as caught:
        codes().to("cuda:0")
    found.append(f"no room\n{caught.value}")
    golden("cuda/packed_refusals.txt", "\n\n".join(found))
    assert stub.depth() == 0
