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
from tilevm.layout.cute import (
    coalesce,
    complement,
    composition,
    left_inverse,
    logical_divide,
    logical_product,
    right_inverse,
    zipped_divide,
)
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
    "coalesce",
    "column_local",
    "column_major",
    "column_spatial",
    "complement",
    "composition",
    "convert",
    "covers",
    "left_inverse",
    "local",
    "logical_divide",
    "logical_product",
    "replicate",
    "right_inverse",
    "row_major",
    "spatial",
    "strided",
    "zipped_divide",
]
