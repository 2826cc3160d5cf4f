"""Types of PTX as numpy sees them, and constants as bits."""

from __future__ import annotations

import re
import struct
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

HOLD: dict[str, type[np.generic]] = {  # how a value of a type is seen; 16-bit brains as bits, as numpy has none
    "pred": np.bool_,
    "u8": np.uint8,
    "s8": np.int8,
    "b8": np.uint8,
    "u16": np.uint16,
    "s16": np.int16,
    "b16": np.uint16,
    "f16": np.float16,
    "bf16": np.uint16,
    "u32": np.uint32,
    "s32": np.int32,
    "b32": np.uint32,
    "f32": np.float32,
    "tf32": np.float32,
    "f16x2": np.uint32,
    "bf16x2": np.uint32,
    "e4m3x2": np.uint16,
    "e5m2x2": np.uint16,
    "u64": np.uint64,
    "s64": np.int64,
    "b64": np.uint64,
    "f64": np.float64,
}
BITS: dict[int, type[np.generic]] = {1: np.bool_, 8: np.uint8, 16: np.uint16, 32: np.uint32, 64: np.uint64}
SIGNED: dict[int, type[np.generic]] = {8: np.int8, 16: np.int16, 32: np.int32, 64: np.int64}


def width(kind: str) -> int:
    """Bits of a type; a predicate has 1."""
    return 1 if kind == "pred" else np.dtype(HOLD[kind]).itemsize * 8


def is_float(kind: str) -> bool:
    """Whether arithmetic of a type rounds."""
    return "f" in kind or kind.startswith("e")


def bits_of(value: Array) -> Array:
    """A value as the unsigned number with the same bits."""
    return value if value.dtype == np.bool_ else value.view(BITS[value.dtype.itemsize * 8])


def resize(bits: Array, wanted: int, signed: bool = False) -> Array:
    """Bits cut or stretched to ``wanted`` bits, by the sign if ``signed``."""
    have = bits.dtype.itemsize * 8
    if have == wanted:
        return bits
    if wanted < have or not signed:
        return bits.astype(BITS[wanted])
    return bits.view(SIGNED[have]).astype(SIGNED[wanted]).view(BITS[wanted])


def constant(text: str, kind: str) -> Array:
    """A constant as an array of one value of a type. ``0f...`` and ``0d...`` are bits of floats.

    :raises ValueError: the text is no constant
    """
    if re.match(r"-?0[fF]", text):
        return from_float(struct.unpack(">f", bytes.fromhex(text[-8:]))[0], kind, int(text[-8:], 16))
    if re.match(r"-?0[dD][0-9a-fA-F]{16}$", text):
        return from_float(struct.unpack(">d", bytes.fromhex(text[-16:]))[0], kind, int(text[-16:], 16))
    if "." in text:
        return np.array([float(text)], HOLD[kind])
    digits = text.rstrip("U")
    number = int(digits, 8) if re.fullmatch(r"-?0[0-7]+", digits) else int(digits, 0)
    if kind == "pred":
        return np.array([number != 0])
    if kind in ("f32", "f64") and not text.startswith("0x"):
        return np.array([number], HOLD[kind])
    size = width(kind)
    return np.array([number & ((1 << size) - 1)], BITS[size]).view(HOLD[kind])


def from_float(value: float, kind: str, bits: int) -> Array:
    """A float constant in a type: converted to floats, the bits themselves for others."""
    if kind in ("f32", "f64"):
        return np.array([value], HOLD[kind])
    return np.array([bits & ((1 << width(kind)) - 1)], BITS[width(kind)]).view(HOLD[kind])
