"""Codes to bytes without gaps, and back."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any

import numpy as np

from tilevm.source import TileError
from tilevm.types.codec.arrays import Array, code_dtype, numbers
from tilevm.types.codec.decoding import checked
from tilevm.types.dtype import DType
from tilevm.types.lookup import dtype as dtype_called

GROUP = 8  # codes of w bits fill w bytes
CHUNK = 1 << 11  # groups


def pack(codes: Any, dtype: DType | str) -> Array:
    """Codes, in row-major order, without gaps between them: ceil(n * bits / 8) bytes.

    Element i owns bits i * bits … (i + 1) * bits - 1 of the stream, its least significant bit first; bit k of the
    stream is bit k % 8 of byte k // 8. Elements may straddle bytes. The last byte is filled up with zeros. Raises
    :class:`TileError` for what is no code of ``dtype``.
    """
    kind = dtype_called(dtype)
    given = checked(codes, kind).reshape(-1)
    count, width = given.size, kind.bits
    groups = -(-count // GROUP)
    whole = np.zeros((groups, GROUP), given.dtype)
    whole.reshape(-1)[:count] = given
    packed = np.zeros((groups, width), np.uint8)
    for start in range(0, groups, CHUNK):
        source, target = whole[start : start + CHUNK], packed[start : start + CHUNK]
        for element, byte, shift in pieces(width):
            target[:, byte] |= shifted(source[:, element], -shift).astype(np.uint8)
    return packed.reshape(-1)[: packed_bytes(count, width)]


def unpack(buffer: Any, dtype: DType | str, count: int) -> Array:
    """The first ``count`` codes of packed bytes, in the smallest unsigned type of numpy that holds them.

    ``buffer``: bytes, or an array of them, laid out as :func:`pack` does; bytes after the last code are passed over.
    Raises :class:`TileError` when there are too few.
    """
    kind, given = dtype_called(dtype), as_bytes(buffer)
    wanted, width, held = whole_number(count), kind.bits, code_dtype(kind)
    if (needed := packed_bytes(wanted, width)) > given.size:
        raise TileError(
            f"{wanted} elements of {kind} take {needed} bytes, and the buffer has {given.size}",
            help=f"it holds {given.size * 8 // width} elements",
        )
    groups = -(-wanted // GROUP)
    packed = np.zeros((groups, width), np.uint8)
    packed.reshape(-1)[:needed] = given[:needed]
    codes = np.zeros((groups, GROUP), held)
    for start in range(0, groups, CHUNK):
        source, target = packed[start : start + CHUNK], codes[start : start + CHUNK]
        for element, byte, shift in pieces(width):
            target[:, element] |= shifted(source[:, byte].astype(held), shift)
        target &= held((1 << width) - 1)
    return codes.reshape(-1)[:wanted]


def pieces(width: int) -> Iterator[tuple[int, int, int]]:
    """Which elements of a group share bits with which of its bytes, and how far left the byte stands in the element."""
    for element in range(GROUP):
        begin, end = element * width, (element + 1) * width
        for byte in range(begin // 8, -(-end // 8)):
            yield element, byte, 8 * byte - begin


def shifted(x: Array, left: int) -> Array:
    """``x`` shifted left, or right where ``left`` is negative."""
    return np.asarray(x << x.dtype.type(left) if left >= 0 else x >> x.dtype.type(-left))


def packed_bytes(count: int, width: int) -> int:
    return -(-count * width // 8)


def as_bytes(buffer: Any) -> Array:
    """A buffer as a row of bytes."""
    if isinstance(buffer, bytes | bytearray | memoryview):
        try:
            return np.frombuffer(buffer, np.uint8)
        except BufferError as error:
            raise TileError(f"packed elements lie in bytes without gaps: {error}", help="pass bytes(buffer)") from None
    array = numbers(buffer)
    if array.dtype != np.uint8:
        raise TileError(f"packed elements lie in bytes, not in {array.dtype.name}", help=".view(np.uint8) gives bytes")
    return array.reshape(-1)


def whole_number(count: Any) -> int:
    try:
        number = operator.index(count)
    except TypeError:
        raise TileError(f"the count is an integer, not {count!r}") from None
    if number < 0:
        raise TileError(f"the count is {number}, and cannot be negative")
    return number
