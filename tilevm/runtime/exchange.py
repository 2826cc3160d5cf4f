"""Memory of cards as others hand it over: the CUDA array interface, and DLPack's capsules."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tilevm.source import TileError
from tilevm.types import DType, row_major
from tilevm.types.foreign import FOREIGN

CUDA = {2, 13}  # DLPack's kinds of memory that cards of CUDA reach: their own, and managed
LEGACY = 1  # the stream that stands for all, as both protocols number it
CODES = {0: "int", 1: "uint", 2: "float", 4: "bfloat", 6: "bool"}  # DLPack's kinds of numbers, named by their bits
WHOLE = {
    7: "float8_e3m4",
    8: "float8_e4m3",
    10: "float8_e4m3fn",
    11: "float8_e4m3fnuz",
    12: "float8_e5m2",
    13: "float8_e5m2fnuz",
    14: "float8_e8m0fnu",
}
READ_ONLY = 1  # a flag of capsules that have a version
NAMES = (b"dltensor_versioned", b"dltensor")


@dataclass(frozen=True)
class Foreign:
    """A tensor in a card's memory. ``strides`` in elements of ``size`` bytes; ``card``: its number, where it is told.

    ``stream``: where the owner's work on it is; 0 where it says that there is none.
    """

    dtype: DType
    size: int
    address: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    card: int | None
    stream: int
    writable: bool
    owner: Any

    @property
    def reach(self) -> tuple[int, int]:
        """The offsets of elements that it has around ``address``, the second excluded."""
        if 0 in self.shape:
            return 0, 0
        spans = [(n - 1) * s for n, s in zip(self.shape, self.strides, strict=True)]
        return sum(s for s in spans if s < 0), 1 + sum(s for s in spans if s > 0)


def of_interface(value: Any, said: Mapping[str, Any], name: str) -> Foreign:
    """What ``__cuda_array_interface__`` says of a value. Raises TileError where no kernel takes such a tensor."""
    if said.get("mask") is not None:
        raise TileError(f"{name} has a mask, and a kernel would not see it", help="pass an array without a mask")
    kind, shape = np.dtype(said["typestr"]), tuple(said["shape"])
    dtype = FOREIGN.get(kind.name) if kind.isnative else None
    if dtype is None:
        raise unknown(name, said["typestr"])
    strides = said.get("strides")
    if strides is None:
        strides = contiguous(shape)
    elif any(s % kind.itemsize for s in strides):
        mend = "pass a copy whose elements lie side by side"
        raise TileError(f"{name} has byte strides {strides}, no multiples of its {kind.itemsize} bytes", help=mend)
    else:
        strides = tuple(s // kind.itemsize for s in strides)
    address, fixed = said["data"]
    return Foreign(dtype, kind.itemsize, address or 0, shape, strides, None, said.get("stream") or 0, not fixed, value)


def contiguous(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(s or 0 for s in row_major(shape))  # all extents are known


def unknown(name: str, what: str) -> TileError:
    return TileError(f"{name} holds {what}", help=f"tensors hold {', '.join(FOREIGN)}")


class Tensor(ctypes.Structure):
    """DLPack's description of a tensor."""

    _fields_ = (
        ("data", ctypes.c_void_p),
        ("device", ctypes.c_int32),
        ("number", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    )


class Versioned(ctypes.Structure):
    """The same in a capsule that has a version."""

    _fields_ = (
        ("major", ctypes.c_uint32),
        ("minor", ctypes.c_uint32),
        ("context", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p),
        ("flags", ctypes.c_uint64),
        ("tensor", Tensor),
    )


def of_dlpack(value: Any, name: str) -> Foreign:
    """A tensor in a card's memory that speaks DLPack.

    Its capsule becomes the owner: it is looked into, not consumed, so that it frees the tensor when it goes.
    """
    try:
        capsule = value.__dlpack__(stream=LEGACY, max_version=(1, 1))
    except TypeError:  # of before versions
        capsule = value.__dlpack__(stream=LEGACY)
    except (BufferError, RuntimeError, ValueError) as error:
        raise TileError(f"{name} cannot be taken over by DLPack: {error}", help="pass a plain tensor") from None
    held, writable = opened(capsule, name)
    kind = WHOLE.get(held.code) or f"{CODES.get(held.code, '?')}{held.bits}"
    dtype = FOREIGN.get("bool" if kind == "bool8" else kind)
    if dtype is None or held.lanes != 1 or held.bits % 8:
        raise unknown(name, f"DLPack's numbers of code {held.code}, {held.bits} bits and {held.lanes} lanes")
    shape = tuple(held.shape[: held.ndim])
    strides = tuple(held.strides[: held.ndim]) if held.strides else contiguous(shape)
    address = (held.data or 0) + held.byte_offset
    return Foreign(dtype, held.bits // 8, address, shape, strides, held.number, LEGACY, writable, capsule)


def opened(capsule: Any, name: str) -> tuple[Tensor, bool]:
    """The tensor that a capsule has, and whether it may be written to."""
    api = ctypes.pythonapi
    valid, pointer = api.PyCapsule_IsValid, api.PyCapsule_GetPointer
    valid.argtypes, pointer.argtypes = [ctypes.py_object, ctypes.c_char_p], [ctypes.py_object, ctypes.c_char_p]
    pointer.restype = ctypes.c_void_p
    for kind in NAMES:
        if valid(capsule, kind):
            at = pointer(capsule, kind)
            if kind == b"dltensor":
                return Tensor.from_address(at), True
            found = Versioned.from_address(at)
            if found.major == 1:
                return found.tensor, not found.flags & READ_ONLY
            raise TileError(
                f"{name} speaks DLPack {found.major}.{found.minor}", help="versions before 2 are understood"
            )
    raise TileError(
        f"{name} gives no capsule of DLPack that can be used", help="a capsule is used once: make a new one"
    )
