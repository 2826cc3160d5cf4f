"""Marks on streams: when a card went past them."""

from __future__ import annotations

import weakref
from typing import Any

from .card import Card
from .driver import bindings
from .streams import handle_of


class Mark:
    """An event of the driver that was recorded on a stream; it goes with the object."""

    def __init__(self, card: Card, handle: Any) -> None:
        self.card, self.handle = card, handle
        weakref.finalize(self, card.give_back, "cuEventDestroy", handle).atexit = False  # the driver has ended by then

    def since(self, before: Mark) -> float:
        """The seconds from when the card went past ``before``, a mark of the same card; waits until it is past both.

        Raises CudaError where it cannot come past them, such as after a kernel's fault.
        """
        doing = "timing"
        with self.card.current():
            for one in (before, self):
                self.card.call("cuEventSynchronize", one.handle, doing=doing)
            return float(self.card.call("cuEventElapsedTime", before.handle, self.handle, doing=doing)) * 1e-3


def mark(card: Card, stream: object = None) -> Mark:
    """A mark behind all that is on a stream so far; ``stream`` as of launches, None for the default one."""
    number, flags = 0 if stream is None else handle_of(stream), bindings().CUevent_flags.CU_EVENT_DEFAULT
    with card.current():
        made = Mark(card, card.call("cuEventCreate", int(flags), doing="making a mark"))
        card.call("cuEventRecord", made.handle, number, doing=f"marking stream {number:#x}")
    return made
