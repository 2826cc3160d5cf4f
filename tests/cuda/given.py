"""Launches that tests of errors make."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.cuda.kernels import add_one, fill
from tests.cuda.standin import OnCard, Stub, in_pages
from tilevm.runtime.arguments import read

X = np.ones(1000, np.float32)


def pair(stub: Stub, card: int = 0) -> tuple[OnCard, OnCard]:
    return stub.put(X, card), stub.put(X, card)


def here(stub: Stub, **how: Any) -> None:
    """A launch with the host's memory, which waits."""
    add_one(X, X.copy(), device="cuda:0", **how)


def host(stub: Stub) -> None:
    """A launch with one array of the host's."""
    fill[1](in_pages(np.zeros(64, np.int32)), 3, device="cuda:0")


def read_before(held: OnCard) -> Any:
    """An argument as it was read before its tensor was freed."""
    return read(held, "x")[0]
