"""Small floats in registers: codes in integer lanes, decoded to f32 and encoded from f32 or f64, exactly.

f32 holds every number of a small float, but for the top exponents of a few with 8 exponent bits, which f64 carries.
A small float's code without sign grows with its number, so rounding is integer arithmetic on the bits of the carrier.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from llvmlite import ir

from tilevm.types import DType, Specials, f32
from tilevm.types.codec.fields import Fields, fields

from .emit import DOUBLE, FLOAT, I32, I64, LLVM, Emitter, container_bits, lanes_of, vector_of

DRAW_BITS = 32


@dataclass(frozen=True)
class Carrier:
    """A float of the host as bits: its LLVM type, that of integers as wide, and its split."""

    element: Any
    integer: Any
    mantissa: int
    bias: int

    @property
    def magnitude(self) -> int:
        return (1 << (self.mantissa + (2 * self.bias + 1).bit_length())) - 1

    @property
    def infinity(self) -> int:
        return (2 * self.bias + 1) << self.mantissa

    def power(self, exponent: int) -> int:
        """The bits of 2**exponent, a normal number."""
        return (exponent + self.bias) << self.mantissa


SINGLE, TWICE = Carrier(FLOAT, I32, 23, 127), Carrier(DOUBLE, I64, 52, 1023)


def is_small(dtype: DType) -> bool:
    """Whether the type is a float that stands in registers as its code."""
    return dtype.is_float and dtype.name not in ("f64", "f32", "tf32", "f16", "bf16")


def carrier(dtype: DType) -> Carrier:
    """What numbers of a small float are computed in."""
    return SINGLE if dtype.max <= f32.max and dtype.bias <= f32.bias else TWICE


def carrier_of(x: LLVM) -> Carrier:
    element = x.type.element if lanes_of(x) else x.type
    return SINGLE if element == FLOAT else TWICE


def decode(e: Emitter, codes: LLVM, dtype: DType) -> LLVM:
    """The numbers of codes, in the carrier of their type."""
    form, wide = fields(dtype), carrier(dtype)
    kind = vector_of(wide.integer, lanes_of(codes))
    code = e.b.zext(codes, kind)
    size = e.b.and_(code, e.like(code, form.magnitude))
    bits = specials(e, dtype, form, wide, size, magnitude(e, form, wide, size))
    if form.sign:
        place = wide.integer.width - 1 - form.sign.bit_length() + 1
        sign = e.b.and_(e.b.shl(code, e.like(code, place)), e.like(code, 1 << (wide.integer.width - 1)))
        if not form.negative_zero:
            missing = e.b.icmp_signed("==", code, e.like(code, form.sign))
            bits = e.b.select(missing, e.like(bits, quiet(wide)), bits)
        bits = e.b.or_(bits, sign)
    return e.b.bitcast(bits, vector_of(wide.element, lanes_of(codes)))


def quiet(wide: Carrier) -> int:
    """The bits of a NaN."""
    return wide.infinity | 1 << (wide.mantissa - 1)


def magnitude(e: Emitter, form: Fields, wide: Carrier, size: LLVM) -> LLVM:
    """The bits of the numbers with these magnitudes, as if no code were special."""
    placed = e.b.shl(size, e.like(size, wide.mantissa - form.mantissa_bits))
    if form.exponent_bits == 8 and form.bias == wide.bias:  # subnormals are subnormals there too
        if form.lowest == 1:
            return placed
        return e.b.select(is_below(e, size, 1), e.like(size, 1 << (wide.mantissa - 1)), placed)
    shifted = e.b.add(placed, e.like(size, (wide.bias - form.bias) << wide.mantissa))
    if form.lowest == 0:
        return shifted
    step = 1 - form.bias - form.mantissa_bits  # the exponent of the least subnormal
    number = e.b.sitofp(size, vector_of(wide.element, lanes_of(size)))
    below = e.b.bitcast(e.b.fmul(number, e.like(number, 2.0**step)), size.type)
    return e.b.select(is_below(e, size, 1 << form.mantissa_bits), below, shifted)


def is_below(e: Emitter, x: LLVM, limit: int) -> LLVM:
    return e.b.icmp_signed("<", x, e.like(x, limit))


def specials(e: Emitter, dtype: DType, form: Fields, wide: Carrier, size: LLVM, bits: LLVM) -> LLVM:
    """``bits`` with infinities and NaN put in; NaN in the place of -0 is told by the sign."""
    if dtype.specials is Specials.IEEE:
        beyond, missing = (e.b.icmp_signed(">", size, e.like(size, form.top + n)) for n in (0, 1))
        bits = e.b.select(beyond, e.like(bits, wide.infinity), bits)
        return e.b.select(missing, e.like(bits, quiet(wide)), bits)
    if dtype.specials is Specials.NAN_ALL_ONES:
        missing = e.b.icmp_signed("==", size, e.like(size, form.magnitude))
        return e.b.select(missing, e.like(bits, quiet(wide)), bits)
    return bits


@dataclass(frozen=True)
class Rounding:
    """How to round: a cast's name for it, whether to saturate, and random words (i32 lanes) where it draws."""

    name: str = "natural"
    saturate: bool = False
    draws: LLVM | None = None


NATURAL = Rounding()
NEAREST = ("natural", "nearest_even")


def is_within(dtype: DType) -> bool:
    """Whether the exponents of a type lie among f32's, and its steps are powers of two where those of f32 are."""
    return dtype.max <= f32.max and dtype.bias + dtype.without_zero <= f32.bias


def encode(e: Emitter, x: LLVM, dtype: DType, how: Rounding = NATURAL) -> LLVM:
    """The codes of f32 or f64 numbers, each rounded once: what ``tv.encode`` gives."""
    form = fields(dtype)
    if carrier_of(x) is SINGLE and not is_within(dtype):
        x = e.b.fpext(x, vector_of(DOUBLE, lanes_of(x)))
    wide = carrier_of(x)
    bits = e.b.bitcast(x, vector_of(wide.integer, lanes_of(x)))
    size = e.b.and_(bits, e.like(bits, wide.magnitude))
    code = limited(e, form, wide, size, rounded(e, form, wide, size, how), how)
    nan = e.b.icmp_signed(">", size, e.like(size, wide.infinity))
    code = e.b.select(nan, e.like(code, form.nan or 0), code)
    code = signed(e, form, bits, code, nan)
    code = e.b.shl(code, e.like(code, form.padding)) if form.padding else code
    held = vector_of(ir.IntType(container_bits(dtype)), lanes_of(x))
    return code if code.type == held else e.b.trunc(code, held)


def limited(e: Emitter, form: Fields, wide: Carrier, size: LLVM, code: LLVM, how: Rounding) -> LLVM:
    """Codes above the largest number's, as the rounding wants them."""
    over = e.b.icmp_signed(">", code, e.like(code, form.top))
    beyond = e.like(code, form.top if how.saturate else form.beyond)
    if how.name == "toward_zero" and not how.saturate:  # a finite number is never rounded to infinity
        infinite = e.b.icmp_signed(">=", size, e.like(size, wide.infinity))
        beyond = e.b.select(infinite, beyond, e.like(code, form.top))
    return e.b.select(over, beyond, code)


def signed(e: Emitter, form: Fields, bits: LLVM, code: LLVM, nan: LLVM) -> LLVM:
    """Codes with the signs of numbers. A negative number of an unsigned type is the smallest one."""
    negative = is_below(e, bits, 0)
    if form.nan is None or not form.sign:
        negative = e.b.and_(negative, e.b.not_(nan))
    if not form.sign:
        return e.b.select(negative, e.like(code, 0), code)
    if not form.negative_zero:
        negative = e.b.and_(negative, e.b.icmp_signed("!=", code, e.like(code, 0)))
    return e.b.select(negative, e.b.or_(code, e.like(code, form.sign)), code)


def rounded(e: Emitter, form: Fields, wide: Carrier, size: LLVM, how: Rounding) -> LLVM:
    """Magnitudes of codes as if exponents had no upper end, from those of the carrier."""
    if how.name not in NEAREST:
        return by_parts(e, form, wide, size, how)
    shift, rebias = wide.mantissa - form.mantissa_bits, (wide.bias - form.bias) << form.mantissa_bits
    odd = e.b.and_(e.b.lshr(size, e.like(size, shift)), e.like(size, 1))
    odd = e.b.xor(odd, e.like(size, 1)) if rebias & 1 else odd  # of the code, which is so much less
    half = e.b.add(odd, e.like(size, (1 << (shift - 1)) - 1))
    normal = e.b.sub(e.b.lshr(e.b.add(size, half), e.like(size, shift)), e.like(size, rebias))
    if form.lowest == 0:
        return greater(e, normal, 0)
    if form.bias == wide.bias:  # the carrier's subnormals are the type's
        return normal
    return e.b.select(is_below(e, size, wide.power(1 - form.bias)), subnormal(e, form, wide, size), normal)


def subnormal(e: Emitter, form: Fields, wide: Carrier, size: LLVM) -> LLVM:
    """Of numbers below the normal ones: added to the power of two whose step is theirs, they round to whole steps."""
    base = wide.power(wide.mantissa + 1 - form.bias - form.mantissa_bits)
    kind = vector_of(wide.element, lanes_of(size))
    total = e.b.fadd(e.b.bitcast(size, kind), e.b.bitcast(e.like(size, base), kind))
    return e.b.sub(e.b.bitcast(total, size.type), e.like(size, base))


def by_parts(e: Emitter, form: Fields, wide: Carrier, size: LLVM, how: Rounding) -> LLVM:
    """The same for any rounding: the significand shifted right by as much as the type has fewer bits there."""
    long = vector_of(I64, lanes_of(size))
    size64 = e.b.zext(size, long) if size.type != long else size
    field = e.b.lshr(size64, e.like(size64, wide.mantissa))
    hidden = e.b.select(is_below(e, field, 1), e.like(field, 0), e.like(field, 1 << wide.mantissa))
    significand = e.b.or_(e.b.and_(size64, e.like(field, (1 << wide.mantissa) - 1)), hidden)
    exponent = e.b.add(greater(e, field, 1), e.like(field, form.bias - wide.bias))
    missing = greater(e, e.b.sub(e.like(field, form.lowest), exponent), 0)
    shift = e.b.add(missing, e.like(field, wide.mantissa - form.mantissa_bits))
    near = least(e, shift, 63)
    kept = e.b.lshr(significand, near)
    first = e.b.sub(greater(e, exponent, form.lowest), e.like(field, 1))  # the hidden one adds 1 to the field
    code = e.b.add(e.b.shl(first, e.like(field, form.mantissa_bits)), kept)
    if how.name == "stochastic":
        left = e.b.sub(significand, e.b.shl(kept, near))
        code = e.b.add(code, e.b.zext(goes_up(e, left, shift, how.draws), long))
    code = greater(e, code, 0)  # what lies below the smallest number of a type without zero
    return e.b.trunc(code, size.type) if size.type != long else code


def goes_up(e: Emitter, left: LLVM, shift: LLVM, draws: LLVM) -> LLVM:
    """Where draw / 2**32 < left / 2**shift: draw < ceil(left * 2**32 / 2**shift)."""
    draw = e.b.zext(draws, left.type)
    over = least(e, greater(e, e.b.sub(shift, e.like(shift, DRAW_BITS)), 0), 63)
    room = greater(e, e.b.sub(e.like(shift, DRAW_BITS), shift), 0)
    some = e.b.zext(e.b.icmp_signed(">", left, e.like(left, 0)), left.type)
    ceiling = e.b.add(e.b.lshr(e.b.sub(left, some), over), some)  # of left / 2**over
    return e.b.icmp_unsigned("<", draw, e.b.shl(ceiling, room))


def greater(e: Emitter, x: LLVM, than: int) -> LLVM:
    """The greater of ``x`` and a number, signed."""
    return e.b.select(e.b.icmp_signed(">", x, e.like(x, than)), x, e.like(x, than))


def least(e: Emitter, x: LLVM, than: int) -> LLVM:
    """The lesser of ``x`` and a number, signed."""
    return e.b.select(e.b.icmp_signed("<", x, e.like(x, than)), x, e.like(x, than))
