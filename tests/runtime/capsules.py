"""DLPack's capsules, made by hand: of any device, version and number type; they tell when they are freed."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

from tilevm.runtime.exchange import Tensor, Versioned

DESTRUCTOR = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
ALIVE: dict[int, Any] = {}  # what capsules that are not freed point at


class Exporter:
    """A tensor of another library's. ``freed``: how many of its capsules were; ``streams``: what it was asked for."""

    def __init__(
        self,
        address: int,
        shape: Sequence[int],
        strides: Sequence[int] | None = None,
        number: tuple[int, int, int] = (2, 32, 1),
        device: tuple[int, int] = (2, 0),
        version: tuple[int, int] | None = (1, 0),
        flags: int = 0,
        offset: int = 0,
    ) -> None:
        """``number``: code, bits, lanes; ``version``: None for a capsule without one."""
        self.address, self.shape, self.strides, self.number = address, shape, strides, number
        self.device, self.version, self.flags, self.offset = device, version, flags, offset
        self.freed, self.streams = 0, list[Any]()
        self.name = b"dltensor" if version is None else b"dltensor_versioned"

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.device

    def __dlpack__(self, stream: Any = None, **more: Any) -> Any:
        if more and self.version is None:
            raise TypeError("of before versions")
        self.streams.append(stream)
        count = len(self.shape)
        extents = (ctypes.c_int64 * count)(*self.shape)
        steps = None if self.strides is None else (ctypes.c_int64 * count)(*self.strides)
        tensor = Tensor(self.address, *self.device, count, *self.number, extents, steps, self.offset)
        held: Any = tensor if self.version is None else Versioned(*self.version, None, None, self.flags, tensor)
        end = DESTRUCTOR(self.end)
        ALIVE[id(self)] = (extents, steps, held, end)
        make = ctypes.pythonapi.PyCapsule_New
        make.restype, make.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, DESTRUCTOR]
        return make(ctypes.addressof(held), self.name, end)

    def end(self, capsule: int) -> None:
        """A capsule goes: who had consumed it would have renamed it, and freed the tensor."""
        valid = ctypes.pythonapi.PyCapsule_IsValid
        self.freed += ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p)(
            ctypes.cast(valid, ctypes.c_void_p).value
        )(capsule, self.name)
