"""Conversions through shared memory, element by element: of layouts that share no digits, such as 2·3 against 3·2, or
exceed the tile by different numbers."""

from __future__ import annotations

from math import prod

import numpy as np

from tilevm.layout.convert.memory import Banks, Service
from tilevm.layout.convert.plan import Access, Shared
from tilevm.layout.convert.roundtrip import BARRIER, ISSUE, WORD
from tilevm.layout.form import Form
from tilevm.layout.layout import Layout
from tilevm.layout.mode import MEM, REG, THREAD, Mode

PADS = (0, 1, 2, 3)  # elements added to a row


def scattered(first: Form, second: Form, lanes: int, bits: int, banks: Banks, shape: tuple[int, ...]) -> Shared:
    """Row-major memory of a tile, in accesses of one element; lanes that hold nothing of the tile do nothing.

    Rows are padded by as many elements as cost the fewest wavefronts.
    """
    container = max(8, 1 << (bits - 1).bit_length())
    issued = ISSUE * (first.registers + second.registers)
    offers = []
    for pad in PADS:
        memory = row_major(shape, pad)
        write, read = (
            counted(form, memory, lanes, container, services[container // 8])
            for form, services in zip((first, second), banks.sides(), strict=True)
        )
        offers.append(Shared(memory, container, write, read, write.wavefronts + read.wavefronts + issued + BARRIER))
    return min(offers, key=lambda offer: (offer.cost, offer.bytes))


def row_major(shape: tuple[int, ...], pad: int) -> Layout:
    """Offsets with the last dim contiguous, ``pad`` elements behind each run of it."""
    pitch = [prod(shape[dim + 1 : -1]) * (shape[-1] + pad) if dim + 1 < len(shape) else 1 for dim in range(len(shape))]
    return Layout(tuple((Mode(extent, MEM, stride),) for extent, stride in zip(shape, pitch, strict=True)))


def counted(form: Form, memory: Form, lanes: int, container: int, service: Service) -> Access:
    """The wavefronts of the first warp, by enumeration: of every register and phase the fullest bank."""
    size, banks = container // 8, service.line // WORD
    offsets, inside = offsets_of(form, memory, lanes)
    total = fewest = 0
    for group in phases(lanes, tuple(lane for lane in service.lanes if lane < lanes)):
        words = np.where(inside[:, group], offsets[:, group] * size // WORD, -1)
        words.sort(axis=1)
        first = words >= 0
        first[:, 1:] &= words[:, 1:] != words[:, :-1]
        register, place = np.nonzero(first)
        cells = register * banks + words[register, place] % banks
        total += int(np.bincount(cells, minlength=len(words) * banks).reshape(-1, banks).max(axis=1).sum())
        fewest += int((-(-first.sum(axis=1) * WORD // service.line)).sum())
    return Access(1, total, fewest)


def offsets_of(form: Form, memory: Form, lanes: int) -> tuple[np.ndarray, np.ndarray]:
    """int64[register, lane] of the first warp: where what each holds lies in memory; and bool: whether it is of the
    tile."""
    count = min(lanes, form.threads)
    at = {THREAD: np.arange(count)[None, :], REG: np.arange(form.registers)[:, None]}
    found = np.zeros((form.registers, count), np.int64)
    inside = np.ones((form.registers, count), bool)
    for modes, extent, pitch in zip(form.dims, memory.shape, memory.dims, strict=True):
        index, weight = np.zeros((1, 1), np.int64), 1
        for mode in modes:
            if mode.extent > 1 and mode.axis in at:
                index = index + at[mode.axis] // mode.stride % mode.extent * weight
            weight *= mode.extent
        inside &= index < extent
        found += index * pitch[0].stride
    return found, inside


def phases(lanes: int, basis: tuple[int, ...]) -> list[np.ndarray]:
    """The lanes served together: the cosets of what ``basis`` spans."""
    span = {0}
    for lane in basis:
        span |= {other ^ lane for other in span}
    seen: set[int] = set()
    found = []
    for lane in range(lanes):
        if lane not in seen:
            together = sorted(lane ^ other for other in span)
            seen.update(together)
            found.append(np.array(together))
    return found
