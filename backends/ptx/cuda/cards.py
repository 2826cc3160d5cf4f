"""The cards that are here."""

from __future__ import annotations

from typing import Any

from tilevm.backend import Here, Place
from tilevm.source import TileError

from .card import Card, fault
from .codes import STICKY, UNKNOWN
from .driver import attempt, bindings, call, driver, failure, release, version
from .kept import Bytes, Kept, get, put
from .marks import Mark, mark

LOADER = "tilevm.backends.ptx:on_card"


class Cards:
    """All of them, each one object for the whole process."""

    def __init__(self) -> None:
        self._cards: dict[int, Card] = {}
        self._places: dict[int, Place] = {}

    def __getitem__(self, number: int) -> Card:
        if number not in self._cards:
            self._cards.setdefault(number, Card(number))  # another thread's, where that was first
        return self._cards[number]

    def driver(self) -> str:
        return f"CUDA {release(version(driver()))}"

    def here(self) -> list[Here]:
        return [self[n].here for n in range(call("cuDeviceGetCount", doing="counting the cards"))]

    def place(self, number: int) -> Place:
        """The place of a card: its target is the nearest of those that code is made for.

        Raises TileError where there is no driver or no such card, or it is older than all targets.
        """
        if number not in self._places:
            self._places[number] = self._find(self[number])
        return self._places[number]

    def _find(self, card: Card) -> Place:
        if not card.targets:
            mine = "{}.{}".format(*card.capability)
            raise TileError(
                f"{card.device} is a {card.name} of compute capability {mine}, and code is made for 8.0 and newer",
                help="device='cpu' runs the kernel on the host",
            )
        first, *others = card.targets
        return Place(card.device, LOADER, first, True, True, tuple(others), card.number, streams=True)

    def holding(self, address: int) -> int:
        """The number of the card whose memory an address is in."""
        which = bindings().CUpointer_attribute.CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL
        code, found = attempt("cuPointerGetAttribute", which, address)
        if code in STICKY:  # of which card, the driver does not tell
            raise fault(
                list(self._cards.values()) or [self[0]], "cuPointerGetAttribute", code, "looking at an argument"
            )
        if code == UNKNOWN:
            mend = "keep the object alive that it was taken of; memory of the host is passed as a numpy array"
            raise failure("cuPointerGetAttribute", code, f"no card has memory at {address:#x}", help=mend)
        if code:
            raise failure("cuPointerGetAttribute", code, f"finding the card that has memory at {address:#x} fails")
        return int(found)

    def put(self, number: int, content: Any) -> Kept:
        """A copy of an array of bytes in a card's memory."""
        return put(self[number], content)

    def get(self, number: int, address: int, count: int, stream: int) -> Bytes:
        """The bytes at an address of a card, once a stream has done all."""
        return get(self[number], address, count, stream)

    def mark(self, number: int, stream: object = None) -> Mark:
        """A mark behind all that is on a stream of a card so far."""
        return mark(self[number], stream)


cards = Cards()
