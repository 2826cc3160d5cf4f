"""Packed tensors as callers hold them: bytes, and the elements that lie in them without gaps."""

from __future__ import annotations

import ctypes
import operator
import struct
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple

import numpy as np

from tilevm.backend import Array, cards, place
from tilevm.optional import loaded
from tilevm.runtime.arguments import SPECIALISED, Read, Trait, on_card, read, wide
from tilevm.source import TileError
from tilevm.types import DType, dtype as dtype_called, row_major
from tilevm.types.codec.packing import packed_bytes


@dataclass(frozen=True, eq=False, repr=False, slots=True, weakref_slot=True)
class Packed:
    """An argument of kernels made by :func:`packed`: ``buffer`` as it was given, ``dtype`` and ``shape``.

    A copy, and what is unpickled, is packed anew. ``held`` and ``seen``: what
    it is as an argument. ``native``: what native code reads of it, as :func:`told` writes it.
    """

    buffer: Any
    dtype: DType
    shape: tuple[int, ...]
    held: Array
    seen: Trait
    native: bytes

    @property
    def device(self) -> str:
        """Whose memory the buffer is: "cpu", or a card as in "cuda:0"."""
        return self.held.device

    def to(self, device: str) -> Packed:
        """The same on a card, "cuda:0", or in the host's memory, "cpu": itself where it is there already.

        The whole buffer is copied, once, and is there when this returns; its memory goes with the new tensor. Buffers
        of torch become torch's, where torch reaches the card. Raises TileError for what is no card that is here, and
        where it has no room.
        """
        return self if place(device).name == self.device else packed(moved(self.buffer, device), self.dtype, self.shape)

    def reshape(self, *shape: Any) -> Packed:
        """The same elements in another shape, given as a tuple or as ints. Raises TileError where it has more or fewer
        of them."""
        extents = shape_given(shape[0] if len(shape) == 1 else shape)
        if prod(extents) != prod(self.shape):
            raise TileError(
                f"{prod(self.shape)} elements do not make the shape {extents}, which has {prod(extents)}",
                help=f"this tensor is {self.dtype}[{', '.join(map(str, self.shape))}]",
            )
        return packed(self.buffer, self.dtype, extents)

    def __reduce__(self) -> tuple[Callable[..., Packed], tuple[Any, DType, tuple[int, ...]]]:
        return packed, (self.buffer, self.dtype, self.shape)

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """The bytes that the elements take; the buffer may have more."""
        return packed_bytes(prod(self.shape), self.dtype.bits)

    def __repr__(self) -> str:
        return f"<packed {self.dtype}[{', '.join(map(str, self.shape))}] in {self.nbytes} bytes>"


def packed(buffer: Any, dtype: DType | str, shape: int | Sequence[int]) -> Packed:
    """A tensor whose elements lie in the bytes of ``buffer`` without gaps, to be given to a kernel.

    Elements are in row-major order, and element i owns bits i * bits … (i + 1) * bits - 1 of the bytes, its least
    significant bit first, as :func:`tv.pack` puts them. ``buffer``: bytes of numpy, of torch, of what kernels take for
    memory of a card, or of whatever Python reads as such; they are used in place, must be contiguous, and bytes after
    the last element are left alone.
    A kernel's store changes the bits of the elements that it stores, and no others. A signature says
    ``w: u4[K, N] packed``. ``.to("cuda:0")`` copies the tensor to a card, once.

    Raises :class:`TileError` for a buffer that is too short or does not hold bytes, and for negative extents.
    """
    kind, extents = dtype_called(dtype), shape_given(shape)
    held = bytes_of(buffer)
    needed, whole = packed_bytes(prod(extents), kind.bits), held.size * 8 // kind.bits
    if held.size < needed:
        raise TileError(
            f"{kind}[{', '.join(map(str, extents))}] packed takes {needed} bytes, and the buffer has {held.size}",
            help=f"it holds {whole} elements of {kind}",
        )
    strides = [s or 0 for s in row_major(extents)]  # all are known
    pitches = (s * kind.bits for n, s in zip(extents, strides, strict=True) if n > 1 and s != 1)
    aligned = held.address % SPECIALISED == 0 and all(p % (8 * SPECIALISED) == 0 for p in pitches)
    units = (False,) * (len(extents) - 1) + (True,) * bool(extents)
    seen = Trait(kind, units, SPECIALISED if aligned else 1, wide(extents), packed=True)
    if held.device != "cpu":
        seen = on_card(seen, extents, strides, held.device)
    whereabouts = (held.owner, held.writable, True, held.device, held.stream, held.memory)
    array = Array(kind, held.address, extents, tuple(strides), 0, whole, *whereabouts)
    return Packed(buffer, kind, extents, array, seen, told(array, seen))


SIGHTS: dict[Hashable, Hashable] = {}
WORDS = range(-(2**63), 2**63)


def told(array: Array, seen: Trait) -> bytes:
    """Words of 64 bits: the address of :func:`sight`, then address, extents and strides of the tensor.

    The first is 0, and no others follow, where prepared launches leave it to Python: numbers of more than 64 bits, or a
    stream that its owner names.
    """
    numbers = (array.address, *array.shape, *array.strides)
    if array.stream or not all(number in WORDS for number in numbers):
        return bytes(8)
    return struct.pack(f"<{1 + len(numbers)}q", id(sight(array, seen)), *numbers)


def sight(array: Array, seen: Trait) -> Hashable:
    """All of a packed tensor that a kernel is chosen and allowed by, besides its numbers: equal ones are one object.

    On a card its owner's class is part of it, which tells the current stream.
    """
    found = (seen, array.writable, None if array.device == "cpu" else type(array.owner))
    return SIGHTS.setdefault(found, found)


@read.register
def read_packed(value: Packed, name: str) -> Read:
    return value.held, value.seen


def shape_given(shape: Any) -> tuple[int, ...]:
    """Extents as ints; one number is one dimension."""
    parts = shape if isinstance(shape, Sequence) and not isinstance(shape, str) else (shape,)
    try:
        extents = tuple(map(operator.index, parts))
    except TypeError:
        raise TileError(f"a shape holds whole numbers, not {shape!r}", help="as in (K, N)") from None
    if any(e < 0 for e in extents):
        raise TileError(f"the shape {extents} has a negative extent", help="extents count elements")
    return extents


def moved(buffer: Any, device: str) -> Any:
    """The bytes of a buffer in the memory of another device. Raises TileError where it is none with memory."""
    where, held = place(device), bytes_of(buffer)
    if where.name != "cpu" and where.card is None:
        raise TileError(f"device {device!r} has no memory of its own", help='"cpu" is the host, "cuda:0" a card')
    if held.device == where.name:
        return buffer
    if is_torch(buffer) and (where.card is None or buffer.is_cuda or torch_has_cards()):
        return buffer.to(where.name)
    content = host_bytes(held)
    return content if where.card is None else cards(family(where.name)).put(where.card, content)


def torch_has_cards() -> bool:
    torch: Any = loaded("torch")
    return bool(torch.cuda.is_available())


def host_bytes(held: Bytes) -> np.ndarray:
    """Bytes as numpy has them: a view of the host's, which lives no longer than ``held``; of a card's a copy, made when
    the stream of their owner has done all."""
    if held.device != "cpu":
        number = place(held.device).card
        assert number is not None, held.device
        found: np.ndarray = cards(family(held.device)).get(number, held.address, held.size, held.stream)
        return found
    if not held.size:
        return np.empty(0, np.uint8)
    return np.ctypeslib.as_array((ctypes.c_uint8 * held.size).from_address(held.address))


class Bytes(NamedTuple):
    """A row of bytes: where it begins, how long it is, and as :class:`Array` has them what keeps it alive, whether it
    can be written to, whose memory it is, the stream of its owner's work and what holds the memory."""

    address: int
    size: int
    owner: Any
    writable: bool
    device: str = "cpu"
    stream: int = 0
    memory: Any = None


def bytes_of(buffer: Any) -> Bytes:
    """A buffer as a row of bytes."""
    if isinstance(buffer, np.ndarray) or hasattr(buffer, "__dlpack__") or hasattr(buffer, "__cuda_array_interface__"):
        return bytes_of_array(buffer)
    try:
        held = np.frombuffer(buffer, np.uint8)
    except (TypeError, ValueError, BufferError) as error:
        raise TileError(
            f"packed elements lie in bytes, and Python reads none from this {type(buffer).__name__}: {error}",
            help="pass an array of u8, such as tv.pack(tv.encode(x, dtype), dtype)",
        ) from None
    return Bytes(held.__array_interface__["data"][0], held.size, held, held.flags.writeable)


def bytes_of_array(buffer: Any) -> Bytes:
    """The same of an array or tensor of u8, read as an argument of a kernel is."""
    array, seen = read(buffer, "buffer")
    assert isinstance(array, Array) and isinstance(seen, Trait), "arrays are read as such"
    if array.dtype.name != "u8":
        kind = array.dtype
        mend = f"tv.pack(tv.encode(buffer, {kind.name!r}), {kind.name!r}) packs them" if kind.bits < 8 else None
        view = "buffer.view(torch.uint8)" if is_torch(buffer) else "buffer.view(np.uint8)"
        raise TileError(f"packed elements lie in bytes of u8, not in {kind}", help=mend or f"{view} gives them")
    apart = zip(array.shape, array.strides, row_major(array.shape), strict=True)
    if prod(array.shape) and any(n > 1 and stride != wanted for n, stride, wanted in apart):
        raise TileError(
            f"the buffer has strides {array.strides}, and packed elements lie in bytes without gaps",
            help="pass buffer.contiguous()" if is_torch(buffer) else "pass np.ascontiguousarray(buffer)",
        )
    whereabouts = (array.owner, array.writable, array.device, array.stream, array.memory)
    return Bytes(array.address, prod(array.shape), *whereabouts)


def family(device: str) -> str:
    return device.partition(":")[0]


def is_torch(buffer: Any) -> bool:
    torch = loaded("torch")
    return torch is not None and isinstance(buffer, torch.Tensor)
