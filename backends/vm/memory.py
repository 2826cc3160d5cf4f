"""Global memory as the machine sees it: arguments, boxes, single elements."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tilevm.backend import Array as Argument
from tilevm.types import DType

from .codes import codes_of, numbers_of
from .rounding import Array
from .values import NATIVE, Held, container, fit, in_memory

Index = tuple[slice, ...] | tuple[Array, ...]  # of a tensor, as numpy takes it: a box, or element by element


@dataclass(frozen=True)
class Box:
    """The part of a tile that lies inside a tensor: where in the tile, and where in the tensor."""

    tile: tuple[slice, ...]
    tensor: tuple[slice, ...]


class Memory:
    """A tensor or pointer argument whose elements begin at bytes, as an array over the caller's memory."""

    def __init__(self, argument: Argument) -> None:
        self.argument = argument
        self.dtype = argument.dtype
        kind = np.dtype(in_memory(argument.dtype))
        size = kind.itemsize
        low = argument.address + argument.lowest * size
        count = argument.highest - argument.lowest
        raw = (ctypes.c_char * max(0, count * size)).from_address(low) if count > 0 else b""
        self.elements: Array = np.frombuffer(raw, kind)
        strides = tuple(s * size for s in argument.strides)
        empty = 0 in argument.shape
        start = -argument.lowest * size
        self.view: Array = (
            np.empty(argument.shape, kind)
            if empty
            else np.ndarray(argument.shape, kind, raw, start, strides)  # checked by numpy against the memory
        )

    def inside(self, offsets: Sequence[int], shape: Sequence[int]) -> Box:
        """The overlap of a box with the tensor; empty slices where there is none."""
        tile, tensor = [], []
        for at, size, extent in zip(offsets, shape, self.argument.shape, strict=True):
            first, last = max(0, at), min(extent, at + size)
            last = max(first, last)
            tensor.append(slice(first, last))
            tile.append(slice(first - at, last - at))
        return Box(tuple(tile), tuple(tensor))

    def load(self, offsets: Sequence[int], shape: Sequence[int], other: Array) -> Held:
        out = np.broadcast_to(other, shape).copy()
        box = self.inside(offsets, shape)
        if all(s.stop > s.start for s in box.tensor):
            out[box.tile] = self.read(box.tensor)
        return Held(out)

    def store(self, offsets: Sequence[int], data: Array) -> None:
        box = self.inside(offsets, data.shape)
        if all(s.stop > s.start for s in box.tensor):
            self.write(box.tensor, data[box.tile])

    def read(self, index: Index) -> Array:
        """The elements at places that lie inside."""
        return decoded(self.dtype, self.view[index])

    def write(self, index: Index, data: Array) -> None:
        """Numbers of the tensor's type put there."""
        self.view[index] = encoded(self.dtype, data)


def decoded(dtype: DType, data: Array) -> Array:
    """Elements of memory as the machine computes with them; bits that the type does not use are passed over."""
    if dtype.is_bool:
        return np.asarray(data != 0)
    if not dtype.is_float:
        return fit(dtype, data)
    with np.errstate(invalid="ignore"):  # signalling NaN
        return data.astype(container(dtype)) if dtype.name in NATIVE else numbers_of(dtype, data)


def encoded(dtype: DType, data: Array) -> Array:
    """Numbers of ``dtype`` as they lie in memory, integers with their sign above them; exact, as they were rounded."""
    if dtype.is_float and dtype.name not in NATIVE:
        return codes_of(dtype, np.asarray(data))
    with np.errstate(all="ignore"):
        return np.asarray(data).astype(in_memory(dtype))
