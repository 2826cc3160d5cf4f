"""How CPython, numpy and torch hold what callers pass, as far as native code reads it.

CPython's layouts are those of its headers (object.h, tupleobject.h, bytesobject.h, floatobject.h, cellobject.h,
descrobject.h) for builds with a global lock, on machines of 64 bits; numpy's are of ndarraytypes.h, which its ABI
fixes; tensors show themselves by DLPack's C exchange API (dlpack.h 1.2 and later). An interpreter whose objects turn
out to be laid out otherwise is left alone.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
import sysconfig
from collections.abc import Iterator
from enum import IntEnum
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from tilevm.optional import loaded
from tilevm.runtime.launch.rows import TensorField, Words
from tilevm.source import TileError

SETTING = "TILEVM_LAUNCH"
WORD = 8  # bytes


class At(IntEnum):
    """Bytes from where an object begins."""

    TYPE = 8
    TUPLE_COUNT, TUPLE_ITEMS = 16, tuple.__basicsize__  # 24, and 32 from Python 3.14 on, which keeps a hash before
    BYTES = bytes.__basicsize__ - 1  # 32; the last byte of that size is the 0 behind the text
    FLOAT = 16
    CELL = 16
    ARRAY_DATA, ARRAY_DIMS, ARRAY_SHAPE, ARRAY_STRIDES, ARRAY_DTYPE, ARRAY_FLAGS = 16, 24, 32, 40, 56, 64


class Array(IntEnum):
    """Flags of numpy's arrays."""

    ALIGNED, WRITEABLE = 0x100, 0x400


class Dl(IntEnum):
    """Words of a DLTensor."""

    DATA, DEVICE, KIND, SHAPE, STRIDES, OFFSET = 0, 1, 2, 3, 4, 5
    WORDS = 6


def address(name: str) -> int:
    """Where a function of CPython begins."""
    found = ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value
    assert found is not None, name
    return found


def environment() -> dict[bytes, bytes] | None:
    """The dict behind ``os.environ``, where it is one."""
    held = getattr(os.environ, "_data", None)
    return held if type(held) is dict and os.name == "posix" else None


@cache
def known() -> bool:
    """Whether this interpreter is one whose objects are laid out as above."""
    return (
        sys.implementation.name == "cpython"
        and not sysconfig.get_config_var("Py_GIL_DISABLED")
        and not hasattr(sys, "getobjects")  # of builds that trace references, whose objects begin with more
        and (sys.maxsize, sys.byteorder) == (2**63 - 1, "little")
        and all(ctypes.string_at(id(sample) + at, len(said)) == said for sample, at, said in samples())
    )


def samples() -> Iterator[tuple[object, int, bytes]]:
    """Objects, how far into them to look, and what has to be there."""
    pair, text, number, array = ("x", "y"), b"some text", 0.1, np.zeros((3, 5), np.int16)[:, 1::2]
    (cell,) = (lambda: pair).__closure__ or ()
    yield pair, At.TYPE, word(id(tuple))
    yield pair, At.TUPLE_COUNT, word(len(pair))
    yield pair, At.TUPLE_ITEMS, b"".join(word(id(item)) for item in pair)
    yield text, At.BYTES, text
    yield number, At.FLOAT, struct.pack("<d", number)
    yield cell, At.CELL, word(id(pair))
    yield array, At.ARRAY_DATA, word(array.ctypes.data)
    yield array, At.ARRAY_DIMS, word(array.ndim)[:4]
    yield array, At.ARRAY_DTYPE, word(id(array.dtype))
    yield array, At.ARRAY_FLAGS, word(Array.ALIGNED | Array.WRITEABLE)[:4]  # of a view that is not contiguous


def word(value: int) -> bytes:
    return value.to_bytes(WORD, "little")


def native() -> bool:
    """Whether launches are prepared; TILEVM_LAUNCH=python leaves them to Python."""
    said = os.environ.get(SETTING, "native")
    if said not in ("native", "python"):
        raise TileError(f"{SETTING} is {said!r}", help="native prepares launches, python goes the long way each time")
    return said == "native" and known() and environment() is not None


class Exchange(ctypes.Structure):
    """DLPackExchangeAPI, as far as it is used."""

    _fields_ = (
        ("major", ctypes.c_uint32),
        ("minor", ctypes.c_uint32),
        ("previous", ctypes.c_void_p),
        ("allocate", ctypes.c_void_p),
        ("managed_from_object", ctypes.c_void_p),
        ("managed_to_object", ctypes.c_void_p),
        ("tensor_from_object", ctypes.c_void_p),
        ("current_stream", ctypes.c_void_p),
    )


class Shown(NamedTuple):
    """How the tensors of one class show themselves, and tell their current stream: functions by address. The next
    three, where they are: whether a tensor requires a gradient, a getter and its closure, or is a lazy negation.
    ``waits``: whether a launch on a stream that is given waits for the work of their owner; torch leaves it to callers.
    """

    kind: type
    take: int
    stream: int
    gradient: int = 0
    closure: int = 0
    negated: int = 0
    waits: bool = True


class Method(ctypes.Structure):
    """PyMethodDef."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


class GetSet(ctypes.Structure):
    """PyGetSetDef."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("get", ctypes.c_void_p),
        ("set", ctypes.c_void_p),
        ("doc", ctypes.c_char_p),
        ("closure", ctypes.c_void_p),
    )


class Member(ctypes.Structure):
    """PyMemberDef."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("kind", ctypes.c_int),
        ("offset", ctypes.c_ssize_t),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


DESCRIBED = 40  # bytes from where a descriptor of a type begins to the pointer to its definition
NO_ARGUMENTS = 0x4  # METH_NOARGS


def definition(descriptor: object, form: Any) -> Any:
    """The C definition behind a getter or a method of a built-in type."""
    where = ctypes.c_void_p.from_address(id(descriptor) + DESCRIBED).value
    assert where is not None, descriptor
    return form.from_address(where)


def slot(kind: type, name: str) -> int:
    """Bytes from where an object of a class begins to the pointer in one of its ``__slots__``."""
    found: int = definition(vars(kind)[name], Member).offset
    return found


API, CAPSULE = "__dlpack_c_exchange_api__", b"dlpack_exchange_api"


def shown(kind: type) -> Shown | None:
    """How tensors of exactly this class show themselves; None where they do not."""
    if kind not in SHOWN:
        SHOWN[kind] = found_in(kind)
    return SHOWN[kind]


SHOWN: dict[type, Shown | None] = {}


def found_in(kind: type) -> Shown | None:
    torch = loaded("torch")
    if torch is not None and issubclass(kind, torch.Tensor):
        return of_torch(torch) if kind is torch.Tensor else None
    if hasattr(kind, "__cuda_array_interface__"):
        return None  # it names a stream, and each tensor may name another
    api = exchange(vars(kind).get(API))
    return None if api is None else Shown(kind, api.tensor_from_object, api.current_stream)


def exchange(capsule: object) -> Exchange | None:
    """The functions in a capsule of the C exchange API, of a version that is known."""
    valid, read = ctypes.pythonapi.PyCapsule_IsValid, ctypes.pythonapi.PyCapsule_GetPointer
    valid.argtypes = read.argtypes = [ctypes.py_object, ctypes.c_char_p]
    read.restype = ctypes.c_void_p
    if not valid(capsule, CAPSULE):
        return None
    found = Exchange.from_address(read(capsule, CAPSULE))
    return found if found.major == 1 else None


def of_torch(torch: Any) -> Shown | None:
    """How torch's own tensors do; None where this torch has no exchange API, or other ways to tell what is refused."""
    api, base = exchange(getattr(torch.Tensor, API, None)), vars(torch._C.TensorBase)
    gradient, negated = base.get("requires_grad"), base.get("is_neg")
    if api is None or (type(gradient).__name__, type(negated).__name__) != ("getset_descriptor", "method_descriptor"):
        return None
    getter, method = definition(gradient, GetSet), definition(negated, Method)
    if method.flags != NO_ARGUMENTS:
        return None
    functions = (api.tensor_from_object, api.current_stream, getter.get, getter.closure or 0, method.function)
    return Shown(torch.Tensor, *functions, waits=False)


def taken(found: Shown, tensor: object) -> tuple[int, int] | None:
    """The words of a DLTensor that say how many dims of which type a tensor has, and on which device; None where it is
    not to be had."""
    room = (ctypes.c_int64 * Dl.WORDS)()
    take = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_void_p)(found.take)
    try:
        refused = take(tensor, ctypes.addressof(room))
    except (BufferError, RuntimeError):  # DLPack has no word for it
        return None
    return None if refused else (room[Dl.KIND], room[Dl.DEVICE])


def record(found: Shown, kind: int, device: int, gradient: bool, lazy: bool) -> Words:
    """The words that TENSOR reads. ``gradient``, ``lazy``: whether such a tensor may require a gradient, or be a lazy
    negation, so that it has to be asked."""
    words = np.zeros(len(TensorField), np.int64)
    words[TensorField.TYPE], words[TensorField.TAKE] = id(found.kind), found.take
    words[TensorField.WORD], words[TensorField.DEVICE] = kind, device
    words[TensorField.NO] = id(False)
    if gradient:
        words[TensorField.GRADIENT], words[TensorField.CLOSURE] = found.gradient, found.closure
    if lazy:
        words[TensorField.NEGATED] = found.negated
    return words
