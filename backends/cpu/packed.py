"""Packed tensors: elements that lie bit by bit in bytes, least significant first, and may straddle them.

Neighbours along a row are read as a window of bytes, from which a shuffle gives each lane those of its element. What
has another stride, more bits, or lies at the buffer's end is read element by element. A byte that an element fills is
simply written; of others only the element's bits change, by atomic instructions, as a neighbour may belong to another
program.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from tilevm.types import DType, Tensor, Type

from .emit import I8, I32, I64, LLVM, PTR, VOID, Emitter, container_bits, lanes_of, vector_of

I128 = ir.IntType(128)
WINDOW = 32  # bits that a lane takes from the window
WIDEST = WINDOW - 2 * 7  # of an element in it: it begins within a byte, and the row within another
ORDER = "monotonic"


def is_packed(kind: Type) -> bool:
    """Whether elements of a tensor share bytes; those that fill their container lie as in any tensor."""
    return isinstance(kind, Tensor) and kind.packed and kind.dtype.bits != container_bits(kind.dtype)


def code_type(dtype: DType) -> Any:
    return ir.IntType(container_bits(dtype))


# reading ------------------------------------------------------------------------------------------------------


def load(e: Emitter, base: LLVM, bit: LLVM, dtype: DType) -> LLVM:
    """The code of the element that begins at ``bit`` after ``base``; no byte beyond it is touched."""

    def make(inside: Emitter) -> LLVM:
        start, at = inside.function.args
        return one(inside, start, at, dtype)

    return e.b.call(e.internal(f"code_{dtype.name}", code_type(dtype), [PTR, I64], make), [base, bit])


def one(e: Emitter, base: LLVM, bit: LLVM, dtype: DType) -> LLVM:
    b, within = e.b, e.b.and_(bit, e.i64(7))
    first = e.at(base, b.ashr(bit, e.i64(3)), I8)
    count = b.lshr(b.add(within, e.i64(dtype.bits + 7)), e.i64(3))

    def byte(n: LLVM, held: list[LLVM]) -> list[LLVM]:
        found = b.zext(e.load(e.at(first, n, I8), I8, 0), I128)
        return [b.or_(held[0], b.shl(found, b.zext(b.mul(n, e.i64(8)), I128)))]

    (word,) = e.loop(count, [ir.Constant(I128, 0)], byte)
    code = b.lshr(word, b.zext(within, I128))
    return extended(e, b.trunc(code, I64) if dtype.bits > WINDOW else b.trunc(code, I32), dtype)


def extended(e: Emitter, word: LLVM, dtype: DType) -> LLVM:
    """The low bits of i32 or i64 lanes as a code, or as a number where it is a signed integer."""
    kind = word.type.element if lanes_of(word) else word.type
    spare = kind.width - dtype.bits
    signed = dtype.is_integer and dtype.signed
    if signed:
        word = e.b.ashr(e.b.shl(word, e.like(word, spare)), e.like(word, spare))
    else:
        word = e.b.and_(word, e.like(word, (1 << dtype.bits) - 1))
    held = vector_of(code_type(dtype), lanes_of(word))
    return word if word.type == held else e.b.trunc(word, held)


def gather(e: Emitter, base: LLVM, bits: LLVM, dtype: DType, exists: LLVM | None) -> LLVM:
    """The codes at a vector of bit offsets (i64); 0 where ``exists`` is false, without touching memory there."""
    lanes = lanes_of(bits)
    held, masks = vector_of(code_type(dtype), lanes), vector_of(ir.IntType(1), lanes)

    def make(inside: Emitter) -> LLVM:
        start, places, mask = inside.function.args

        def lane(n: LLVM, found: list[LLVM]) -> list[LLVM]:
            def read() -> list[LLVM]:
                code = load(inside, start, inside.b.extract_element(places, n), dtype)
                return [inside.b.insert_element(found[0], code, n)]

            return inside.either(inside.b.extract_element(mask, n), read, lambda: found)

        return inside.loop(lanes, [inside.zero(held)], lane)[0]

    wanted = e.number(masks, 1) if exists is None else exists
    made = e.internal(f"codes_{dtype.name}x{lanes}", held, [PTR, bits.type, masks], make)
    return e.b.call(made, [base, bits, wanted])


def load_row(e: Emitter, base: LLVM, bit: LLVM, size: LLVM, dtype: DType, lanes: int, exists: LLVM | None) -> LLVM:
    """The codes of ``lanes`` neighbours from ``bit`` on, in a buffer of ``size`` bytes; 0 where none exists."""
    places = places_of(e, bit, e.i64(dtype.bits), lanes)
    if dtype.bits > WIDEST or lanes < 2:
        return gather(e, base, places, dtype, exists)
    width, first = window_bytes(dtype, lanes), e.b.ashr(bit, e.i64(3))
    inside = e.b.icmp_signed("<=", e.b.add(first, e.i64(width)), size)
    inside = e.b.and_(inside, e.b.icmp_signed(">=", bit, e.i64(0)))

    def whole() -> list[LLVM]:
        held = e.load(e.at(base, first, I8), I8, width)
        found = from_window(e, held, e.b.trunc(e.b.and_(bit, e.i64(7)), I32), dtype, lanes)
        return [found if exists is None else e.b.select(exists, found, e.zero(found.type))]

    (found,) = e.either(inside, whole, lambda: [gather(e, base, places, dtype, exists)])
    return found


def places_of(e: Emitter, bit: LLVM, step: LLVM, lanes: int) -> LLVM:
    """The bit offsets of elements that are ``step`` bits apart."""
    return e.b.add(e.splat(bit, lanes), e.b.mul(e.iota(lanes, I64), e.splat(step, lanes)))


def window_bytes(dtype: DType, lanes: int) -> int:
    """The bytes read for ``lanes`` neighbours: up to the last lane's window, and a power of two."""
    return power_of_two((lanes - 1) * dtype.bits // 8 + WINDOW // 8)


def power_of_two(count: int) -> int:
    """The least power of two that is not below ``count``."""
    return 1 << (count - 1).bit_length()


def from_window(e: Emitter, window: LLVM, within: LLVM, dtype: DType, lanes: int) -> LLVM:
    """Codes out of bytes: each lane's are moved to it, and shifted down by where they begin in the first."""
    starts = [n * dtype.bits // 8 for n in range(lanes)]
    picks = [start + k for start in starts for k in range(WINDOW // 8)]
    order = e.constant_vector(vector_of(I32, len(picks)), picks)
    words = e.b.bitcast(e.b.shuffle_vector(window, e.undefined(window.type), order), vector_of(I32, lanes))
    shifts = e.constant_vector(words.type, [n * dtype.bits % 8 for n in range(lanes)])
    return extended(e, e.b.lshr(words, e.b.add(shifts, e.splat(within, lanes))), dtype)


# writing ------------------------------------------------------------------------------------------------------


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
                b.atomic_rmw("and", at, b.or_(b.not_(mine), new), ORDER)
                b.atomic_rmw("or", at, new, ORDER)
        return []

    e.loop(b.lshr(b.add(within, e.i64(dtype.bits + 7)), e.i64(3)), [], byte)


def scatter(e: Emitter, base: LLVM, bits: LLVM, codes: LLVM, dtype: DType, exists: LLVM | None) -> None:
    """Write codes at a vector of bit offsets, where ``exists``."""
    lanes = lanes_of(bits)
    masks = vector_of(ir.IntType(1), lanes)

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


def store_row(e: Emitter, base: LLVM, bit: LLVM, codes: LLVM, dtype: DType, exists: LLVM | None) -> None:
    """Write neighbours from ``bit`` on: bytes at once where they begin and end at one and all exist."""
    lanes = lanes_of(codes)
    places = places_of(e, bit, e.i64(dtype.bits), lanes)
    if exists is not None or dtype.bits > 8 or lanes % 8:
        scatter(e, base, places, codes, dtype, exists)
        return
    with e.fork(e.b.icmp_signed("==", e.b.and_(bit, e.i64(7)), e.i64(0))) as (even, odd):
        with even:
            e.store(joined(e, codes, dtype), e.at(base, e.b.ashr(bit, e.i64(3)), I8), align=1)
        with odd:
            scatter(e, base, places, codes, dtype, None)


def joined(e: Emitter, codes: LLVM, dtype: DType) -> LLVM:
    """Codes of up to 8 bits without gaps, as bytes: pairs, then pairs of pairs, and so on up to 8 in one word."""
    lanes, width = lanes_of(codes), dtype.bits
    words = e.b.and_(codes, e.like(codes, (1 << width) - 1))
    while lanes_of(words) > lanes // 8:
        half, size = lanes_of(words) // 2, words.type.element.width
        low, high = (e.b.zext(every_second(e, words, n), vector_of(ir.IntType(2 * size), half)) for n in (0, 1))
        words, width = e.b.or_(low, e.b.shl(high, e.like(high, width))), 2 * width
    bytes_ = e.b.bitcast(words, vector_of(I8, 8 * lanes_of(words)))
    picks = [8 * word + k for word in range(lanes // 8) for k in range(dtype.bits)]
    order = e.constant_vector(vector_of(I32, len(picks)), picks)
    return e.b.shuffle_vector(bytes_, e.undefined(bytes_.type), order)


def every_second(e: Emitter, x: LLVM, first: int) -> LLVM:
    lanes = lanes_of(x)
    picks = e.constant_vector(vector_of(I32, lanes // 2), range(first, lanes, 2))
    return e.b.shuffle_vector(x, e.undefined(x.type), picks)
