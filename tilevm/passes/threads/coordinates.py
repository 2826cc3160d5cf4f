"""Which element each register of each thread holds, as tables.

The index of an element along a dim is the sum of a part that the thread decides and one that the register does: each
mode of a layout lies on one of the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from tilevm.layout import Layout
from tilevm.layout.mode import REG, THREAD, Mode

Table = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Digit:
    """(number div ``stride``) mod ``extent``, each step worth ``weight``."""

    extent: int
    stride: int
    weight: int


@dataclass(frozen=True, eq=False)
class Places:
    """Where a tile lies. ``threads[d, t]`` + ``registers[d, r]`` is the index along dim d that (t, r) holds.

    ``digits[d]`` make the thread's part; ``copies`` are those in which replicas of one element differ.
    """

    layout: Layout
    threads: Table
    registers: Table
    digits: tuple[tuple[Digit, ...], ...]
    copies: tuple[Digit, ...]

    def exceeds(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The dims in which some register lies beyond a tile of ``shape``."""
        return tuple(d for d, extent in enumerate(shape) if self.layout.shape[d] > extent)


@lru_cache(maxsize=4096)
def places(layout: Layout) -> Places:
    """The tables of a layout on threads and registers: the same of equal layouts, however their modes are grouped."""
    layout = layout.canonical()
    digits = tuple(weighted(modes, THREAD) for modes in layout.dims)
    slots = tuple(weighted(modes, REG) for modes in layout.dims)
    copies = tuple(Digit(mode.extent, mode.stride, 1) for mode in layout.replicas if mode.extent > 1)
    return Places(layout, table(digits, layout.threads), table(slots, layout.registers), digits, copies)


def weighted(modes: tuple[Mode, ...], axis: str) -> tuple[Digit, ...]:
    """The digits of one dim that lie on ``axis``."""
    found, weight = [], 1
    for mode in modes:
        if mode.axis == axis and mode.extent > 1:
            found.append(Digit(mode.extent, mode.stride, weight))
        weight *= mode.extent
    return tuple(found)


def table(digits: tuple[tuple[Digit, ...], ...], count: int) -> Table:
    """int64[dim, number]: what the digits of each number are worth."""
    number = np.arange(count, dtype=np.int64)
    found = np.zeros((len(digits), count), np.int64)
    for row, dim in zip(found, digits, strict=True):
        for digit in dim:
            row += number // digit.stride % digit.extent * digit.weight
    return found


def sources(of: Places, wanted: Table) -> tuple[int, ...]:
    """For each column of ``wanted``, the register of ``of`` whose own part of the index it is."""
    known = {tuple(map(int, index)): register for register, index in reversed(list(enumerate(of.registers.T)))}
    return tuple(known[tuple(map(int, index))] for index in wanted.T)


@lru_cache(maxsize=4096)
def first_owners(shape: tuple[int, ...], layout: Layout) -> tuple[Table, Table]:
    """The first thread and its register that hold each element of a tile, in its shape."""
    at = places(layout)
    index = [at.threads[d][:, None] + at.registers[d][None, :] for d in range(len(shape))]
    inside = np.logical_and.reduce([i < extent for i, extent in zip(index, shape, strict=True)])
    element = np.ravel_multi_index([i[inside] for i in index], shape)
    first = np.zeros(shape, np.int64).ravel()
    first[element[::-1]] = np.flatnonzero(inside)[::-1]
    thread, register = np.divmod(first.reshape(shape), layout.registers)
    return thread, register
