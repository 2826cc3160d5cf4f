"""Tensors whose elements lie without gaps: bits taken out of bytes, and put into them, many at once."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np

from tilevm.backend import Array as Argument
from tilevm.types.codec.arrays import code_dtype

from .codes import codes_of, numbers_of
from .memory import Index, Memory
from .rounding import Array
from .values import container

Piece = tuple[Array, Array, Array]  # bytes, how far left each stands in its element, and which elements these are


class PackedMemory(Memory):
    """A packed tensor argument: element i owns the bits from i * bits on, the least significant first."""

    def __init__(self, argument: Argument) -> None:
        self.argument, self.dtype = argument, argument.dtype
        count = -(-prod(argument.shape) * argument.dtype.bits // 8)
        raw: Any = (ctypes.c_char * count).from_address(argument.address) if count else b""
        self.bytes: Array = np.frombuffer(raw, np.uint8)

    def read(self, index: Index) -> Array:
        codes = taken(self.bytes, self.places(index), self.dtype.bits).astype(code_dtype(self.dtype))
        return numbers_of(self.dtype, codes).astype(container(self.dtype))

    def write(self, index: Index, data: Array) -> None:
        at, codes = self.places(index).reshape(-1), codes_of(self.dtype, data).reshape(-1)
        _, last = np.unique(at[::-1], return_index=True)  # of equal places one value stays whole
        put(self.bytes, at[::-1][last], codes[::-1][last], self.dtype.bits)

    def places(self, index: Index) -> Array:
        """The elements that an index of slices or of arrays means, counted from the first."""
        axes = [np.arange(i.start, i.stop) if isinstance(i, slice) else i for i in index]
        if any(isinstance(i, slice) for i in index):
            axes = list(np.ix_(*axes))
        return np.asarray(sum(a * s for a, s in zip(axes, self.argument.strides, strict=True)))


def taken(held: Array, at: Array, width: int) -> Array:
    """The codes (u64) of the elements ``at`` some places in bytes."""
    codes = np.zeros(at.shape, np.uint64)
    for byte, left, which in pieces(at, width):
        codes[which] |= shifted(held[byte].astype(np.uint64), left)
    return codes & ones(width)


def put(held: Array, at: Array, codes: Array, width: int) -> None:
    """Write codes to elements, each named once; bits of no such element stay as they are."""
    codes = codes.astype(np.uint64)
    for byte, left, which in pieces(at, width):
        own = shifted(np.full(byte.shape, ones(width)), -left).astype(np.uint8)
        np.bitwise_and.at(held, byte, ~own)
        np.bitwise_or.at(held, byte, shifted(codes[which], -left).astype(np.uint8))


def pieces(at: Array, width: int) -> Iterator[Piece]:
    """The bytes that elements lie in: the first of each, the second of those that have one, and so on."""
    first, inside = np.divmod(at * width, 8)
    for k in range((width + 14) // 8):
        left = 8 * k - inside
        which = left < width
        yield (first + k)[which], left[which], which


def shifted(x: Array, left: Array) -> Array:
    """u64 shifted left by less than 64 bits, or right where ``left`` is negative."""
    return (x << np.maximum(left, 0).astype(np.uint64)) >> np.maximum(-left, 0).astype(np.uint64)


def ones(width: int) -> np.uint64:
    return np.uint64((1 << width) - 1)
