"""Shapes of what users pass."""

from __future__ import annotations

from typing import Any

from tilevm.source import TileError


def shape_of(x: Any, what: str) -> tuple[int, ...]:
    """The shape of an array, one axis at least, along which lies ``what``. Raises TileError for what is none."""
    shape = tuple(getattr(x, "shape", ()))
    if not shape:
        raise TileError(f"{what} lie in arrays, not in this {type(x).__name__}", help="pass an array")
    return shape
