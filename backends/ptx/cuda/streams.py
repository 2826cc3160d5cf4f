"""Streams: which one a launch is ordered by, and how it waits for others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tilevm.backend import Array
from tilevm.optional import loaded
from tilevm.source import TileError

from .cards import Card
from .driver import bindings

ATTRIBUTES = ("cuda_stream", "ptr", "handle")  # torch's, CuPy's, that of cuda.core and numba


def handle_of(stream: object) -> int:
    """The driver's handle of what stands for a stream: a number, or an object of torch, CuPy or ``__cuda_stream__``.

    Raises TileError where it is none of these.
    """
    if isinstance(stream, int | bindings().CUstream) and not isinstance(stream, bool) and int(stream) >= 0:
        return int(stream)
    said: Any = getattr(stream, "__cuda_stream__", None)
    if said is not None:
        _, found = said() if callable(said) else said
        return int(found)
    for name in ATTRIBUTES:
        found = getattr(stream, name, None)
        if found is not None and not callable(found):
            return int(getattr(found, "value", found) or 0)  # numba's is one of ctypes
    raise TileError(
        f"stream is {stream!r}, which is no stream",
        help="pass a handle, a stream of torch or CuPy, or an object with __cuda_stream__",
    )


def chosen(stream: object, arrays: Iterable[Array], card: Card) -> int:
    """The stream of a launch: the one that is given, else the current one of where the arguments come from."""
    if stream is not None:
        return handle_of(stream)
    torch: Any = loaded("torch")
    for array in arrays:
        if torch is not None and isinstance(array.owner, torch.Tensor):
            return int(torch.cuda.current_stream(card.number).cuda_stream)
        if array.stream:
            return array.stream
    return 0


def wait(card: Card, stream: int, arrays: Iterable[Array]) -> None:
    """Have a stream wait for the work of owners that is on others."""
    for other in {a.stream for a in arrays} - {0, stream}:
        if {other, stream} <= {0, 1}:  # both stand for the default one
            continue
        flags = bindings().CUevent_flags.CU_EVENT_DISABLE_TIMING
        doing = f"waiting for stream {other:#x}"
        event = card.call("cuEventCreate", int(flags), doing=doing)
        try:
            card.call("cuEventRecord", event, other, doing=doing)
            card.call("cuStreamWaitEvent", stream, event, 0, doing=doing)
        finally:
            card.call("cuEventDestroy", event, doing=doing)


def capturing(card: Card, stream: int) -> bool:
    """Whether what is put on a stream goes into a graph instead of running."""
    status = card.call("cuStreamIsCapturing", stream, doing=f"asking stream {stream:#x} whether it is captured")
    return int(status) != 0


def finish(card: Card, stream: int, since: int, doing: str) -> None:
    """Wait until a stream has done all. ``since``: how many launches there were before the last one on it."""
    card.call("cuStreamSynchronize", stream, doing=doing)
    card.ring.done(since)
