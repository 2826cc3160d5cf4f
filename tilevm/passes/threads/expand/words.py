"""Packed codes of few bits as 16-bit floats, two at a time in words of 32 bits, by the recipes of ``types.recipes``.

Bytes with the two codes are put into the halves of a word, the code's field is kept and turned into a float by its
exponent, and one exact operation on the pair sets the number right. Codes that stand alike in their bytes share steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import gcd

from tilevm.ir import Value, ops, threads
from tilevm.ir.build import Builder
from tilevm.passes.threads.expand.lanes import Lanes, dtype_of
from tilevm.types import DType, Specials, Tile, bf16, f16, recipes, u8, u16, u32

BYTE, HALF, WORD = 8, 16, 32


@dataclass(frozen=True)
class Spot:
    """Where a half comes from: the words shifted up by ``by`` bits (down where negative), two of their bytes by
    number, the code's first bit at ``at`` of them. None for a byte that is ``Codes.filler``."""

    by: int
    bytes: tuple[int | None, int | None]
    at: int


@dataclass(frozen=True)
class Codes:
    """The codes of ``x`` in the order of ``registers``, an even number of them, to become floats of ``to``."""

    builder: Builder
    x: Value
    registers: Sequence[int]
    to: DType

    @property
    def dtype(self) -> DType:
        return dtype_of(self.x)

    def spots(self, find: Callable[[int], Spot]) -> list[Spot]:
        """The place of each code, by its first bit in the stream."""
        return [find(r * self.dtype.bits) for r in self.registers]

    def numbers(self, values: Sequence[int], of: DType) -> Value:
        return self.builder.add(threads.Numbers, values=tuple(values), of=of).result

    def view(self, x: Value, of: DType) -> Value:
        return x if dtype_of(x) == of else self.builder.add(ops.View, x=x, to=of).result

    def floats(self, codes: Sequence[int]) -> Value:
        """Known numbers, one a register."""
        return self.view(self.numbers(codes, u16), self.to)

    def stream(self) -> Value:
        """All codes one behind another in whole words, the last filled up with anything."""
        x = self.filled(self.x, BYTE // gcd(BYTE, self.dtype.bits))
        assert isinstance(x.type, Tile)
        if x.type.size * self.dtype.bits % WORD:
            x = self.filled(self.view(x, u8), WORD // BYTE)
        return self.view(x, u32)

    def filled(self, x: Value, step: int) -> Value:
        """``x`` with registers put behind it up to a multiple of ``step``."""
        assert isinstance(x.type, Tile)
        missing = -x.type.size % step
        if not missing:
            return x
        order = (*range(x.type.size), *[0] * missing)
        return self.builder.add(threads.Take, x=x, registers=order).result

    def moved(self, words: Value, by: int) -> Value:
        """The stream moved up by so many bits; from codes that lie across words the rest is brought along."""
        e = Lanes(self.builder, words)
        if by == 0:
            return words
        own = e.left(words, by) if by > 0 else e.right(words, -by)
        if BYTE % self.dtype.bits == 0:
            return own
        assert isinstance(words.type, Tile)
        last = words.type.size - 1
        order = [min(max(w + (-1 if by > 0 else 1), 0), last) for w in range(last + 1)]
        near = self.builder.add(threads.Take, x=words, registers=tuple(order)).result
        return e.either(own, e.right(near, WORD - by) if by > 0 else e.left(near, WORD + by))

    def halves(self, spots: Sequence[Spot], filler: int = 0, flip: int = 0) -> Value:
        """Words with two halves each. ``flip``: what is changed of every byte before."""
        words = self.stream()
        if flip:
            words = Lanes(self.builder, words).binary(ops.Xor, words, flip * 0x01010101)
        shifts = sorted({spot.by for spot in spots}, key=abs)
        streams = [self.view(self.moved(words, by), u8) for by in shifts]
        assert isinstance(streams[0].type, Tile)
        count = streams[0].type.size
        every = self.builder.add(threads.Join, xs=(*streams, self.numbers((filler,), u8))).result
        rest = len(streams) * count
        order = [rest if b is None else shifts.index(s.by) * count + b for s in spots for b in s.bytes]
        return self.view(self.builder.add(threads.Take, x=every, registers=tuple(order)).result, u32)

    def masked(self, words: Value, masks: Sequence[int], flips: Sequence[int]) -> Value:
        """The bits of masks, a half each, with others flipped."""
        e = Lanes(self.builder, words)
        kept = e.both(words, self.numbers(paired(masks), u32))
        return e.binary(ops.Xor, kept, self.numbers(paired(flips), u32))


def paired(halves: Sequence[int]) -> list[int]:
    """Words of two halves each."""
    return [low | high << HALF for low, high in zip(halves[::2], halves[1::2], strict=True)]


def beside(byte: int, other: int) -> int:
    """The byte ``other``, unless it lies in another word: then ``byte``, as any will do."""
    return other if byte // 4 == other // 4 else byte


# integers -----------------------------------------------------------------------------------------------------


def lowest(position: int, bits: int, room: int) -> Spot:
    """A half with the code among its lowest ``room`` bits."""
    window = room - bits + 1
    down = position % BYTE // window * window
    byte, at = divmod(position - down, BYTE)
    return Spot(-down, (byte, byte + 1 if at + bits > BYTE else beside(byte, byte + 1)), at)


def counted(c: Codes) -> Value:
    """Integers that the mantissa holds, wherever in it they stand."""
    source, to = c.dtype, c.to
    spots = c.spots(lambda position: lowest(position, source.bits, to.mantissa_bits))
    raised = [recipes.raised(source, to, spot.at) for spot in spots]
    field = (1 << source.bits) - 1
    words = c.masked(c.halves(spots), [field << s.at for s in spots], raised)
    x = c.view(words, to)
    return Lanes(c.builder, x).sub(x, c.floats(raised))


def in_bytes(c: Codes) -> Value:
    """Integers of a byte, which is the lower one of a half and the exponent the upper."""
    found = recipes.raised(c.dtype, c.to, 0)
    spots = c.spots(lambda position: Spot(0, (position // BYTE, None), 0))
    x = c.view(c.halves(spots, filler=found >> BYTE, flip=found & 0xFF), c.to)
    return Lanes(c.builder, x).sub(x, c.floats([found] * len(spots)))


def in_two(c: Codes) -> Value:
    """Integers of one bit more than the mantissa has: the top bit, put into the exponent of 2**M, makes it 2**(M+1).

    Law: with low bits l and top bit s, (2**M + l) - 2**(M + s) is l - s * 2**M: the signed integer. An unsigned one has
    its top bit flipped before, and 2**M added at the end.
    """
    source, to = c.dtype, c.to
    top = 1 << to.mantissa_bits
    pattern, count = recipes.power(to, 0), len(c.registers)
    words = c.halves(c.spots(lambda p: lowest(p, source.bits, source.bits)))
    low = c.view(c.masked(words, [top - 1] * count, [pattern] * count), to)
    high = c.view(c.masked(words, [top] * count, [pattern ^ (0 if source.signed else top)] * count), to)
    e = Lanes(c.builder, low)
    x = e.sub(low, high)
    return x if source.signed else e.add(x, float(top))


# floats -------------------------------------------------------------------------------------------------------


def highest(position: int, bits: int, alone: bool) -> Spot:
    """A half with the code in its highest bits, and with ``alone`` a filler below its byte."""
    up = -(position + bits) % BYTE
    last = (position + bits + up) // BYTE - 1
    return Spot(up, (None if alone else beside(last, last - 1), last), HALF - bits)


def placed(c: Codes) -> Value:
    """Floats whose fields fit into the target's: the sign on top, the magnitude shifted down to its place."""
    source, to = c.dtype, c.to
    size = source.exponent_bits + source.mantissa_bits
    up, at = to.mantissa_bits - source.mantissa_bits, HALF - source.bits
    alone = at == up and source.bits == BYTE
    words = c.halves(c.spots(lambda position: highest(position, source.bits, alone)))
    if not alone:
        e = Lanes(c.builder, words)
        kept = e.both(e.right(words, at - up), (((1 << size) - 1) << up) * 0x10001)
        words = e.either(e.both(words, 0x80008000), kept) if source.signed else kept
    x = c.view(words, to)
    rebias = to.bias - source.bias
    return Lanes(c.builder, x).mul(x, 2.0**rebias) if rebias else x


# which --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kind:
    """``fits(source, target)`` says for which types ``make`` serves."""

    fits: Callable[[DType, DType], bool]
    make: Callable[[Codes], Value]


def is_placed(source: DType, to: DType) -> bool:
    size = source.exponent_bits + source.mantissa_bits + source.signed
    return recipes.nested(source, to) and size == source.bits <= BYTE


KINDS = (
    Kind(lambda source, to: source.is_integer and source.bits == BYTE < to.mantissa_bits, in_bytes),
    Kind(lambda source, to: source.bits <= BYTE and recipes.counted(source, to), counted),
    Kind(lambda source, to: source.is_integer and source.bits == BYTE == to.mantissa_bits + 1, in_two),
    Kind(is_placed, placed),
)


def by_words(op: ops.Cast, builder: Builder) -> Value | None:
    """A cast of packed codes to 16-bit floats, a word of two at a time; None where no recipe serves."""
    x, source = op.x, dtype_of(op.x)
    if not isinstance(x.type, Tile) or x.type.size < 2 or op.to not in (f16, bf16) or op.random is not None:
        return None
    if source.is_float and op.saturate and source.specials is Specials.IEEE:  # infinities are to end
        return None
    kind = next((kind for kind in KINDS if kind.fits(source, op.to)), None)
    if kind is None:
        return None
    registers: Sequence[int] = range(x.type.size)
    while isinstance(take := x.owner, threads.Take):
        x, registers = take.x, [take.registers[r] for r in registers]
    even = [*registers, *registers[-1:][: len(registers) % 2]]
    made = kind.make(Codes(builder, x, even, op.to))
    if len(even) == len(registers):
        return made
    return builder.add(threads.Take, x=made, registers=tuple(range(len(registers)))).result
