"""What decides the code without being passed is looked at in every launch."""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest

import tilevm as tv
from tests.launch.calls import python_calls, short
from tilevm.source import TileError

OUTER = 3.0
SPACE = type(sys)("space")
SPACE.WEIGHT = 3.0


@tv.function
def twice(x):
    return x * 2.0


@tv.function
def thrice(x):
    return x * 3.0


step = twice


def test_changes_outside_are_seen(soon: None, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = 3.0

    @tv.kernel(grid=1)
    def outside(y: tv.Tensor):
        y.store(0, step(y.load(0, 4) * OUTER * SPACE.WEIGHT * inner))

    def result() -> float:
        for _ in range(3):
            y = np.ones(4, np.float32)
            outside(y)
        return float(y[0])

    here = sys.modules[__name__]
    assert result() == 54
    monkeypatch.setattr(here, "OUTER", 5.0)
    assert result() == 90
    monkeypatch.setattr(SPACE, "WEIGHT", 1.0)
    assert result() == 30
    monkeypatch.setattr(here, "step", thrice)
    assert result() == 45
    inner = 1.0
    assert result() == 15
    short(outside)
    y = np.ones(4, np.float32)
    assert python_calls(lambda: outside(y)) == []


class Answering(type(sys)):
    """A module that answers for itself, whatever stands in its dict."""

    now = 2.0
    weight = property(lambda self: self.now)


ANSWERING = Answering("answering")
ANSWERING.__dict__["weight"] = 9.0


def test_modules_that_answer_for_themselves_are_asked(soon: None, monkeypatch: pytest.MonkeyPatch) -> None:
    @tv.kernel(grid=1)
    def asking(y: tv.Tensor):
        y.store(0, y.load(0, 4) * ANSWERING.weight)

    for factor in (2.0, 3.0):
        monkeypatch.setattr(Answering, "now", factor)
        for _ in range(3):
            y = np.ones(4, np.float32)
            asking(y)
            assert y[0] == factor


def test_another_environment_is_seen(soon: None, monkeypatch: pytest.MonkeyPatch) -> None:
    @tv.kernel(grid=1)
    def careful(y: tv.Tensor):
        tv.device_assert(y.load(0, 4) < 2.0, "too large")
        y.store(0, y.load(0, 4) + 1.0)

    def call() -> None:
        y = np.full(4, 5.0, np.float32)
        careful(y)
        assert y[0] == 6

    for _ in range(3):
        call()
    with monkeypatch.context() as patch:
        patch.setattr(os, "environ", {**os.environ})
        for _ in range(3):
            call()
        patch.setattr(os, "environ", {**os.environ, "TILEVM_DEBUG": "1"})
        for _ in range(3):
            with pytest.raises(TileError, match="too large"):
                call()
    call()


def test_debugging_is_seen(soon: None, monkeypatch: pytest.MonkeyPatch) -> None:
    @tv.kernel(grid=1)
    def careful(y: tv.Tensor):
        tv.device_assert(y.load(0, 4) < 2.0, "too large")
        y.store(0, y.load(0, 4) + 1.0)

    y = np.zeros(4, np.float32)
    for _ in range(4):
        careful(y)
    monkeypatch.setenv("TILEVM_DEBUG", "1")
    for _ in range(3):
        with pytest.raises(TileError, match="too large"):
            careful(y)
    monkeypatch.delenv("TILEVM_DEBUG")
    careful(y)
    assert y[0] == 8, "an assertion stops nothing"
