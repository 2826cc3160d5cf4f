"""Marks on streams of a card, and the time between them."""

from __future__ import annotations

import gc

import numpy as np
import pytest

from tests.cuda.kernels import add_one
from tests.cuda.standin import Stub
from tilevm.backend import cards
from tilevm.source import TileError


def launch(stub: Stub, times: int) -> None:
    x = stub.put(np.ones(1000, np.float32))
    for _ in range(times):
        add_one(x, x)


def test_seconds_between_two_marks(stub: Stub) -> None:
    mark, stream = cards("cuda").mark, stub.stream(5)
    first = mark(0)
    launch(stub, 3)
    second, again = mark(0, stream), mark(0, stream)
    log = stub.log()
    assert "cuEventRecord stream=0" in log and "cuEventRecord stream=5" in log and "flags=0" in log
    assert "cuEventSynchronize" not in log, "marking does not wait"
    assert second.since(first) == pytest.approx(3 * 0.25e-3)  # the stand-in's time of a launch
    assert again.since(second) == 0.0 and stub.depth() == 0
    assert stub.live()["events"] == 3
    del first, second
    gc.collect()
    assert stub.live()["events"] == 1 and stub.depth() == 0


def test_of_the_card_that_is_asked(stub: Stub) -> None:
    stub.card(1, (8, 0))
    here, there = (cards("cuda").mark(number) for number in (0, 1))
    assert "cuCtxPushCurrent 0" in (log := stub.log()) and "cuCtxPushCurrent 1" in log
    assert here.since(here) == there.since(there) == 0.0
    with pytest.raises(TileError, match="there is no cuda:2: the driver shows 2 cards"):
        cards("cuda").mark(2)


def test_what_is_refused(stub: Stub) -> None:
    mark = cards("cuda").mark
    with pytest.raises(TileError, match="stream is 'mine', which is no stream"):
        mark(0, "mine")
    stub.fail("cuEventRecord", 400)
    with pytest.raises(TileError, match="marking stream 0x0 fails on cuda:0: a stream or a function is none"):
        mark(0)
    gc.collect()
    assert stub.live()["events"] == 0, "a mark that could not be made is given back"
    first = mark(0)
    stub.fault(1, 700)
    launch(stub, 1)
    with pytest.raises(TileError, match="add_one faulted on cuda:0: a kernel touched memory that is not its own"):
        first.since(first)
