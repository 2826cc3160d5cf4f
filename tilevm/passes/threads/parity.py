"""Functions of a thread's number that are linear over GF(2), as few masks and shifts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Term:
    """The bits of a number under ``mask``, moved up by ``shift`` (down where negative); or a constant."""

    mask: int
    shift: int
    constant: int = 0

    @property
    def reach(self) -> int:
        """The bits that it can set."""
        moved = self.mask << self.shift if self.shift >= 0 else self.mask >> -self.shift
        return moved | self.constant


def terms(table: np.ndarray) -> tuple[Term, ...] | None:
    """Terms that flipped together give ``table[number]``; None where no such do."""
    base, columns = int(table[0]), columns_of(table)
    if not np.array_equal(applied(base, columns, len(table)), table):
        return None
    masks: dict[int, int] = {}
    for bit, column in enumerate(columns):
        for target in range(column.bit_length()):
            if column >> target & 1:
                masks[target - bit] = masks.get(target - bit, 0) | 1 << bit
    found = tuple(Term(mask, shift) for shift, mask in sorted(masks.items(), reverse=True))
    return (*found, Term(0, 0, base)) if base else found


def columns_of(table: np.ndarray) -> list[int]:
    """What each bit of the number flips, if the function is linear."""
    return [int(table[1 << bit] ^ table[0]) for bit in range((len(table) - 1).bit_length())]


def applied(base: int, columns: list[int], count: int) -> np.ndarray:
    number = np.arange(count, dtype=np.int64)
    found = np.full(count, base, np.int64)
    for bit, column in enumerate(columns):
        if column:
            found ^= (number >> bit & 1) * column
    return found
