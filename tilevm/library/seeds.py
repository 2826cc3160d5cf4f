"""Seeds as kernels take them."""

from __future__ import annotations

from typing import Any

from tilevm.types.codec.encoding import counted


def key(seed: Any) -> int:
    """A seed of 64 bits as the i64 of the same bits, which keys the same stream. Raises TileError for what is none."""
    number = counted(seed, "seed")
    return number - ((number >> 63) << 64)
