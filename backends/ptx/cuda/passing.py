"""Parameters of a launch as the driver takes them: an array of pointers, each at its value in little endian."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Sequence
from typing import Any

from tilevm.abi import Entry, KernelAbi, Slot
from tilevm.backend import Argument, Array

from ..arguments import number

WORD, MASK = 8, (1 << 64) - 1
FORMATS = {"f32": "f4x", "f64": "d"}  # of numbers that pass as floats; others pass as integers


class Slots:
    """The parameters of one launch; ``address`` is that of the first pointer."""

    def __init__(self, packed: bytes) -> None:
        count = len(packed) // WORD
        self._held = (ctypes.c_char * (len(packed) + WORD * count)).from_buffer_copy(packed + bytes(WORD * count))
        begin = ctypes.addressof(self._held)
        self.address = begin + len(packed)
        pointers = (ctypes.c_uint64 * count).from_address(self.address)
        pointers[:] = [*range(begin, begin + len(packed), WORD)]


class Passing:
    """How a kernel's arguments become parameters. ``hidden``: how many addresses and sizes follow the caller's."""

    def __init__(self, abi: KernelAbi, hidden: int = 0) -> None:
        place = {p.name: i for i, p in enumerate(abi.params)}
        self._entries = tuple((place[e.param], e) for e in abi.entries)
        formats = "".join(FORMATS.get(e.dtype.name, "Q") if e.slot is Slot.SCALAR else "Q" for e in abi.entries)
        self._pack = struct.Struct("<" + formats + "Q" * hidden).pack

    def __call__(self, arguments: Sequence[Argument], moved: Sequence[int] = (), hidden: Sequence[int] = ()) -> Slots:
        """``moved``: where the card has element 0 of each argument, where that is elsewhere than they say."""
        values = [value(e, arguments[i], moved[i] if moved else None) for i, e in self._entries]
        return Slots(self._pack(*values, *hidden))


def value(entry: Entry, held: Any, moved: int | None) -> int | float:
    """What a slot holds."""
    if not isinstance(held, Array):
        found = number(held, entry.dtype)
        return found if entry.dtype.name in FORMATS else int(found) & MASK
    if entry.slot is Slot.POINTER:
        return held.address if moved is None else moved
    return (held.shape if entry.slot is Slot.EXTENT else held.strides)[entry.axis] & MASK
