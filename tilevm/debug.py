"""What debugging instructions say: lines that are printed, and the error of an assertion that does not hold."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from tilevm.ir import Value
from tilevm.ir.ops import Assert, Print
from tilevm.source import Note, Span, TileError
from tilevm.types import DType, Scalar, Tile

SETTING = "TILEVM_DEBUG"
Array = np.ndarray[Any, Any]
Place = tuple[int, int, int]


def debugging() -> bool:
    """Whether compiled kernels print and assert: TILEVM_DEBUG is 1."""
    return os.environ.get(SETTING) == "1"


def line(op: Print, place: Place, values: Sequence[Array]) -> str:
    """What a program prints."""
    return told(op.text, place, [(dtype_of(v), held) for v, held in zip(op.values, values, strict=True)])


def told(text: Sequence[str], place: Place, values: Sequence[tuple[DType, Array]]) -> str:
    """The same of parts of text and the values between them."""
    parts = [text[0]]
    for (dtype, held), part in zip(values, text[1:], strict=True):
        parts += [shown(dtype, held), part]
    return f"[{', '.join(map(str, place))}] {''.join(parts)}"


def dtype_of(value: Value) -> DType:
    assert isinstance(value.type, Scalar | Tile)
    return value.type.dtype


def shown(dtype: DType, held: Array) -> str:
    """A number or tile on one line; floats with as many digits as tell them apart."""
    kind = {64: np.float64, 16: np.float16}.get(dtype.bits, np.float32) if dtype.name != "bf16" else np.float32
    data = np.asarray(held).astype(kind) if dtype.is_float else np.asarray(held)
    if not data.shape:
        return str(data[()])
    return re.sub(r"\s*\n\s*", " ", np.array2string(data, separator=", ", max_line_width=1 << 30))


def failure(op: Assert, place: Place, first: Sequence[int]) -> TileError:
    """The error of a condition that is false, first at the element ``first``."""
    return failed(op.message, op.span, place, first)


def failed(message: str, span: Span | None, place: Place, first: Sequence[int]) -> TileError:
    """The same with a message, at a place in the source."""
    where = f", first at element [{', '.join(map(str, first))}] of the condition" if first else ""
    return TileError(
        f"assertion failed: {message}" if message else "assertion failed",
        span,
        notes=[Note(f"in program {place}{where}")],
    )
