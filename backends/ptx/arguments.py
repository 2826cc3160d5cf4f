"""Arguments of a call as the emulator takes them: the caller's memory as regions, and a value for each parameter."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tilevm.abi import Entry, KernelAbi, Slot
from tilevm.backend import Argument, Array
from tilevm.types import DType
from tilevm.types.codec import encode

from .emulator import Memory
from .emulator.memory import GAP, Region

STEP = 256  # a region keeps its address modulo this, so what was found aligned is aligned
Passed = int | float


@dataclass(frozen=True)
class Stretch:
    """Bytes of the caller's that some arguments lie in."""

    begin: int
    end: int
    name: str
    writable: bool


def stretches(abi: KernelAbi, given: Sequence[Argument]) -> list[Stretch]:
    """The memory of all arguments; what overlaps is one stretch, so that stores through one name are seen by others."""
    found: list[Stretch] = []
    arrays = [(p.name, a) for p, a in zip(abi.params, given, strict=True) if isinstance(a, Array)]
    for one in sorted((reach(name, a) for name, a in arrays), key=lambda s: s.begin):
        if found and one.begin < found[-1].end:
            last = found.pop()
            name = f"{last.name} and {one.name}"
            one = Stretch(last.begin, max(last.end, one.end), name, last.writable or one.writable)
        if one.end > one.begin:
            found.append(one)
    return found


def reach(name: str, array: Array) -> Stretch:
    """The bytes around an argument that are its owner's."""
    if array.packed:
        bits = array.dtype.bits * (1 + sum((e - 1) * s for e, s in zip(array.shape, array.strides, strict=True)))
        count = 0 if 0 in array.shape else -(-bits // 8)
        return Stretch(array.address, array.address + count, name, array.writable)
    size = array.dtype.numpy_bytes
    begin, end = (array.address + n * size for n in (array.lowest, array.highest))
    return Stretch(begin, end, name, array.writable)


class Passing:
    """The memory of one launch, and the values of its parameters."""

    def __init__(self, abi: KernelAbi, given: Sequence[Argument], step: int = 1) -> None:
        """``step``: bytes of which memory is whole multiples, as that of cards is: a byte is changed by its word."""
        self.abi, self.memory = abi, Memory()
        self.given = dict(zip((p.name for p in abi.params), given, strict=True))
        whole = (replace(s, begin=s.begin // step * step, end=-(-s.end // step) * step) for s in stretches(abi, given))
        self.moved: list[tuple[Stretch, int]] = [(s, self.put(s)) for s in whole]

    def put(self, stretch: Stretch) -> int:
        """Make a stretch a region; how far it moved."""
        count = stretch.end - stretch.begin
        raw: Any = (ctypes.c_char * count).from_address(stretch.begin)
        held = np.frombuffer(raw, np.uint8)
        held.flags.writeable = stretch.writable
        address = -(-self.memory.top // STEP) * STEP + stretch.begin % STEP
        self.memory.regions.append(Region(stretch.name, held, address, filled=True))
        self.memory.top = -(-(address + count + GAP) // STEP) * STEP
        return address - stretch.begin

    def address(self, array: Array) -> int:
        """Where the emulator has element 0 of an argument."""
        for stretch, by in self.moved:
            if stretch.begin <= array.address <= stretch.end:
                return array.address + by
        return self.memory.top  # of nothing at all: nobody may touch it

    def values(self) -> Iterator[Passed]:
        """One value a parameter of the entry, in order."""
        return (self.value(entry) for entry in self.abi.entries)

    def value(self, entry: Entry) -> Passed:
        held = self.given[entry.param]
        if not isinstance(held, Array):
            return number(held, entry.dtype)
        if entry.slot is Slot.POINTER:
            return self.address(held)
        return held.shape[entry.axis] if entry.slot is Slot.EXTENT else held.strides[entry.axis]


def number(value: int | float | bool, dtype: DType) -> Passed:
    """A number by value: floats of few bits as their code."""
    if not dtype.is_float:
        return int(value)
    return float(value) if dtype.name in ("f32", "f64") else int(encode(float(value), dtype, saturate=False))
