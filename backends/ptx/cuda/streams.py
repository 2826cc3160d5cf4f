"""Streams: which one a launch is ordered by, and how it waits for others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tilevm.backend import Array
from tilevm.optional import loaded
from tilevm.source import TileError

from .card import Card
from .driver import bindings

MAKERS = {"torch", "cupy", "cuda", "numba"}  # packages whose streams stay what they are
ATTRIBUTES = ("cuda_stream", "ptr", "handle")  # torch's, CuPy's, that of cuda.core and numba


def handle_of(stream: object) -> int:
    """The driver's handle of what stands for a stream: a number, or an object of torch, CuPy or ``__cuda_stream__``.

    Raises TileError where it is none of these.
    """
    try:
        found = told(stream)
    except (TypeError, ValueError):  # what it says of itself is no number
        found = None
    if found is None or not 0 <= found < 1 << 63:
        raise TileError(
            f"stream is {stream!r}, which is no stream",
            help="pass a handle, a stream of torch or CuPy, or an object with __cuda_stream__",
        )
    return found


def lasting(stream: object) -> bool:
    """Whether an object stands for the same stream as long as it lives, as far as is known of its class."""
    return type(stream) is int or type(stream).__module__.partition(".")[0] in MAKERS


def told(stream: object) -> int | None:
    """The handle that an object tells of; None where it tells of none."""
    if isinstance(stream, int | bindings().CUstream) and not isinstance(stream, bool):
        return int(stream)
    said: Any = getattr(stream, "__cuda_stream__", None)
    if said is not None:
        _, found = said() if callable(said) else said
        return int(found)
    values = (getattr(stream, name, None) for name in ATTRIBUTES)
    found = next((value for value in values if value is not None and not callable(value)), None)
    return None if found is None else int(getattr(found, "value", found) or 0)  # numba's is one of ctypes


def chosen(stream: object, arrays: Sequence[Array], card: Card) -> int:
    """The stream of a launch: the one that is given, else torch's current one, else that of some other owner's work.

    Torch is asked for tensors on the card alone: with tensors of the host it may be a build that knows no cards.
    """
    if stream is not None:
        return handle_of(stream)
    torch: Any = loaded("torch")
    here = [array.owner for array in arrays if array.device == card.device]
    if torch is not None and any(isinstance(owner, torch.Tensor) for owner in here):
        return int(torch.cuda.current_stream(card.number).cuda_stream)
    return next((array.stream for array in arrays if array.stream), 0)


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


def finish(card: Card, stream: int, number: int | None, doing: str) -> None:
    """Wait until a stream has done all. ``number``: that of the last launch on it, where it is known."""
    card.call("cuStreamSynchronize", stream, doing=doing)
    if number is not None:
        card.ring.done(number)
