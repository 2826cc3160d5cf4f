"""Small numbers turned to f32 or bf16 sixty-four at a time, by tables of bytes (AVX-512 VBMI).

Every number of a type of up to 8 bits is one of bf16, the upper half of an f32. So two lookups of bytes give the two
bytes that are not 0, and permutations put them in place: some ten instructions for 64 numbers, whatever their type.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from tilevm.ir import ops
from tilevm.types import DType, f32, recipes

from . import access, packed
from .access import Row
from .context import Context
from .emit import FLOAT, I1, I8, I16, I32, LLVM, Emitter, vector_of

COUNT = 64  # numbers at a time: the bytes of a vector
LANES = 16
BYTES = vector_of(I8, COUNT)


def serves(e: Emitter, op: ops.Cast, source: DType) -> bool:
    """Whether a cast is made by tables: where the recipes choose them, and no single instruction does it."""
    if not e.host.has("avx512vbmi") or op.rounding not in ("natural", "nearest_even") or op.saturate:
        return False
    whole = source.is_integer and source.bits == 8
    chosen = recipes.choose(source, op.to, (recipes.BYTE_TABLES,))
    return not whole and chosen is not None and chosen.needs == recipes.BYTE_TABLES


@cache
def halves(dtype: DType) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The lower and the upper byte of each code's number as bf16, repeated over all bytes."""
    words = np.tile(recipes.upper_halves(dtype), 256 >> dtype.bits)
    return tuple(map(int, words & 0xFF)), tuple(map(int, words >> 8))


def convert(c: Context, row: Row, j: LLVM, to: DType) -> list[LLVM]:
    """The numbers j … j + 63 of an unmasked row of neighbours, as four vectors."""
    codes = load(c, row, j)
    low, high = (look_up(c.e, codes, table, row.element.bits) for table in halves(row.element))
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
    """Four vectors of f32, whose lower halves are 0."""
    upper = e.constant_vector(vector_of(I1, COUNT), [k % 4 // 2 for k in range(COUNT)])
    out = []
    for first in range(0, COUNT, LANES):
        places = [first + k // 4 + (COUNT if k % 4 == 3 else 0) for k in range(COUNT)]
        found = pick(e, low, e.constant_vector(BYTES, places), high)
        out.append(e.b.bitcast(e.b.select(upper, found, e.zero(BYTES)), vector_of(FLOAT, LANES)))
    return out


def interleaved(e: Emitter, low: LLVM, high: LLVM) -> list[LLVM]:
    """Four vectors of bf16."""
    out = []
    for first in (0, COUNT // 2):
        places = [first + k // 2 + (COUNT if k % 2 else 0) for k in range(COUNT)]
        pairs = e.b.bitcast(pick(e, low, e.constant_vector(BYTES, places), high), vector_of(I16, 2 * LANES))
        for half in (0, LANES):
            order = e.constant_vector(vector_of(I32, LANES), range(half, half + LANES))
            out.append(e.b.shuffle_vector(pairs, e.undefined(pairs.type), order))
    return out
