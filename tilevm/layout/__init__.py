"""Layouts: one algebra for registers, shared memory and matrix fragments."""

from tilevm.layout.construct import (
    column_local,
    column_major,
    column_spatial,
    local,
    replicate,
    row_major,
    spatial,
    strided,
)
from tilevm.layout.convert import convert
from tilevm.layout.cover import covers
from tilevm.layout.error import LayoutError
from tilevm.layout.layout import Layout
from tilevm.layout.mode import Mode
from tilevm.layout.xor import Swizzle, Xor

__all__ = [
    "Layout",
    "LayoutError",
    "Mode",
    "Swizzle",
    "Xor",
    "column_local",
    "column_major",
    "column_spatial",
    "convert",
    "covers",
    "local",
    "replicate",
    "row_major",
    "spatial",
    "strided",
]
