"""Where tests run kernels: every machine that must agree."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

import pytest

from tests.conftest import ASKED
from tests.machines import THREADS, TILES

__all__ = ["CARDS", "EVERYWHERE", "QUICK", "THREADS", "TILES", "goes_round", "on"]
Test = TypeVar("Test", bound=Callable[..., object])
CARD = os.environ.get(ASKED)  # the GPU that tests run on too, where that is asked for

CARDS = (CARD,) if CARD else ()
QUICK = (*TILES, *CARDS)  # what has time for large problems
EVERYWHERE = QUICK if CARD else (*TILES, *THREADS, "emulator")  # a card is held against tiles alone


def on(device: str) -> dict[str, str]:
    """The keywords of a call that runs there."""
    return {"device": "vm", "target": device} if device in THREADS else {"device": device}


def goes_round(test: Test) -> Test:
    """Marks a test that goes through the machines itself: it needs the card where that is one of them."""
    marked: Test = pytest.mark.gpu("nvidia")(test) if CARD else test
    return marked
