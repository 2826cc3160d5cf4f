"""Tensors on a card that show themselves to native code by DLPack's C exchange API."""

from __future__ import annotations

import ctypes
from typing import Any

from tests.cuda.standin import OnCard, Stub
from tests.runtime.capsules import Exporter
from tilevm.runtime.exchange import Tensor
from tilevm.runtime.launch import objects
from tilevm.runtime.launch.objects import API, SHOWN, Exchange

CODES = {"f": 2, "i": 0, "u": 1, "b": 6}
TAKE = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_void_p)
CURRENT = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int32, ctypes.c_int32, ctypes.c_void_p)


class Shown(OnCard):
    """A tensor that stands for torch's; ``order`` is the stream that is current."""

    order = 0
    asked = 0  # how often the stream was asked for


class Named(OnCard):
    """A tensor whose class has the functions, and an interface by which each names the stream of its owner's work."""


class Lent(Exporter):
    """A tensor whose class has the functions, and gives capsules besides."""

    def __init__(self, address: int, like: Any) -> None:
        super().__init__(address, like.shape)
        self.like = like


class Other(Lent):
    """One of another owner."""


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
for kind in (Named, Lent, Other):
    setattr(kind, API, capsule(ctypes.addressof(FILLED), ctypes.addressof(NAME), None))
SHOWN[Shown] = objects.Shown(Shown, *POINTERS, waits=False)


def put(stub: Stub, array: Any) -> Shown:
    """A copy of an array in the card's memory."""
    held = stub.put(array)
    return Shown(stub, held.address, array)
