"""The calling convention of a kernel: one record that backends, headers and loaders read."""

from __future__ import annotations

import ctypes
import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from tilevm.ir import Func
from tilevm.symbolic import Expr
from tilevm.types import DType, Kind, Pointer, Scalar, Tensor, Type, i32, i64, u64
from tilevm.types.codec import encode


class Slot(Enum):
    """What one machine word or number of a call is."""

    POINTER = "pointer"  # the address of element 0
    EXTENT = "extent"  # elements along an axis
    STRIDE = "stride"  # elements between neighbours along an axis
    SCALAR = "scalar"  # a number by value


@dataclass(frozen=True)
class Entry:
    """One slot of a call, in order: which parameter it belongs to, what it is, how wide."""

    param: str
    slot: Slot
    dtype: DType
    axis: int = 0


@dataclass(frozen=True)
class Param:
    """One parameter of the kernel, as the caller sees it."""

    name: str
    type: Type


@dataclass(frozen=True)
class KernelAbi:
    """How a specialised kernel is called.

    Per tensor: its address, then its dynamic extents (i32, or i64 for wide dims), then its dynamic strides (i64, in
    elements; in elements of the type also for packed tensors). Scalars go by value. What was specialised is left out.
    ``grid`` counts the programs per axis; None when the caller says.
    """

    name: str
    params: tuple[Param, ...]
    entries: tuple[Entry, ...]
    grid: tuple[Expr, ...] | None

    @classmethod
    def of(cls, func: Func) -> KernelAbi:
        """The convention of ``func``, from the types of its parameters."""
        return cls.taking(func.name, tuple(Param(p.hint, p.type) for p in func.params), func.grid)

    @classmethod
    def taking(cls, name: str, params: tuple[Param, ...], grid: tuple[Expr, ...] | None) -> KernelAbi:
        """The convention of a kernel with these parameters."""
        return cls(name, params, tuple(e for p in params for e in slots(p)), grid)

    @property
    def dims(self) -> dict[str, tuple[str, int]]:
        """Each dim's name, and the parameter and axis that first bind it."""
        found: dict[str, tuple[str, int]] = {}
        for param in self.params:
            if isinstance(param.type, Tensor):
                for axis, dim in enumerate(param.type.dims):
                    if dim.name is not None:
                        found.setdefault(dim.name, (param.name, axis))
        return found

    def programs(self, names: Mapping[str, int]) -> tuple[int, int, int]:
        """The grid for these dims and integer arguments, as three counts; negative ones count as 0."""
        assert self.grid is not None, "the caller says the grid"
        return pad_grid([axis.evaluate(names) for axis in self.grid])


def slots(param: Param) -> Iterator[Entry]:
    """The slots that a parameter takes in a call."""
    kind = param.type
    if isinstance(kind, Scalar):
        yield Entry(param.name, Slot.SCALAR, kind.dtype)
        return
    assert isinstance(kind, Tensor | Pointer), f"{param.name}: {kind} is no parameter"
    yield Entry(param.name, Slot.POINTER, u64)
    if isinstance(kind, Tensor):
        for axis, dim in enumerate(kind.dims):
            if dim.size is None:
                yield Entry(param.name, Slot.EXTENT, i64 if dim.wide else i32, axis)
        for axis, stride in enumerate(kind.strides):
            if stride is None:
                yield Entry(param.name, Slot.STRIDE, i64, axis)


def pad_grid(counts: Sequence[int]) -> tuple[int, int, int]:
    """One to three counts of programs as three."""
    x, y, z = (max(0, int(n)) for n in (*counts, 1, 1)[:3])
    return x, y, z


SLOT_BYTES = 8
FORMATS = {"f64": "<d", "f32": "<f", "f16": "<e"}


def word(value: int | float | bool, dtype: DType) -> int:
    """A number as the bits of its slot, as an integer of 64 bits; a float beyond the type's range is infinite."""
    if dtype.kind is not Kind.FLOAT:
        return ctypes.c_int64(int(value)).value
    if dtype.name not in FORMATS:
        return int(encode(value, dtype, saturate=False))
    number = float(value)  # of an int that is too large, struct raises an error of its own
    try:
        packed = struct.pack(FORMATS[dtype.name], number)
    except OverflowError:
        packed = struct.pack(FORMATS[dtype.name], math.copysign(math.inf, number))
    return int.from_bytes(packed, "little", signed=len(packed) == SLOT_BYTES)
