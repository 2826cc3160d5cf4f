"""Which kernel was it? A kernel's fault shows at some later call of the driver, and ends the card's context.

So each card has a ring of what was launched on it last, which native code writes too: a word that counts the launches,
and the numbers of the kernels, launch n at n modulo its length. What was launched before the last time that the card
was known to be done is free of suspicion.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from itertools import count

LENGTH = 64
NAMES: dict[int, str] = {}
NUMBERS = count(1)


def number(name: str) -> int:
    """A number for a kernel, by which rings hold it."""
    found = next(NUMBERS)
    NAMES[found] = name
    return found


class Ring:
    """What was launched on a card."""

    def __init__(self) -> None:
        self._words = (ctypes.c_int64 * (1 + LENGTH))()
        self._good = 0

    @property
    def address(self) -> int:
        return ctypes.addressof(self._words)

    @property
    def launches(self) -> int:
        return int(self._words[0])

    def done(self, number: int) -> None:
        """The card has done a launch, by its number; with it everything, where nothing was under way before."""
        if self._good >= number:
            self._good = max(self._good, number + 1)

    def suspects(self) -> Iterator[str]:
        """The kernels that may be at fault, each once, the last one first."""
        first = max(self._good, self.launches - LENGTH)
        numbers = (self._words[1 + n % LENGTH] for n in range(self.launches - 1, first - 1, -1))
        yield from dict.fromkeys(NAMES[n] for n in numbers)
