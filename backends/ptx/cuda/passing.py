"""Parameters of a launch as the driver takes them: an array of pointers, each at its value in little endian."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Sequence

from tilevm.abi import SLOT_BYTES


class Slots:
    """The parameters of one launch; ``address`` is that of the first pointer."""

    def __init__(self, words: Sequence[int]) -> None:
        """``words``: the bits of each, as signed integers."""
        count = len(words)
        self._held = ctypes.create_string_buffer(2 * count * SLOT_BYTES)
        begin = ctypes.addressof(self._held)
        self.address = begin + count * SLOT_BYTES
        struct.pack_into(f"<{2 * count}q", self._held, 0, *words, *range(begin, self.address, SLOT_BYTES))
