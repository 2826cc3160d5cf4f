"""Tensors on a card that show themselves to native code by DLPack's C exchange API, as torch's do."""

from __future__ import annotations

import ctypes
from typing import Any

from tests.cuda.standin import OnCard, Stub
from tilevm.runtime.exchange import Tensor
from tilevm.runtime.launch.objects import API, Exchange

CODES = {"f": 2, "i": 0, "u": 1, "b": 6}
TAKE = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_void_p)
CURRENT = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int32, ctypes.c_int32, ctypes.c_void_p)


class Shown(OnCard):
    """A tensor whose class has the functions; ``order`` is the stream that is current."""

    order = 0
    asked = 0  # how often the stream was asked for


def take(value: Any, where: int) -> int:
    like = value.like
    extents = (ctypes.c_int64 * like.ndim)(*like.shape)
    steps = (ctypes.c_int64 * like.ndim)(*(s // like.itemsize for s in like.strides))
    value.shown = (extents, steps)
    number = (CODES[like.dtype.kind], 8 * like.itemsize, 1)
    made = Tensor(value.address, 2, 0, like.ndim, *number, extents, steps, 0)
    ctypes.memmove(where, ctypes.addressof(made), ctypes.sizeof(made))
    return 0


def current(kind: int, number: int, where: int) -> int:
    Shown.asked += 1
    ctypes.c_int64.from_address(where).value = Shown.order
    return 0


FUNCTIONS = TAKE(take), CURRENT(current)
POINTERS = [ctypes.cast(f, ctypes.c_void_p).value for f in FUNCTIONS]
FILLED = Exchange(1, 2, None, None, None, None, *POINTERS)
capsule = ctypes.pythonapi.PyCapsule_New
capsule.restype, capsule.argtypes = ctypes.py_object, [ctypes.c_void_p] * 3
NAME = ctypes.create_string_buffer(b"dlpack_exchange_api")  # a capsule points at its name
setattr(Shown, API, capsule(ctypes.addressof(FILLED), ctypes.addressof(NAME), None))


def put(stub: Stub, array: Any) -> Shown:
    """A copy of an array in the card's memory."""
    held = stub.put(array)
    return Shown(stub, held.address, array)
