"""Codes to numbers."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from tilevm.source import TileError
from tilevm.types.codec.arrays import Array, code_dtype, numbers, own
from tilevm.types.codec.fields import fields
from tilevm.types.dtype import DType
from tilevm.types.lookup import dtype as dtype_called

CHUNK = 1 << 14  # elements


def decode(codes: Any, dtype: DType | str) -> Array:
    """The numbers that ``codes`` stand for in ``dtype``, in the same shape: f64 for floats, bool for bool, i64 for
    integers, and u64 for u64.

    ``codes``: integers from 0 to 2**bits - 1. Bits that the type does not use (the top one of f8ue4m3, the low 13 of
    tf32) are passed over. NaN keeps its sign. Raises :class:`TileError` for what is no code of the type.
    """
    kind = dtype_called(dtype)
    given = checked(codes, kind)
    if kind.is_float:
        return floats(given, kind)
    if kind.is_bool:
        return given.astype(bool)
    if not kind.signed:
        return given.astype(np.int64 if kind.bits < 64 else np.uint64)
    rest = 64 - kind.bits  # the sign is shifted to the top, and back through all bits above
    return np.asarray((given.astype(np.uint64) << np.uint64(rest)).view(np.int64) >> rest)


def checked(codes: Any, dtype: DType) -> Array:
    """Codes as an array of the smallest type that holds those of ``dtype``. Raises TileError for what is none."""
    array = numbers(codes)
    source = own(array)
    if (source is None or source.is_float) and array.size:  # an empty list becomes floats in numpy
        raise TileError(f"codes are integers, not {array.dtype.name}", help="tv.encode makes codes of numbers")
    held = code_dtype(dtype)
    if array.dtype == held and dtype.bits == 8 * dtype.numpy_bytes:
        return array
    wrong = (array < 0) | (array.astype(np.uint64) >> np.uint64(dtype.bits) > 0)
    if wrong.any():
        where = np.unravel_index(int(np.argmax(wrong)), array.shape)
        index = f" at index {', '.join(map(str, where))}" if where else ""
        raise TileError(
            f"the code {int(array[where])}{index} is none of {dtype}: those go from 0 to {2**dtype.bits - 1}",
            help=f"tv.encode(values, {dtype.name!r}) makes codes of numbers",
        )
    return array.astype(held)


def floats(codes: Array, dtype: DType) -> Array:
    """Codes of a float type as f64."""
    if dtype.bits == 64:
        return codes.copy().view(np.float64)
    if dtype.bits == 32:  # f32, and tf32, which lies as f32 does
        used = codes & np.uint32(2**32 - (1 << fields(dtype).padding))
        with np.errstate(invalid="ignore"):  # a signalling NaN becomes a quiet one
            return used.view(np.float32).astype(np.float64)
    table, flat, found = numbers_of(dtype), codes.reshape(-1), np.empty(codes.size)
    for start in range(0, codes.size, CHUNK):
        np.take(table, flat[start : start + CHUNK], out=found[start : start + CHUNK], mode="clip")
    return found.reshape(codes.shape)


@lru_cache(maxsize=64)
def numbers_of(dtype: DType) -> Array:
    """The number of every code of a float type of at most 16 bits, by the definition of a binary float."""
    form, code = fields(dtype), np.arange(1 << dtype.bits)
    magnitude = code & form.magnitude
    field, mantissa = magnitude >> form.mantissa_bits, magnitude & ((1 << form.mantissa_bits) - 1)
    hidden = (field >= form.lowest).astype(np.int64) << form.mantissa_bits
    exponent = np.maximum(field, form.lowest) - form.bias - form.mantissa_bits
    number: Array = np.ldexp((mantissa + hidden).astype(np.float64), exponent)
    if dtype.has_nan:
        number = np.where(magnitude > form.top, np.nan, number)
    if dtype.has_inf:
        number = np.where(magnitude == form.beyond, np.inf, number)
    negative = (code & form.sign) != 0
    number = np.copysign(number, np.where(negative, -1.0, 1.0))
    if not form.negative_zero:
        number[form.sign] = np.nan
    number.flags.writeable = False
    return number
