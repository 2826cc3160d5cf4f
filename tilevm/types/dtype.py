"""Number types: one frozen record holds everything that is true of a type."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from functools import cached_property


class Kind(Enum):
    """The family of a number type."""

    BOOL = "bool"
    SIGNED = "signed"
    UNSIGNED = "unsigned"
    FLOAT = "float"


class Specials(Enum):
    """How the codes of a float's top exponent are spent."""

    IEEE = "ieee"  # ±inf and NaN
    NAN_ALL_ONES = "fn"  # no inf; only exponent and mantissa all ones are NaN (OCP f8e4m3)
    NAN_NEGATIVE_ZERO = "fnuz"  # no inf, no -0; the code of -0 is NaN
    NONE = "finite"  # every code is a number


@dataclass(frozen=True)
class DType:
    """A number type of ``bits`` bits.

    Floats have ``exponent_bits`` and ``mantissa_bits`` (without the hidden one), a ``bias``, a sign bit or not,
    and :class:`Specials`. Integers and ``bool`` leave these at zero. Two dtypes are equal when their facts are.
    """

    name: str
    bits: int
    kind: Kind
    exponent_bits: int = 0
    mantissa_bits: int = 0
    bias: int = 0
    signed: bool = True
    specials: Specials = Specials.NONE

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"tilevm.{self.name}"

    @property
    def is_float(self) -> bool:
        return self.kind is Kind.FLOAT

    @property
    def is_integer(self) -> bool:
        """Signed or unsigned; ``bool`` is neither."""
        return self.kind in (Kind.SIGNED, Kind.UNSIGNED)

    @property
    def is_bool(self) -> bool:
        return self.kind is Kind.BOOL

    @property
    def has_inf(self) -> bool:
        return self.specials is Specials.IEEE and self.is_float

    @property
    def has_nan(self) -> bool:
        return self.is_float and self.specials is not Specials.NONE

    @cached_property
    def max(self) -> float | int:
        """The largest finite value."""
        if not self.is_float:
            return (1 << (self.bits - (self.kind is Kind.SIGNED))) - 1
        return self._value(self.largest_code >> self.mantissa_bits, self.largest_code & ((1 << self.mantissa_bits) - 1))

    @property
    def largest_code(self) -> int:
        """The code of a float's ``max``, without sign."""
        if self.specials is Specials.IEEE:  # the top exponent is spent on inf and NaN
            return (((1 << self.exponent_bits) - 1) << self.mantissa_bits) - 1
        return (1 << (self.exponent_bits + self.mantissa_bits)) - 1 - (self.specials is Specials.NAN_ALL_ONES)

    @cached_property
    def min(self) -> float | int:
        """The lowest finite value: ``-max`` for signed floats, 0 (or the smallest) for unsigned ones."""
        if self.is_float:
            return -self.max if self.signed else self._value(0, 0)
        return -(1 << (self.bits - 1)) if self.kind is Kind.SIGNED else 0

    @property
    def smallest_normal(self) -> float:
        """The smallest value with a hidden one; where no code has one (e0m3), the smallest value; 1 for integers."""
        if not self.is_float:
            return 1.0
        if self.without_zero:
            return self._value(0, 0)
        has_normals = self.largest_code >> self.mantissa_bits > 0
        return math.ldexp(1.0, 1 - self.bias) if has_normals else self._value(0, 1)

    @property
    def smallest_subnormal(self) -> float:
        """The smallest positive value; equals ``smallest_normal`` where no subnormals exist."""
        if not self.is_float or self.mantissa_bits == 0:
            return self.smallest_normal
        return self._value(0, 1)

    @property
    def epsilon(self) -> float:
        """The step above 1: ``2**-mantissa_bits``, or the step of the subnormals where 1 is one of them."""
        return math.ldexp(1.0, max(0, 1 - self.bias) - self.mantissa_bits) if self.is_float else 1.0

    def _value(self, exponent: int, mantissa: int) -> float:
        """The value of a positive code, by the definition of a binary float."""
        if exponent == 0 and not self.without_zero:
            return math.ldexp(mantissa, 1 - self.bias - self.mantissa_bits)
        return math.ldexp((1 << self.mantissa_bits) + mantissa, exponent - self.bias - self.mantissa_bits)

    @property
    def without_zero(self) -> bool:
        """An unsigned type of exponent bits alone (f8e8m0) holds powers of two, and no zero."""
        return self.mantissa_bits == 0 and not self.signed

    @property
    def numpy_bytes(self) -> int:
        """Bytes of one element in the smallest power-of-two container."""
        return max(1, 1 << max(0, (self.bits + 7) // 8 - 1).bit_length())
