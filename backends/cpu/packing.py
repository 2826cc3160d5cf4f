"""Packed elements written: bit by bit in bytes, of which other elements may have a part.

Bytes that elements fill are simply written. In others only the elements' bits change. Where the rest of a byte may
belong to another program, one atomic instruction turns those bits over that differ: nobody else changes them, so what
was read of them still holds. Between two vectors of one row no other program has a part, and bytes are merged.
"""

from __future__ import annotations

from typing import NamedTuple

from llvmlite import ir

from tilevm.types import DType

from .emit import I1, I8, I32, I64, LLVM, PTR, VOID, Emitter, lanes_of, vector_of
from .packed import I128, code_type, places_of, power_of_two

ORDER = "monotonic"
BYTE, WORD = 8, 64  # bits


class Ends(NamedTuple):
    """Whether the first and the last byte of a vector may hold bits of another program, as i1."""

    left: LLVM
    right: LLVM


def open_ends(e: Emitter) -> Ends:
    """Both may."""
    return Ends(e.number(I1, 1), e.number(I1, 1))


def ends_of(e: Emitter, dtype: DType, j: LLVM, lanes: int, extent: int) -> Ends:
    """The ends of a vector at j in a row of ``extent`` elements that all exist: further in, bytes are the row's."""
    before = e.b.mul(j, e.i64(dtype.bits))
    behind = e.b.sub(e.i64((extent - lanes) * dtype.bits), before)
    left, right = (e.b.icmp_signed("<", n, e.i64(BYTE)) for n in (before, behind))
    return Ends(left, right)


# one element --------------------------------------------------------------------------------------------------


def store(e: Emitter, base: LLVM, bit: LLVM, code: LLVM, dtype: DType) -> None:
    """Write the element that begins at ``bit`` after ``base``; other bits of its bytes stay."""

    def make(inside: Emitter) -> None:
        start, at, held = inside.function.args
        put(inside, start, at, held, dtype)

    made = e.internal(f"put_{dtype.name}", VOID, [PTR, I64, code_type(dtype)], make)
    e.b.call(made, [base, bit, code])


def put(e: Emitter, base: LLVM, bit: LLVM, code: LLVM, dtype: DType) -> None:
    b, within = e.b, e.b.and_(bit, e.i64(7))
    first, shift = e.at(base, b.ashr(bit, e.i64(3)), I8), b.zext(within, I128)
    ones = ir.Constant(I128, (1 << dtype.bits) - 1)
    value = b.shl(b.and_(b.zext(code, I128), ones), shift)
    owned = b.shl(ones, shift)

    def byte(n: LLVM, _: list[LLVM]) -> list[LLVM]:
        down = b.zext(b.mul(n, e.i64(8)), I128)
        mine, new = (b.trunc(b.lshr(v, down), I8) for v in (owned, value))
        at = e.at(first, n, I8)
        with e.fork(b.icmp_unsigned("==", mine, ir.Constant(I8, 255))) as (all_, some):
            with all_:
                e.store(new, at)
            with some:
                turn_over(e, at, mine, new)
        return []

    e.loop(b.lshr(b.add(within, e.i64(dtype.bits + 7)), e.i64(3)), [], byte)


def turn_over(e: Emitter, at: LLVM, mine: LLVM, new: LLVM) -> None:
    """Give the bits ``mine`` of a byte those of ``new``, whatever happens to its other bits meanwhile."""
    held = e.b.load_atomic(at, ORDER, 1, typ=I8)
    e.b.atomic_rmw("xor", at, e.b.and_(e.b.xor(held, new), mine), ORDER)


def scatter(e: Emitter, base: LLVM, bits: LLVM, codes: LLVM, dtype: DType, exists: LLVM | None) -> None:
    """Write codes at a vector of bit offsets, where ``exists``."""
    lanes = lanes_of(bits)
    masks = vector_of(I1, lanes)

    def make(inside: Emitter) -> None:
        start, places, held, mask = inside.function.args

        def lane(n: LLVM, _: list[LLVM]) -> list[LLVM]:
            with inside.when(inside.b.extract_element(mask, n)):
                place, code = (inside.b.extract_element(v, n) for v in (places, held))
                store(inside, start, place, code, dtype)
            return []

        inside.loop(lanes, [], lane)

    wanted = e.number(masks, 1) if exists is None else exists
    made = e.internal(f"puts_{dtype.name}x{lanes}", VOID, [PTR, bits.type, codes.type, masks], make)
    e.b.call(made, [base, bits, codes, wanted])


# neighbours ---------------------------------------------------------------------------------------------------


def store_row(
    e: Emitter,
    base: LLVM,
    bit: LLVM,
    codes: LLVM,
    dtype: DType,
    exists: LLVM | None,
    ends: Ends | None = None,
    even: bool = False,
) -> None:
    """Write neighbours from ``bit`` on: bytes at once where all exist and fill some, else one by one.

    ``even``: the row begins with a byte.
    """
    lanes = lanes_of(codes)

    def single() -> None:
        scatter(e, base, places_of(e, bit, e.i64(dtype.bits), lanes), codes, dtype, exists)

    if lanes * dtype.bits % BYTE or lanes < 2 or isinstance(exists, ir.Constant):
        single()
    elif exists is None and even:
        put_bytes(e, joined(e, codes, dtype), range(filled(codes, dtype)), e.at(base, e.b.ashr(bit, e.i64(3)), I8))
    elif exists is None:
        whole(e, base, bit, codes, dtype, ends or open_ends(e))
    else:
        every = ir.IntType(lanes)
        with e.fork(e.b.icmp_signed("==", e.b.bitcast(exists, every), ir.Constant(every, -1))) as (all_, some):
            with all_:
                whole(e, base, bit, codes, dtype, open_ends(e))
            with some:
                single()


def whole(e: Emitter, base: LLVM, bit: LLVM, codes: LLVM, dtype: DType, ends: Ends) -> None:
    """Write neighbours that all exist."""
    bytes_, count = joined(e, codes, dtype), filled(codes, dtype)
    with e.fork(e.b.icmp_signed("==", e.b.and_(bit, e.i64(7)), e.i64(0))) as (even, odd):
        with even:
            put_bytes(e, bytes_, range(count), e.at(base, e.b.ashr(bit, e.i64(3)), I8))
        with odd:
            kinds = [PTR, I64, bytes_.type, I1, I1]
            made = e.internal(f"bytes_from_within_{count}", VOID, kinds, lambda inside: from_within(inside, count))
            e.b.call(made, [base, bit, bytes_, *ends])


def from_within(e: Emitter, count: int) -> None:
    """Write ``count`` bytes that begin inside a byte, so that the first and the last written have bits of others."""
    base, bit, given, left, right = e.function.args
    b, within = e.b, e.b.and_(bit, e.i64(7))
    first, moved = e.at(base, b.ashr(bit, e.i64(3)), I8), shifted(e, given, within)
    low = b.sub(b.shl(ir.Constant(I8, 1), b.trunc(within, I8)), ir.Constant(I8, 1))  # bits of those before
    begin, end = (b.extract_element(moved, e.index(n)) for n in (0, count))
    with e.fork(left) as (shared, own):
        with shared:
            turn_over(e, first, b.not_(low), begin)
            put_bytes(e, moved, range(1, count), first)
        with own:
            merged = b.or_(begin, b.and_(e.load(first, I8, 0), low))
            put_bytes(e, b.insert_element(moved, merged, e.index(0)), range(count), first)
    last = e.at(first, e.i64(count), I8)
    with e.fork(right) as (shared, own):
        with shared:
            turn_over(e, last, low, end)
        with own:
            e.store(b.or_(end, b.and_(e.load(last, I8, 0), b.not_(low))), last)


def put_bytes(e: Emitter, x: LLVM, which: range, first: LLVM) -> None:
    """Some bytes of a vector to their places from ``first`` on, in as few stores as there are bits in their count."""
    at = which.start
    while at < which.stop:
        size = 1 << ((which.stop - at).bit_length() - 1)
        order = e.constant_vector(vector_of(I32, size), range(at, at + size))
        e.store(e.b.shuffle_vector(x, e.undefined(x.type), order), e.at(first, e.i64(at), I8), align=1)
        at += size


def shifted(e: Emitter, given: LLVM, by: LLVM) -> LLVM:
    """Bytes, words of which they are, moved up by 1 to 7 bits."""
    words = lanes_of(given) // BYTE
    wide = e.b.bitcast(given, vector_of(I64, words))
    before = e.constant_vector(vector_of(I32, words), [words, *range(words - 1)])
    below = e.b.shuffle_vector(wide, e.zero(wide.type), before)
    up, down = (e.splat(n, words) for n in (by, e.b.sub(e.i64(WORD), by)))
    moved = e.b.or_(e.b.shl(wide, up), e.b.lshr(below, down))
    return e.b.bitcast(moved, given.type)


# codes without gaps -------------------------------------------------------------------------------------------


def filled(codes: LLVM, dtype: DType) -> int:
    """How many bytes codes fill."""
    return lanes_of(codes) * dtype.bits // BYTE


def joined(e: Emitter, codes: LLVM, dtype: DType) -> LLVM:
    """Codes without gaps as bytes, which they are to fill; behind them a zero at least, up to a power of two."""
    lanes, size = lanes_of(codes), filled(codes, dtype)
    if dtype.bits <= BYTE and lanes % BYTE == 0:
        bytes_ = by_pairs(e, codes, dtype)
        picks = [8 * word + k for word in range(lanes // 8) for k in range(dtype.bits)]
    else:
        bytes_, picks = by_words(e, codes, dtype), list(range(size))
    room = max(power_of_two(size + 1), BYTE)
    picks += [lanes_of(bytes_)] * (room - size)
    order = e.constant_vector(vector_of(I32, room), picks)
    return e.b.shuffle_vector(bytes_, e.zero(bytes_.type), order)


def by_pairs(e: Emitter, codes: LLVM, dtype: DType) -> LLVM:
    """Codes of up to 8 bits in words of 8 codes each: pairs, then pairs of pairs, and so on."""
    lanes, width = lanes_of(codes), dtype.bits
    words = e.b.and_(codes, e.like(codes, (1 << width) - 1))
    while lanes_of(words) > lanes // 8:
        half, size = lanes_of(words) // 2, words.type.element.width
        low, high = (e.b.zext(every_second(e, words, n), vector_of(ir.IntType(2 * size), half)) for n in (0, 1))
        words, width = e.b.or_(low, e.b.shl(high, e.like(high, width))), 2 * width
    return e.b.bitcast(words, vector_of(I8, 8 * lanes_of(words)))


def every_second(e: Emitter, x: LLVM, first: int) -> LLVM:
    lanes = lanes_of(x)
    picks = e.constant_vector(vector_of(I32, lanes // 2), range(first, lanes, 2))
    return e.b.shuffle_vector(x, e.undefined(x.type), picks)


def by_words(e: Emitter, codes: LLVM, dtype: DType) -> LLVM:
    """Codes of any width in words of 64 bits: to each word go the codes that have bits in it, first ones first."""
    lanes, bits = lanes_of(codes), dtype.bits
    words = power_of_two(-(-lanes * bits // WORD))
    wide = e.b.zext(codes, vector_of(I64, lanes)) if codes.type.element != I64 else codes
    wide = e.b.and_(wide, e.like(wide, (1 << bits) - 1))
    firsts = [WORD * w // bits for w in range(words)]  # the code that has the word's first bit
    found = e.zero(vector_of(I64, words))
    for k in range(max(-(-WORD * (w + 1) // bits) - first for w, first in enumerate(firsts))):
        starts = [(first + k) * bits - WORD * w for w, first in enumerate(firsts)]
        here = [n + k < lanes and start < WORD for n, start in zip(firsts, starts, strict=True)]
        picks = [n + k if there else lanes for n, there in zip(firsts, here, strict=True)]
        held = e.b.shuffle_vector(wide, e.zero(wide.type), e.constant_vector(vector_of(I32, words), picks))
        places = [abs(start) if there else 0 for start, there in zip(starts, here, strict=True)]
        by = e.constant_vector(held.type, places)
        found = e.b.or_(found, e.b.shl(held, by) if k else e.b.lshr(held, by))  # the first may begin before
    return e.b.bitcast(found, vector_of(I8, words * BYTE))
