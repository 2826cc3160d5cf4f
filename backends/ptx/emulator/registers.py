"""Registers of all threads of a block: an array of bits each, and which threads never gave it a value."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from .kinds import BITS, Array, width


class Registers:
    """``values[name]`` has one entry a thread. ``unknown`` has an entry only for registers that some lack."""

    def __init__(self, types: dict[str, str], threads: int) -> None:
        self.types, self.threads = types, threads
        self.values: dict[str, Array] = {}
        self.unknown: dict[str, Array] = {}

    def read(self, name: str) -> Array:
        """Bits of a register; zeros where it was never written, marked as unknown."""
        found = self.values.get(name)
        if found is None:
            found = self.values[name] = np.zeros(self.threads, BITS[width(self.types[name])])
            self.unknown[name] = np.ones(self.threads, bool)
        return found

    def lacking(self, names: Iterable[str]) -> Array | None:
        """Threads in which one of the registers has no value; None if all have one everywhere."""
        if not self.unknown:
            return None
        found = [self.unknown[n] for n in names if n in self.unknown]
        return np.logical_or.reduce(found) if found else None

    def write(self, name: str, bits: Array, mask: Array | None, unknown: Array | None) -> None:
        """New bits for the threads in ``mask``, all of them if it is None. Arrays are never changed in place."""
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
        none = np.zeros(self.threads, bool)
        after = np.where(mask, none if unknown is None else unknown, none if before is None else before)
        if after.any():
            self.unknown[name] = after
        else:
            self.unknown.pop(name, None)
