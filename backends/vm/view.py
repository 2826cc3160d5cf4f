"""Bits of tiles cut anew."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tilevm.ir import ops
from tilevm.types import DType, Scalar, Tile
from tilevm.types.codec.arrays import code_dtype

from .codes import codes_of, numbers_of
from .machine import Program, step
from .rounding import Array
from .values import Held, Poison, container


@step.rule(ops.View)
def _(op: ops.View, p: Program) -> Sequence[Held]:
    held, kind, made = p.values[op.x], op.x.type, op.result.type
    assert isinstance(kind, Scalar | Tile) and isinstance(made, Scalar | Tile)
    found = recast(Held(np.atleast_1d(held.data), held.poison), kind.dtype, op.to)
    return [Held(found.data.reshape(made.shape), found.poison)]


def recast(held: Held, old: DType, new: DType) -> Held:
    """Elements of one type as those of another, along the last axis."""
    codes = cut(codes_of(old, held.data), old, new)
    poison = held.poison and Poison(touched(held.poison.where, old, new), held.poison.origin)
    return Held(numbers_of(new, codes).astype(container(new)), poison)


def cut(codes: Array, old: DType, new: DType) -> Array:
    """Codes of one width as codes of another, along the last axis."""
    rows = codes.shape[:-1]
    single = np.ascontiguousarray(codes).reshape(*codes.shape, 1)
    bits = np.unpackbits(single.view(np.uint8), axis=-1, count=old.bits, bitorder="little")
    spread = np.zeros((*rows, codes.shape[-1] * old.bits // new.bits, 8 * new.numpy_bytes), np.uint8)
    spread[..., : new.bits] = bits.reshape(*rows, -1, new.bits)
    whole: Array = np.packbits(spread, axis=-1, bitorder="little").view(code_dtype(new))
    return whole[..., 0]


def touched(poison: Array, old: DType, new: DType) -> Array:
    """Which new elements hold a bit of an old one that was never written."""
    if poison.ndim == 0:
        return poison
    bits = np.repeat(poison, old.bits, axis=-1)
    return np.asarray(bits.reshape(*poison.shape[:-1], -1, new.bits).any(axis=-1))
