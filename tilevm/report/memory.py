"""Memory that a kernel writes: kept, put back, and compared."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt

from tilevm.backend import Array
from tilevm.source import TileError
from tilevm.types import DType
from tilevm.types.codec import decode, unpack
from tilevm.types.foreign import ABROAD, ELEMENTS

AnArray = npt.NDArray[Any]
Contents = Mapping[str, bytes]
WHOLE = frozenset(ELEMENTS.values())


def numpy_dtype(of: DType) -> np.dtype[Any]:
    """The dtype of numpy or ml_dtypes that holds ``of``. Raises TileError where none does."""
    if of not in ABROAD:
        raise TileError(f"no numpy array holds {of}", help="tv.packed makes a tensor of any number type")
    return np.dtype(getattr(ml_dtypes, ABROAD[of], None) or ABROAD[of])


@dataclass(frozen=True)
class Difference:
    """The first element that two runs leave unlike, how many there are, and how far the farthest are apart."""

    place: str
    expected: str
    found: str
    count: int
    largest: float

    def __str__(self) -> str:
        more = f"; {self.count} elements differ, by {self.largest:.3g} at most" if self.count > 1 else ""
        return f"{self.place} is {self.found}, not {self.expected}{more}"


class Written:
    """All the memory around the arguments that a kernel writes, by their names."""

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        self.arrays = arrays

    def read(self) -> dict[str, bytes]:
        """What it holds now."""
        return {name: ctypes.string_at(*stretch(a)) for name, a in self.arrays.items()}

    def write(self, contents: Contents) -> None:
        """Put back what :meth:`read` gave."""
        for name, array in self.arrays.items():
            address, size = stretch(array)
            ctypes.memmove(address, contents[name], size)

    def difference(self, expected: Contents, found: Contents, tolerance: float | None = None) -> Difference | None:
        """The first difference: of bits, any NaN being as good as another, or of more than a tolerance.

        ``tolerance`` is a part of the largest finite number in the array, None for that of :func:`allowed`; integers,
        infinities and NaN agree exactly.
        """
        for name, array in self.arrays.items():
            here, there = (elements(array, c[name]) for c in (expected, found))
            apart = unlike(here, there, allowed(array.dtype) if tolerance is None else tolerance)
            if apart.any():
                return describe(name, array, here, there, apart)
        return None


def stretch(array: Array) -> tuple[int, int]:
    """Address and bytes of the memory that the array's owner holds."""
    if array.packed:
        return array.address, -(-array.highest * array.dtype.bits // 8)
    size = array.dtype.numpy_bytes
    return array.address + array.lowest * size, max(0, array.highest - array.lowest) * size


def elements(array: Array, contents: bytes) -> AnArray:
    """The numbers in memory, in a type of numpy's own where that has one of the same bits."""
    if array.packed:
        return decode(unpack(contents, array.dtype, array.highest), array.dtype)
    held = np.frombuffer(contents, numpy_dtype(array.dtype))
    return held if array.dtype in WHOLE else decode(held.view(np.uint8) & ((1 << array.dtype.bits) - 1), array.dtype)


def allowed(of: DType) -> float:
    """The part of the largest number by which two machines may differ, after sums of some hundred products.

    2**10 units in the last place of f32 and f64, which sum at their own width; 8 of the narrower floats, which are
    rounded from f32.
    """
    eps = of.epsilon
    return eps * (2**10 if eps < 2**-20 else 8)


def unlike(expected: AnArray, found: AnArray, tolerance: float = 0.0) -> AnArray:
    """Where two arrays of one dtype differ."""
    bits = f"u{expected.dtype.itemsize}"
    apart = np.asarray(expected.view(bits) != found.view(bits))
    if expected.dtype.kind in "biu" or not apart.any():
        return apart
    x, y = expected.astype(np.float64), found.astype(np.float64)
    apart &= ~(np.isnan(x) & np.isnan(y))
    if tolerance == 0:
        return apart
    finite = np.isfinite(x) & np.isfinite(y)
    bound = tolerance * np.abs(x[finite]).max(initial=0.0)
    with np.errstate(invalid="ignore"):
        return np.asarray(apart & (~finite & (x != y) | finite & (np.abs(x - y) > bound)))


def describe(name: str, array: Array, expected: AnArray, found: AnArray, apart: AnArray) -> Difference:
    """The first of the elements that are apart, in the order of the array's own indices if it has one there."""
    numbers = np.arange(apart.size)
    strides = tuple(s * numbers.itemsize for s in array.strides)
    held = np.ndarray(array.shape, numbers.dtype, numbers, -array.lowest * numbers.itemsize, strides)
    inside = np.argwhere(apart[held])
    if inside.size:
        index = tuple(int(i) for i in inside[0])
        at, place = int(held[index]), f"{name}[{', '.join(map(str, index))}]"
    else:
        at = int(np.argmax(apart))
        place = f"the memory around {name}, {at + array.lowest} elements from its first,"
    x, y = expected[apart], found[apart]
    if expected.dtype.kind in "biu":
        far = max(abs(int(a) - int(b)) for a, b in zip(x, y, strict=True))
    else:
        with np.errstate(invalid="ignore"):
            far = np.nanmax(np.abs(x.astype(np.float64) - y.astype(np.float64)), initial=0.0)
    return Difference(place, str(expected[at]), str(found[at]), int(apart.sum()), float(far))
