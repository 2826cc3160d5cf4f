"""Registers of all threads of a block: an array of bits each, and which of the bits never got a value."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from .kinds import BITS, Array, width


class Registers:
    """``values[name]`` has one entry a thread.

    ``unknown[name]`` has ones for bits without a value; registers that are known in all threads have no entry.
    """

    def __init__(self, types: dict[str, str], threads: int) -> None:
        self.types, self.threads = types, threads
        self.values: dict[str, Array] = {}
        self.unknown: dict[str, Array] = {}

    def read(self, name: str) -> Array:
        """Bits of a register; zeros where it was never written, marked as unknown."""
        found = self.values.get(name)
        if found is None:
            found = self.values[name] = np.zeros(self.threads, BITS[width(self.types[name])])
            self.unknown[name] = ~np.zeros_like(found)
        return found

    def lacking(self, names: Iterable[str]) -> Array | None:
        """Threads in which one of the registers has no value; None if all have one everywhere."""
        for name in names:
            if name not in self.values:  # nobody has asked for it yet
                self.read(name)
        if not self.unknown:
            return None
        found = [self.unknown[n] != 0 for n in names if n in self.unknown]
        return np.logical_or.reduce(found) if found else None

    def shadow(self, name: str) -> Array:
        """Ones for the bits of a register that have no value."""
        if name not in self.values:
            self.read(name)
        found = self.unknown.get(name)
        return np.zeros(self.threads, BITS[width(self.types[name])]) if found is None else found

    def write(self, name: str, bits: Array, mask: Array | None, unknown: Array | None) -> None:
        """New bits for the threads in ``mask``, all of them if it is None. Arrays are never changed in place.

        ``unknown`` has ones for bits without a value, or says of each thread whether all its bits have none.
        """
        if unknown is not None:
            unknown = self.spread(name, unknown)
        if bits.shape != (self.threads,):
            bits = np.broadcast_to(bits, (self.threads,))
        if mask is None:
            self.values[name] = bits
            if unknown is None:
                self.unknown.pop(name, None)
            else:
                self.unknown[name] = unknown
            return
        old = self.read(name)
        self.values[name] = np.where(mask, bits, old)
        before = self.unknown.get(name)
        if before is None and unknown is None:
            return
        none = np.zeros(self.threads, bits.dtype)
        after = np.where(mask, none if unknown is None else unknown, none if before is None else before)
        if after.any():
            self.unknown[name] = after
        else:
            self.unknown.pop(name, None)

    def spread(self, name: str, unknown: Array) -> Array | None:
        """Unknown threads as unknown bits of a register; None if there are none."""
        unknown = np.broadcast_to(unknown, (self.threads,))
        if not unknown.any():
            return None
        hold = BITS[width(self.types[name])]
        if unknown.dtype != np.bool_ or hold is np.bool_:
            return unknown
        return np.where(unknown, ~np.zeros(1, hold), np.zeros(1, hold))
