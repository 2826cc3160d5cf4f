"""Small floats as codes in integer registers: decoded to f32 or f64 and encoded from them, exactly.

f32 holds every number of a small float, but for the top exponents of a few with 8 exponent bits, which f64 carries.
A small float's code without sign grows with its number, so rounding is integer arithmetic on the bits of the carrier.
"""

from __future__ import annotations

from dataclasses import dataclass

from tilevm.ir import Value, ops
from tilevm.passes.threads.expand.lanes import Lanes, dtype_of
from tilevm.types import DType, Specials, f32, f64, i32, i64, integer
from tilevm.types.codec.fields import Fields, fields

DRAW_BITS = 32
NEAREST = ("natural", "nearest_even")


@dataclass(frozen=True)
class Carrier:
    """A wide float and the integers as wide as it."""

    dtype: DType
    whole: DType

    @property
    def mantissa(self) -> int:
        return self.dtype.mantissa_bits

    @property
    def bias(self) -> int:
        return self.dtype.bias

    @property
    def magnitude(self) -> int:
        return int(self.whole.max)

    @property
    def infinity(self) -> int:
        return (2 * self.bias + 1) << self.mantissa

    def power(self, exponent: int) -> int:
        """The bits of 2**exponent, a normal number."""
        return (exponent + self.bias) << self.mantissa


SINGLE, TWICE = Carrier(f32, i32), Carrier(f64, i64)


@dataclass(frozen=True)
class Rounding:
    """How to round: a cast's name for it, whether to saturate, and random words (u32) where it draws."""

    name: str = "natural"
    saturate: bool = False
    draws: Value | None = None


def carrier(dtype: DType) -> Carrier:
    """What numbers of a small float are computed in."""
    return SINGLE if dtype.max <= f32.max and dtype.bias <= f32.bias else TWICE


def carrier_of(x: Value) -> Carrier:
    return SINGLE if dtype_of(x) == f32 else TWICE


def decode(e: Lanes, x: Value) -> Value:
    """The numbers of small floats, in the carrier of their type."""
    dtype = dtype_of(x)
    form, wide = fields(dtype), carrier(dtype)
    code = e.cast(e.view(x, integer(dtype.bits, False)), wide.whole)
    size = e.both(code, form.magnitude)
    bits = specials(e, dtype, form, wide, size, magnitude(e, form, wide, size))
    if form.sign:
        if not form.negative_zero:
            bits = e.choose(e.equal(code, form.sign), quiet(wide), bits)
        mark = e.left(code, wide.whole.bits - form.sign.bit_length())
        bits = e.either(bits, e.both(mark, int(wide.whole.min)))
    return e.view(bits, wide.dtype)


def quiet(wide: Carrier) -> int:
    """The bits of a NaN."""
    return wide.infinity | 1 << (wide.mantissa - 1)


def magnitude(e: Lanes, form: Fields, wide: Carrier, size: Value) -> Value:
    """The bits of the numbers with these magnitudes, as if no code were special.

    Moved up to the carrier's fields a magnitude stands for the number times 2**(bias - the carrier's bias), subnormals
    too, as both types count theirs alike.
    """
    placed = e.left(size, wide.mantissa - form.mantissa_bits)
    if form.exponent_bits == 8 and form.bias == wide.bias:  # subnormals are subnormals there too
        if form.lowest == 1:
            return placed
        return e.choose(e.below(size, 1), 1 << (wide.mantissa - 1), placed)
    if form.lowest == 0:
        return e.add(placed, (wide.bias - form.bias) << wide.mantissa)
    number = e.mul(e.view(placed, wide.dtype), 2.0 ** (wide.bias - form.bias))
    return e.view(number, wide.whole)


def specials(e: Lanes, dtype: DType, form: Fields, wide: Carrier, size: Value, bits: Value) -> Value:
    """``bits`` with infinities and NaN put in; NaN in the place of -0 is told by the sign."""
    if dtype.specials is Specials.IEEE:
        bits = e.choose(e.above(size, form.top), wide.infinity, bits)
        return e.choose(e.above(size, form.top + 1), quiet(wide), bits)
    if dtype.specials is Specials.NAN_ALL_ONES:
        return e.choose(e.equal(size, form.magnitude), quiet(wide), bits)
    return bits


def is_within(dtype: DType) -> bool:
    """Whether the exponents of a type lie among f32's, and its steps are powers of two where those of f32 are."""
    return dtype.max <= f32.max and dtype.bias + dtype.without_zero <= f32.bias


def encode(e: Lanes, x: Value, dtype: DType, how: Rounding) -> Value:
    """f32 or f64 numbers as floats of another type, each rounded once: what ``tv.encode`` gives."""
    form = fields(dtype)
    narrow = is_within(dtype) and dtype.mantissa_bits < f32.mantissa_bits
    x = x if narrow or (is_power(form) and how.draws is None) else e.cast(x, f64)
    wide = carrier_of(x)
    bits = e.view(x, wide.whole)
    size = e.both(bits, wide.magnitude)
    code = power(e, size, how) if is_power(form) and wide == SINGLE else rounded(e, form, wide, size, how)
    code = signed(e, form, wide, bits, limited(e, form, wide, size, code, how), e.above(size, wide.infinity))
    code = e.left(code, form.padding) if form.padding else code
    return e.view(e.cast(code, integer(dtype.bits, False)), dtype)


def limited(e: Lanes, form: Fields, wide: Carrier, size: Value, code: Value, how: Rounding) -> Value:
    """Codes above the largest number's, as the rounding wants them."""
    over = e.above(code, form.top)
    beyond = e.like(code, form.top if how.saturate else form.beyond)
    if how.name == "toward_zero" and not how.saturate:  # a finite number is never rounded to infinity
        infinite = e.compare(ops.Ge, size, wide.infinity)
        beyond = e.choose(infinite, beyond, e.like(code, form.top))
    return e.choose(over, beyond, code)


def signed(e: Lanes, form: Fields, wide: Carrier, bits: Value, code: Value, nan: Value) -> Value:
    """Codes with the signs of numbers, and those of NaN, which has a sign where the type has both."""
    if form.sign and form.nan is not None:
        return with_sign(e, form, wide, bits, e.choose(nan, form.nan, code))
    return e.choose(nan, form.nan or 0, with_sign(e, form, wide, bits, code))


def with_sign(e: Lanes, form: Fields, wide: Carrier, bits: Value, code: Value) -> Value:
    """A negative number of an unsigned type is the smallest one."""
    if not form.sign:
        return e.choose(e.below(bits, 0), 0, code)
    if not form.negative_zero:
        negative = e.both(e.below(bits, 0), e.compare(ops.Ne, code, 0))
        return e.choose(negative, e.either(code, form.sign), code)
    mark = e.right(bits, wide.whole.bits - form.sign.bit_length())
    return e.either(code, e.both(mark, form.sign))


def is_power(form: Fields) -> bool:
    """Whether the numbers are the powers of two that f32 has, a subnormal among them: code c is 2**(c - 127)."""
    return form.mantissa_bits == 0 and form.lowest == 0 and form.bias == f32.bias and not form.sign


def power(e: Lanes, size: Value, how: Rounding) -> Value:
    """Magnitudes of such codes, from those of f32: its exponent, and whether what is behind it rounds up."""
    field = e.right(size, SINGLE.mantissa)
    if how.name not in NEAREST:
        return field
    half = 1 << (SINGLE.mantissa - 1)
    up = e.add(size, e.add(e.both(field, 1), half - 1))
    least = e.cast(e.above(size, half + half // 2), i32)  # 1.5 * 2**-127 lies between the two smallest
    return e.choose(e.below(field, 1), least, e.right(up, SINGLE.mantissa))


def rounded(e: Lanes, form: Fields, wide: Carrier, size: Value, how: Rounding) -> Value:
    """Magnitudes of codes as if exponents had no upper end, from those of the carrier."""
    if how.name not in NEAREST:
        return by_parts(e, form, wide, size, how)
    shift, rebias = wide.mantissa - form.mantissa_bits, (wide.bias - form.bias) << form.mantissa_bits
    odd = e.both(e.right(size, shift), 1)
    odd = e.binary(ops.Xor, odd, 1) if rebias & 1 else odd  # of the code, which is so much less
    up = e.add(size, e.add(odd, (1 << (shift - 1)) - 1))
    normal = e.sub(e.right(up, shift), rebias)
    if form.lowest == 0:
        return e.most(normal, 0)
    if form.bias == wide.bias:  # the carrier's subnormals are the type's
        return normal
    return e.choose(e.below(size, wide.power(1 - form.bias)), subnormal(e, form, wide, size), normal)


def subnormal(e: Lanes, form: Fields, wide: Carrier, size: Value) -> Value:
    """Of numbers below the normal ones: added to the power of two whose step is theirs, they round to whole steps."""
    base = wide.power(wide.mantissa + 1 - form.bias - form.mantissa_bits)
    total = e.add(e.view(size, wide.dtype), e.view(e.like(size, base), wide.dtype))
    return e.sub(e.view(total, wide.whole), base)


def by_parts(e: Lanes, form: Fields, wide: Carrier, size: Value, how: Rounding) -> Value:
    """The same for any rounding: the significand shifted right by as much as the type has fewer bits there."""
    long = e.cast(size, i64)
    field = e.right(long, wide.mantissa)
    hidden = e.choose(e.below(field, 1), 0, e.like(field, 1 << wide.mantissa))
    significand = e.either(e.both(long, (1 << wide.mantissa) - 1), hidden)
    exponent = e.add(e.most(field, 1), form.bias - wide.bias)
    missing = e.most(e.sub(e.like(field, form.lowest), exponent), 0)
    shift = e.add(missing, wide.mantissa - form.mantissa_bits)
    near = e.least(shift, 63)
    kept = e.right(significand, near)
    first = e.sub(e.most(exponent, form.lowest), 1)  # the hidden one adds 1 to the field
    code = e.add(e.left(first, form.mantissa_bits), kept)
    if how.draws is not None:
        left = e.sub(significand, e.left(kept, near))
        code = e.add(code, e.cast(goes_up(e, left, shift, how.draws), i64))
    return e.cast(e.most(code, 0), dtype_of(size))  # below 0: below the smallest of a type without zero


def goes_up(e: Lanes, left: Value, shift: Value, draws: Value) -> Value:
    """Where draw / 2**32 < left / 2**shift: draw < ceil(left * 2**32 / 2**shift).

    A shift by more than 32 leaves less than 2**53, which 21 further bits hold: nothing overflows.
    """
    over = e.least(e.most(e.sub(shift, DRAW_BITS), 0), 63)
    room = e.most(e.sub(e.like(shift, DRAW_BITS), shift), 0)
    some = e.cast(e.above(left, 0), i64)
    ceiling = e.add(e.right(e.sub(left, some), over), some)  # of left / 2**over
    return e.below(e.cast(draws, i64), e.left(ceiling, room))


def to_whole(e: Lanes, x: Value, draws: Value) -> Value:
    """f32 or f64 numbers as whole f64: away from zero where draw / 2**32 is less than the part behind the point."""
    x = e.cast(x, f64)
    size = e.size(x)
    down = e.apply(ops.Floor, size)
    part = e.mul(e.sub(size, down), 2.0**DRAW_BITS)
    away = e.cast(e.below(e.cast(draws, f64), part), f64)
    return e.signed(e.add(down, away), x)
