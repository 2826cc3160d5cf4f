"""Small numbers turned to f32 or bf16 sixty-four at a time, by tables of bytes (AVX-512 VBMI).

Every number of a type of up to 8 bits is one of bf16, the upper half of an f32. So two lookups of bytes give the two
bytes that are not 0, and permutations put them in place: some ten instructions for 64 numbers, whatever their type.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from tilevm.ir import ops
from tilevm.types import DType, bf16, f32, recipes

from . import access, packed
from .access import Row
from .context import Context
from .emit import FLOAT, I8, I16, I32, LLVM, VOID, Emitter, vector_of

COUNT = 64  # numbers at a time: the bytes of a vector
LANES = 16
BYTES = vector_of(I8, COUNT)
REGISTER_LANE = 128  # bits in which the cheap shuffles stay
DEALT = {  # in which order codes are to lie, by fours, so that interleaving lanes puts the numbers in theirs
    f32: tuple(32 * half + 4 * lane + 16 * odd for lane in range(4) for half in (0, 1) for odd in (0, 1)),
    bf16: tuple(32 * half + 8 * lane + 4 * odd for lane in range(4) for half in (0, 1) for odd in (0, 1)),
}


def serves(e: Emitter, op: ops.Cast, source: DType) -> bool:
    """Whether a cast is made by tables: where the recipes choose them, and no single instruction does it."""
    if not e.host.has("avx512vbmi") or op.rounding not in ("natural", "nearest_even") or op.saturate:
        return False
    whole = source.is_integer and source.bits == 8 and op.to == f32
    chosen = recipes.choose(source, op.to, (recipes.BYTE_TABLES,))
    return not whole and chosen is not None and chosen.needs == recipes.BYTE_TABLES


@cache
def halves(dtype: DType) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The lower and the upper byte of each code's number as bf16, repeated over all bytes."""
    words = np.tile(recipes.upper_halves(dtype), 256 >> dtype.bits)
    return tuple(map(int, words & 0xFF)), tuple(map(int, words >> 8))


def convert(c: Context, row: Row, j: LLVM, to: DType, ahead: LLVM) -> list[LLVM]:
    """The numbers j … j + 63 of an unmasked row of neighbours, as four vectors. Those ``ahead`` bytes are asked for."""
    codes = deal(c, row, j, DEALT[to], ahead) if row.sure else load(c, row, j)
    low, high = (look_up(c.e, codes, table, row.element.bits) for table in halves(row.element))
    if row.sure:
        pairs = [zipped(c.e, low, high, side) for side in (0, 1)]
        if to == f32:
            zero = c.e.zero(pairs[0].type)
            words = [zipped(c.e, zero, pair, side) for pair in pairs for side in (0, 1)]
            return [c.e.b.bitcast(w, vector_of(FLOAT, LANES)) for w in words]
        return [half for pair in pairs for half in split(c.e, pair)]
    return widened(c.e, low, high) if to == f32 else interleaved(c.e, low, high)


def load(c: Context, row: Row, j: LLVM) -> LLVM:
    """The codes, one a byte; bits above a code's width are anything."""
    e, dtype = c.e, row.element
    if row.bit is None:
        return e.load(e.at(row.base, j, I8), I8, COUNT)
    bit = access.bit_of(c, row, j)
    first, size = e.b.ashr(bit, e.i64(3)), packed.power_of_two(8 * dtype.bits + 8)
    fits = e.b.icmp_signed("<=", e.b.add(first, e.i64(size)), row.bytes)

    def at_once() -> list[LLVM]:
        held = e.load(e.at(row.base, first, I8), I8, size)
        return [spread(e, held, e.b.and_(bit, e.i64(7)), dtype.bits)]

    def one_by_one() -> list[LLVM]:
        places = packed.places_of(e, bit, e.i64(dtype.bits), COUNT)
        return [packed.gather(e, row.base, places, dtype, None)]

    return e.either(fits, at_once, one_by_one)[0]


def window(dtype: DType) -> int:
    """The bytes read for 64 codes that begin with one: a power of two."""
    return packed.power_of_two(COUNT * dtype.bits // 8)


def deal(c: Context, row: Row, j: LLVM, quads: tuple[int, ...], ahead: LLVM) -> LLVM:
    """The codes, one a byte, of a row that begins with a byte; the fours from each of ``quads`` on after each other.

    Four codes lie in four bytes, as they begin with one or in its middle. So each word of eight bytes takes two fours
    from wherever they lie, and what comes out is in the order that cheap shuffles go on with.
    """
    e, width = c.e, 8 if row.bit is None else row.element.bits
    first = j if row.bit is None else e.b.ashr(access.bit_of(c, row, j), e.i64(3))
    size = packed.power_of_two(COUNT * width // 8)
    start = e.at(row.base, first, I8)
    held = e.load(start, I8, size)
    e.call("llvm.prefetch.p0", VOID, [e.at(start, ahead, I8), *(I32(v) for v in (0, 2, 1))])
    picks = [min(quad * width // 8 + k, size - 1) for quad in quads for k in range(4)]
    words = e.b.shuffle_vector(held, e.undefined(held.type), e.constant_vector(vector_of(I32, COUNT), picks))
    if width == 8:
        return words
    places = [32 * (n % 2) + quad * width % 8 + width * k for n, quad in enumerate(quads) for k in range(4)]
    return e.call("llvm.x86.avx512.pmultishift.qb.512", BYTES, [e.constant_vector(BYTES, places), words])


def zipped(e: Emitter, a: LLVM, b: LLVM, side: int) -> LLVM:
    """The lower or upper halves of the register lanes of two vectors, element by element in turn, as wider ones."""
    width = REGISTER_LANE // a.type.element.width
    firsts = range(side * width // 2, a.type.count, width)
    picks = [k for first in firsts for n in range(first, first + width // 2) for k in (n, a.type.count + n)]
    found = e.b.shuffle_vector(a, b, e.constant_vector(vector_of(I32, len(picks)), picks))
    return e.b.bitcast(found, vector_of(I32 if a.type.element == I16 else I16, a.type.count // 2))


def split(e: Emitter, pairs: LLVM) -> list[LLVM]:
    """Both halves of a vector."""
    orders = [e.constant_vector(vector_of(I32, LANES), range(half, half + LANES)) for half in (0, LANES)]
    return [e.b.shuffle_vector(pairs, e.undefined(pairs.type), order) for order in orders]


def spread(e: Emitter, held: LLVM, within: LLVM, width: int) -> LLVM:
    """Codes out of bytes: eight of them lie in ``width`` bytes, and as many bits into these as the row has begun."""
    picks = [width * word + k for word in range(COUNT // 8) for k in range(8)]
    order = e.constant_vector(vector_of(I32, COUNT), picks)
    words = e.b.shuffle_vector(held, e.undefined(held.type), order)
    places = e.constant_vector(BYTES, [width * k for _ in range(COUNT // 8) for k in range(8)])
    places = e.b.add(places, e.splat(e.b.trunc(within, I8), COUNT))
    return e.call("llvm.x86.avx512.pmultishift.qb.512", BYTES, [places, words])


def look_up(e: Emitter, codes: LLVM, table: tuple[int, ...], width: int) -> LLVM:
    """``table[code]`` for each byte: the instructions take 6 or 7 bits of a code and pass over those above."""
    parts = [e.constant_vector(BYTES, table[n : n + COUNT]) for n in range(0, 256, COUNT)]
    if width <= 6:
        return e.call("llvm.x86.avx512.permvar.qi.512", BYTES, [parts[0], codes])
    below = pick(e, parts[0], codes, parts[1])
    if width == 7:
        return below
    return e.b.select(e.b.icmp_signed("<", codes, e.zero(BYTES)), pick(e, parts[2], codes, parts[3]), below)


def pick(e: Emitter, a: LLVM, places: LLVM, b: LLVM) -> LLVM:
    """The bytes of two vectors at these places."""
    return e.call("llvm.x86.avx512.vpermi2var.qi.512", BYTES, [a, places, b])


def widened(e: Emitter, low: LLVM, high: LLVM) -> list[LLVM]:
    """Four vectors of f32: words in an order from which two instructions that interleave with 0 make two of them."""
    words, out = vector_of(I16, 2 * LANES), []
    for first in (0, COUNT // 2):
        order = [first + 4 * lane + n + LANES * half for lane in range(4) for half in (0, 1) for n in range(4)]
        places = [n + COUNT * odd for n in order for odd in (0, 1)]
        found = e.b.bitcast(pick(e, low, e.constant_vector(BYTES, places), high), words)
        for half in (0, 4):
            places = [lane + half + n for lane in range(0, 2 * LANES, 8) for n in range(4)]
            mask = e.constant_vector(vector_of(I32, 2 * LANES), [k for n in places for k in (n, 2 * LANES + n)])
            out.append(e.b.bitcast(e.b.shuffle_vector(e.zero(words), found, mask), vector_of(FLOAT, LANES)))
    return out


def interleaved(e: Emitter, low: LLVM, high: LLVM) -> list[LLVM]:
    """Four vectors of bf16."""
    out = []
    for first in (0, COUNT // 2):
        places = [first + k // 2 + (COUNT if k % 2 else 0) for k in range(COUNT)]
        pairs = e.b.bitcast(pick(e, low, e.constant_vector(BYTES, places), high), vector_of(I16, 2 * LANES))
        out += split(e, pairs)
    return out
