"""What debugging instructions say: lines that are printed, and the error of an assertion that does not hold."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from tilevm.ir.ops import Assert, Print
from tilevm.source import Note, TileError
from tilevm.types import DType, Scalar, Tile

SETTING = "TILEVM_DEBUG"
Array = np.ndarray[Any, Any]
Place = tuple[int, int, int]


def debugging() -> bool:
    """Whether compiled kernels print and assert: TILEVM_DEBUG is 1."""
    return os.environ.get(SETTING) == "1"


def line(op: Print, place: Place, values: Sequence[Array]) -> str:
    """What a program prints."""
    parts = [op.text[0]]
    for value, held, text in zip(op.values, values, op.text[1:], strict=True):
        assert isinstance(value.type, Scalar | Tile)
        parts += [shown(value.type.dtype, held), text]
    return f"[{', '.join(map(str, place))}] {''.join(parts)}"


def shown(dtype: DType, held: Array) -> str:
    """A number or tile on one line; floats with as many digits as tell them apart."""
    kind = {64: np.float64, 16: np.float16}.get(dtype.bits, np.float32) if dtype.name != "bf16" else np.float32
    data = np.asarray(held).astype(kind) if dtype.is_float else np.asarray(held)
    if not data.shape:
        return str(data[()])
    return re.sub(r"\s*\n\s*", " ", np.array2string(data, separator=", ", max_line_width=1 << 30))


def failure(op: Assert, place: Place, first: Sequence[int]) -> TileError:
    """The error of a condition that is false, first at the element ``first``."""
    where = f", first at element [{', '.join(map(str, first))}] of the condition" if first else ""
    return TileError(
        f"assertion failed: {op.message}" if op.message else "assertion failed",
        op.span,
        notes=[Note(f"in program {place}{where}")],
    )
