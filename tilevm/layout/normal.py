"""The one form among all equal layouts whose offsets are swizzled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain
from math import prod

import numpy as np

from tilevm.layout.error import LayoutError
from tilevm.layout.mode import MEM, Mode, Modes, extent_of, merge
from tilevm.layout.xor import PLAIN, Xor, ones

Dims = tuple[Modes, ...]
INT64 = (1 << 63) - 1  # the bits of an offset in a table
LARGEST_TABLE = 1 << 22  # elements that are enumerated to compare two swizzled layouts


def normal(dims: Dims, xor: Xor) -> tuple[Dims, Xor, bytes]:
    """Merged dims, swizzle and, where these alone do not tell maps apart, all offsets: equal exactly for equal maps.

    Raises LayoutError for more than 2**22 elements whose offsets are not linear over GF(2).
    """
    linear = is_linear(dims)
    xor = xor.within(live_bits(dims, linear))
    if not xor:
        return tuple(merge(modes) for modes in dims), xor, b""
    if linear:
        return *by_images(dims, xor), b""
    unswizzled = plain(dims, xor)
    if unswizzled is not None and all(mode.axis == MEM for mode in chain(*dims)):
        return unswizzled, PLAIN, b""
    return others(dims), PLAIN, offsets(dims, xor).tobytes()


def live(dims: Dims, xor: Xor) -> Xor:
    """``xor`` without the source bits that no offset sets."""
    return xor.within(live_bits(dims, is_linear(dims)))


def largest(dims: Dims, xor: Xor) -> int:
    """The largest swizzled offset. Raises LayoutError as ``normal`` does."""
    if not is_linear(dims):
        return int(offsets(dims, xor).max())
    found = 0
    for image in sorted((xor(stride) for stride in halves(dims)), reverse=True):
        found = max(found, found ^ image)  # highest bits differ, so the greedy choice is the best
    return found


def by_images(dims: Dims, xor: Xor) -> tuple[Dims, Xor]:
    """The form of a map that is linear over GF(2): it is fixed by the image of each index bit.

    If the images are disjoint, no swizzle is left. Otherwise each has a highest bit of its own, since a swizzle keeps
    highest bits: that bit is taken as the stride, and what is below it is the swizzle.
    """
    images = [xor(stride) for stride in halves(dims)]
    if sum(images) == joined(images):
        return tuple(merge(with_strides(modes, xor)) for modes in dims), PLAIN
    rows: dict[int, int] = {}
    for image in images:
        top = image.bit_length() - 1
        for target in ones(image ^ (1 << top) if image else 0):
            rows[target] = rows.get(target, 0) | 1 << top
    return tuple(merge(with_strides(modes, highest)) for modes in dims), Xor(tuple(rows.items()))


def highest(stride: int) -> int:
    return 1 << (stride.bit_length() - 1) if stride else 0


def is_linear(dims: Dims) -> bool:
    """Whether the offsets are linear over GF(2): all extents powers of two, and no carry between index bits."""
    on_mem = [mode for mode in chain(*dims) if mode.axis == MEM and mode.extent > 1 and mode.stride]
    if any(mode.extent & (mode.extent - 1) for mode in on_mem):
        return False
    strides = list(halves(dims))
    return sum(strides) == joined(strides)


def joined(masks: list[int]) -> int:
    """The bits that any of ``masks`` sets."""
    found = 0
    for mask in masks:
        found |= mask
    return found


def live_bits(dims: Dims, linear: bool) -> int:
    """The offset bits that some element sets: exact where linear, else all below the largest offset."""
    if linear:
        return joined(list(halves(dims)))
    largest = sum((mode.extent - 1) * mode.stride for mode in chain(*dims) if mode.axis == MEM)
    return (1 << largest.bit_length()) - 1


def halves(dims: Dims) -> Iterator[int]:
    """The strides on mem of all index bits that move there; only where extents are powers of two."""
    for mode in chain(*dims):
        if mode.axis == MEM and mode.stride:
            for bit in range(mode.extent.bit_length() - 1):
                yield mode.stride << bit


def split(mode: Mode) -> Iterator[Mode]:
    """A mode of a power of two as modes of two."""
    for bit in range(mode.extent.bit_length() - 1):
        yield Mode(2, mode.axis, mode.stride << bit)


def with_strides(modes: Modes, change: Callable[[int], int]) -> Iterator[Mode]:
    """``modes`` with those on mem split into bits, each stride as ``change`` makes it."""
    for mode in modes:
        if mode.axis != MEM or not mode.stride:
            yield mode
        else:
            yield from (Mode(2, MEM, change(bit.stride)) for bit in split(mode))


def plain(dims: Dims, xor: Xor) -> Dims | None:
    """The merged modes of the same map without a swizzle, where there are such, by enumeration."""
    shape = tuple(extent_of(modes) for modes in dims)
    table = offsets(dims, xor).reshape(shape[::-1])
    found: list[Modes] = []
    total = np.zeros((), np.int64)
    for dim in range(len(dims)):
        along = table[tuple(slice(None) if axis == len(dims) - 1 - dim else 0 for axis in range(len(dims)))]
        modes = modes_of(along)
        if modes is None:
            return None
        found.append(modes)
        total = total[None] + along.reshape(-1, *[1] * dim)
    return tuple(found) if np.array_equal(table, total) else None


def modes_of(table: np.ndarray) -> Modes | None:
    """The modes on mem that give ``table``, int64[n] from 0 on, if any do: the longest runs, which are unique."""
    modes: list[Mode] = []
    while len(table) > 1:
        stride = int(table[1])
        breaks = np.flatnonzero(table != np.arange(len(table)) * stride)
        extent = int(breaks[0]) if len(breaks) else len(table)
        if stride < 0 or len(table) % extent:
            return None
        rest = table[::extent]
        if not np.array_equal(table.reshape(-1, extent), rest[:, None] + np.arange(extent) * stride):
            return None
        modes.append(Mode(extent, MEM, stride))
        table = rest
    return tuple(modes)


def others(dims: Dims) -> Dims:
    """``dims`` with mem left out, each extent kept."""
    return tuple(merge(replace(mode, stride=0) if mode.axis == MEM else mode for mode in modes) for modes in dims)


def offsets(dims: Dims, xor: Xor) -> np.ndarray:
    """int64[size]: the offset on mem of each element, dim 0 fastest. Raises LayoutError beyond 2**22 elements."""
    size = prod(extent_of(modes) for modes in dims)
    if size > LARGEST_TABLE:
        raise LayoutError(f"a layout of {size} elements is not enumerated: {LARGEST_TABLE} at most")
    found = np.zeros(1, np.int64)
    for mode in chain(*dims):
        step = mode.stride if mode.axis == MEM else 0
        found = (found[None, :] + np.arange(mode.extent)[:, None] * step).ravel()
    return swizzled(found, xor)


def swizzled(found: np.ndarray, xor: Xor) -> np.ndarray:
    """``xor`` of each offset: the rows whose sources lie as far above their targets flip bits together."""
    targets: dict[int, int] = {}  # by how far above a source lies
    for target, sources in xor.rows:
        for source in ones(sources & INT64):
            targets[source - target] = targets.get(source - target, 0) | 1 << target
    flipped = found
    for far, mask in targets.items():
        flipped = flipped ^ (found >> far & mask)
    return flipped
