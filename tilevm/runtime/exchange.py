"""Memory of cards as others hand it over: the CUDA array interface, and DLPack's capsules."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass
from operator import index
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
ADDRESSES = 1 << 64  # of bytes, and of streams
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


def of_interface(value: Any, said: Mapping[str, Any], name: str) -> Foreign:
    """What ``__cuda_array_interface__`` says of a value. Raises TileError where no kernel takes such a tensor."""
    try:
        kind, shape, strides = np.dtype(said["typestr"]), whole(said["shape"]), said.get("strides")
        address, fixed = said["data"]
        address, strides = index(address or 0), strides if strides is None else whole(strides)
        stream, masked = said.get("stream"), said.get("mask") is not None
        stream = stream if stream is None else index(stream)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        mend = "it is a dict with shape, typestr, data and version, as CuPy and numba write it"
        raise TileError(f"{name} has a __cuda_array_interface__ that cannot be read: {error!r}", help=mend) from None
    for wrong, what in (
        (min(shape, default=0) < 0, f"the shape {shape}, and extents count from 0"),
        (strides is not None and len(strides) != len(shape), f"the strides {strides} of a tensor of shape {shape}"),
        (not 0 <= address < ADDRESSES, f"the address {address:#x}, and addresses have 64 bits"),
        (
            stream is not None and not 0 < stream < ADDRESSES,
            f"the stream {stream}: 1 and 2 are CUDA's own, others handles",
        ),
    ):
        if wrong:
            raise TileError(f"{name} has a __cuda_array_interface__ with {what}", help="mend the object that tells it")
    if masked:
        raise TileError(f"{name} has a mask, and a kernel would not see it", help="pass an array without a mask")
    dtype = FOREIGN.get(kind.name) if kind.isnative else None
    if dtype is None:
        raise unknown(name, said["typestr"])
    if strides is None:
        strides = contiguous(shape)
    elif any(s % kind.itemsize for s in strides):
        mend = "pass a copy whose elements lie side by side"
        raise TileError(f"{name} has byte strides {strides}, no multiples of its {kind.itemsize} bytes", help=mend)
    else:
        strides = tuple(s // kind.itemsize for s in strides)
    return Foreign(dtype, kind.itemsize, address, shape, strides, None, stream or 0, not fixed, value)


def whole(numbers: Any) -> tuple[int, ...]:
    """Whole numbers. Raises TypeError where one is none."""
    return tuple(map(index, numbers))


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
    capsule = capsule_of(value, name)
    held, writable = opened(capsule, name)
    kind = WHOLE.get(held.code) or f"{CODES.get(held.code, '?')}{held.bits}"
    dtype = FOREIGN.get("bool" if kind == "bool8" else kind)
    if dtype is None or held.lanes != 1 or held.bits % 8:
        raise unknown(name, f"DLPack's numbers of code {held.code}, {held.bits} bits and {held.lanes} lanes")
    shape = tuple(held.shape[: max(held.ndim, 0)])
    if held.ndim < 0 or min(shape, default=0) < 0:
        what = f"the shape {shape}" if shape else f"{held.ndim} dimensions"
        raise TileError(f"{name} gives DLPack {what}, and extents count from 0", help="mend the object that tells it")
    strides = tuple(held.strides[: held.ndim]) if held.strides else contiguous(shape)
    address = (held.data or 0) + held.byte_offset
    return Foreign(dtype, held.bits // 8, address, shape, strides, held.number, LEGACY, writable, capsule)


def capsule_of(value: Any, name: str) -> Any:
    """What a tensor gives for DLPack, ready on the default stream."""
    told: Exception = TypeError()
    for more in ({"max_version": (1, 1)}, {}):  # the second for those of before versions
        try:
            return value.__dlpack__(stream=LEGACY, **more)
        except TypeError as error:
            told = error
        except Exception as error:  # what an object raises that somebody wrote
            told = error
            break
    raise TileError(f"{name} cannot be taken over by DLPack: {told}", help="pass a plain tensor") from told


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
