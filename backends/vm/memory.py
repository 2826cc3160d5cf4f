"""Global memory as the machine sees it: arguments, boxes, single elements."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tilevm.backend import Array as Argument
from tilevm.types import DType

from .rounding import Array
from .values import Held, container, in_memory


@dataclass(frozen=True)
class Box:
    """The part of a tile that lies inside a tensor: where in the tile, and where in the tensor."""

    tile: tuple[slice, ...]
    tensor: tuple[slice, ...]


class Memory:
    """One tensor or pointer argument, as an array over the caller's memory."""

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
            out[box.tile] = decoded(self.dtype, self.view[box.tensor])
        return Held(out)

    def store(self, offsets: Sequence[int], data: Array) -> None:
        box = self.inside(offsets, data.shape)
        if all(s.stop > s.start for s in box.tensor):
            self.view[box.tensor] = encoded(self.dtype, data[box.tile])


def decoded(dtype: DType, data: Array) -> Array:
    """Elements of memory as the machine computes with them."""
    return (data != 0) if dtype.is_bool else data.astype(container(dtype))


def encoded(dtype: DType, data: Array) -> Array:
    """Numbers of ``dtype`` as they lie in memory; exact, as they were rounded before."""
    with np.errstate(all="ignore"):
        return np.asarray(data).astype(in_memory(dtype))
