"""Every recipe gives the word of every code, for every pair of types that it says it fits."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import tilevm as tv
from tilevm.source import TileError
from tilevm.types import DType
from tilevm.types.codec import decode, encode
from tilevm.types.recipes import BYTE_TABLES, RECIPES, Recipe, choose, evaluate

TARGETS = (tv.f16, tv.bf16, tv.f32)


def sources() -> list[DType]:
    """Integers of up to 10 bits and every float of up to 9, with all special codes."""
    found = [tv.dtype(f"{s}{n}") for n in range(1, 11) for s in "iu"]
    splits = itertools.product(range(9), range(9), (True, False), ("ieee", "fn", "fnuz", "finite"))
    for exponent, mantissa, signed, specials in splits:
        try:
            found.append(tv.float_(exponent, mantissa, signed, specials))
        except TileError:  # no such type
            continue
    return [dtype for dtype in found if dtype.bits <= 10]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda r: r.name)
@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_every_code(recipe: Recipe, target: DType) -> None:
    served = [source for source in sources() if recipe.fits(source, target)]
    assert served or (recipe.needs and target == tv.f16)
    for source in served:
        codes = np.arange(1 << source.bits).astype(f"u{source.numpy_bytes}")
        found, numbers = evaluate(recipe.steps(source, target), codes, target), decode(codes, source)
        expected = encode(numbers, target, saturate=False)
        wrong = (found != expected) & ~(np.isnan(numbers.astype(float)) & np.isnan(decode(found, target)))
        assert not wrong.any(), (source, np.flatnonzero(wrong)[:5])


def test_choice() -> None:
    def name(source: str, target: DType, *offers: str) -> str | None:
        found = choose(tv.dtype(source), target, offers)
        return found.name if found else None

    assert name("u4", tv.f32, BYTE_TABLES) == "byte tables" and name("u4", tv.f32) == "offset integers"
    assert name("f6e3m2", tv.f16) == "placed fields" and name("f8e5m2", tv.f16) == "placed fields"
    assert name("f8e4m3", tv.f16) is None and name("i9", tv.bf16) is None and name("u4", tv.f64) is None
