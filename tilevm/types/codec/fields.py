"""Where the fields of a float's code lie, and the codes that are no numbers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from tilevm.types.dtype import DType, Specials
from tilevm.types.named import tf32


@dataclass(frozen=True)
class Fields:
    """A code is sign · magnitude · padding. Magnitudes grow with the numbers they stand for.

    ``lowest``: the exponent of the smallest numbers with a hidden one: 1, or 0 in types without zero (f8e8m0).
    ``top``: the magnitude of the largest number. ``beyond``: what overflow becomes: infinity, else NaN, else ``top``.
    ``nan``: None where there is none. ``sign``: the sign's bit in the code, 0 for unsigned types. ``padding``: unused
    low bits (tf32 lies as f32 does).
    """

    exponent_bits: int
    mantissa_bits: int
    bias: int
    lowest: int
    top: int
    beyond: int
    nan: int | None
    sign: int
    negative_zero: bool
    padding: int

    @property
    def magnitude(self) -> int:
        """The mask of the magnitude, once the padding is shifted out."""
        return (1 << (self.exponent_bits + self.mantissa_bits)) - 1


@cache
def fields(dtype: DType) -> Fields:
    """The fields of a float type."""
    exponent, mantissa = dtype.exponent_bits, dtype.mantissa_bits
    infinity = ((1 << exponent) - 1) << mantissa
    nan = {
        Specials.IEEE: infinity | (1 << mantissa >> 1),  # the quiet one
        Specials.NAN_ALL_ONES: (1 << (exponent + mantissa)) - 1,
        Specials.NAN_NEGATIVE_ZERO: 1 << (exponent + mantissa),
        Specials.NONE: None,
    }[dtype.specials]
    beyond = infinity if dtype.has_inf else dtype.largest_code if nan is None else nan
    return Fields(
        exponent_bits=exponent,
        mantissa_bits=mantissa,
        bias=dtype.bias,
        lowest=0 if dtype.without_zero else 1,
        top=dtype.largest_code,
        beyond=beyond,
        nan=nan,
        sign=1 << (exponent + mantissa) if dtype.signed else 0,
        negative_zero=dtype.specials is not Specials.NAN_NEGATIVE_ZERO,
        padding=dtype.bits - (1 + exponent + mantissa) if dtype == tf32 else 0,
    )
