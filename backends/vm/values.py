"""Values of the machine: numbers, and which of them were never written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np

from tilevm.source import Span
from tilevm.types import DType, Kind

from .rounding import Array, round_to

INTEGER = {1: np.int8, 2: np.int16, 4: np.int32, 8: np.int64}
UNSIGNED = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}
NATIVE: dict[str, Any] = {  # floats that numpy converts exactly
    "f64": np.float64,
    "f32": np.float32,
    "f16": np.float16,
    "bf16": ml_dtypes.bfloat16,
}


@dataclass(frozen=True)
class Poison:
    """Which elements were never written, and where the tile comes from."""

    where: Array
    origin: Span | None


@dataclass(frozen=True)
class Held:
    """A number or tile: floats as the float64 that equals them, integers in their container, bool as bool."""

    data: Array
    poison: Poison | None = None


def container(dtype: DType) -> Any:
    """The numpy type that values of ``dtype`` are computed in."""
    if dtype.kind is Kind.BOOL:
        return np.bool_
    if dtype.is_float:
        return np.float64
    return (INTEGER if dtype.kind is Kind.SIGNED else UNSIGNED)[dtype.numpy_bytes]


def in_memory(dtype: DType) -> Any:
    """The numpy type of an element in memory: for other floats than numpy's, that of their codes."""
    if dtype.is_integer:
        return container(dtype)
    return NATIVE.get(dtype.name) or UNSIGNED[dtype.numpy_bytes]


def fit(dtype: DType, data: Array) -> Array:
    """``data`` made a number of ``dtype``: floats rounded, integers wrapped."""
    if dtype.is_float:
        return round_to(dtype, np.asarray(data, np.float64))
    if dtype.kind is Kind.BOOL:
        return np.asarray(data, np.bool_)
    held = np.asarray(data).astype(container(dtype))
    spare = 8 * dtype.numpy_bytes - dtype.bits
    return (held << spare) >> spare if spare else held


def nothing(dtype: DType, shape: tuple[int, ...] = ()) -> Array:
    """What stands where nothing is read: 0, or what 0 becomes in a type without it."""
    return np.broadcast_to(fit(dtype, np.zeros((), container(dtype))), shape).copy()


def merge(*values: Held) -> Poison | None:
    """The poison of a result made element by element."""
    found = [v.poison for v in values if v.poison is not None]
    if not found:
        return None
    return Poison(np.asarray(np.logical_or.reduce(np.broadcast_arrays(*(p.where for p in found)))), found[0].origin)
