"""Which types hold every number of others, so that nothing is rounded on the way."""

from __future__ import annotations

from math import frexp, prod

from tilevm.types.dtype import DType
from tilevm.types.named import bf16, f16, f32


def digits(dtype: DType) -> int:
    """Significant bits that a number of a type may add to a product: powers of two add none."""
    if dtype.is_float:
        return dtype.mantissa_bits + 1 if dtype.mantissa_bits else 0
    return dtype.bits - dtype.signed


def holds(to: DType, *factors: DType) -> bool:
    """Whether a float type holds every product of a number of each type that f32 does not overflow at."""
    lowest = prod(k.smallest_subnormal for k in factors)  # all are multiples of it
    largest = min(prod(float(max(k.max, -k.min)) for k in factors), float(f32.max))
    exact = sum(map(digits, factors)) <= to.mantissa_bits + 1
    return exact and lowest >= to.smallest_subnormal and frexp(largest)[1] <= frexp(to.max)[1]


def meeting(a: DType, b: DType) -> DType | None:
    """The float of 16 bits, else of 32, that holds the numbers of both types; rather one that is one of them."""
    wide = sorted((bf16, f16, f32), key=lambda to: to not in (a, b))
    return next((to for to in wide if holds(to, a) and holds(to, b)), None)
