"""Bytes that are kept in a card's memory, and copies of what is there."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from .card import Card
from .driver import attempt, bindings
from .memory import allocate
from .module import uncaptured

Bytes = np.ndarray[Any, np.dtype[np.uint8]]


class Kept:
    """A row of bytes in a card's memory, which goes with the object. No work of a stream is on it."""

    def __init__(self, card: Card, address: int, count: int) -> None:
        self.card, self.address, self.count = card, address, count
        weakref.finalize(self, free, card, address).atexit = False  # the driver has ended by then

    def __repr__(self) -> str:
        return f"<{self.count} bytes on {self.card.device}>"

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {"shape": (self.count,), "typestr": "|u1", "data": (self.address, False), "version": 3, "stream": None}


def put(card: Card, content: Bytes) -> Kept:
    """A copy of bytes that lie side by side. Raises CudaError where the card has no room, or a stream is captured."""
    with card.current():
        with uncaptured(card):
            made = Kept(card, allocate(card, max(content.size, 1), "packed elements"), content.size)
        if content.size:
            begin, doing = content.ctypes.data, f"copying {content.size} bytes there"
            card.call("cuMemcpyHtoDAsync", made.address, begin, content.size, 0, doing=doing)
            card.call("cuStreamSynchronize", 0, doing=doing)
    return made


def get(card: Card, address: int, count: int, stream: int) -> Bytes:
    """A copy of so many bytes, made when the stream has done all."""
    made, doing = np.empty(count, np.uint8), f"copying {count} bytes back"
    if count:
        with card.current():
            card.call("cuMemcpyDtoHAsync", made.ctypes.data, address, count, stream, doing=doing)
            card.call("cuStreamSynchronize", stream, doing=doing)
    return made


def free(card: Card, address: int) -> None:
    """Free memory whose object is gone, also while a stream is captured. The driver waits for the card before."""
    relaxed = bindings().CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_RELAXED
    code, before = attempt("cuThreadExchangeStreamCaptureMode", relaxed)
    if not code:  # else the memory is lost with the context
        card.give_back("cuMemFree", address)
        attempt("cuThreadExchangeStreamCaptureMode", before)
