"""Packed tensors: elements that lie bit by bit in bytes, least significant first, and may straddle them.

Neighbours along a row are read as a window of bytes, from which a shuffle gives each lane those of its element. What
has another stride, more bits, or lies at the buffer's end is read element by element. How they are written stands in
:mod:`.packing`.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from tilevm.types import DType, Tensor, Type

from .emit import I8, I32, I64, LLVM, PTR, Emitter, container_bits, lanes_of, vector_of

I128 = ir.IntType(128)
WINDOWS = (32, 64)  # bits that a lane takes from the window
SPARE = 2 * 7  # of them: an element begins within a byte, and the row within another


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
    return extended(e, b.trunc(code, I64) if dtype.bits > I32.width else b.trunc(code, I32), dtype)


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
    taken = next((n for n in WINDOWS if dtype.bits + SPARE <= n), None)
    if taken is None or lanes < 2:
        return gather(e, base, places, dtype, exists)
    width, first = window_bytes(dtype, lanes, taken), e.b.ashr(bit, e.i64(3))
    inside = e.b.icmp_signed("<=", e.b.add(first, e.i64(width)), size)
    inside = e.b.and_(inside, e.b.icmp_signed(">=", bit, e.i64(0)))

    def whole() -> list[LLVM]:
        held = e.load(e.at(base, first, I8), I8, width)
        found = from_window(e, held, e.b.and_(bit, e.i64(7)), dtype, lanes, taken)
        return [found if exists is None else e.b.select(exists, found, e.zero(found.type))]

    (found,) = e.either(inside, whole, lambda: [gather(e, base, places, dtype, exists)])
    return found


def places_of(e: Emitter, bit: LLVM, step: LLVM, lanes: int) -> LLVM:
    """The bit offsets of elements that are ``step`` bits apart."""
    return e.b.add(e.splat(bit, lanes), e.b.mul(e.iota(lanes, I64), e.splat(step, lanes)))


def window_bytes(dtype: DType, lanes: int, taken: int) -> int:
    """The bytes read for ``lanes`` neighbours: up to the last lane's bits, and a power of two."""
    return power_of_two((lanes - 1) * dtype.bits // 8 + taken // 8)


def power_of_two(count: int) -> int:
    """The least power of two that is not below ``count``."""
    return 1 << (count - 1).bit_length()


def from_window(e: Emitter, window: LLVM, within: LLVM, dtype: DType, lanes: int, taken: int) -> LLVM:
    """Codes out of bytes: each lane's are moved to it, and shifted down by where they begin in the first."""
    starts, kind = [n * dtype.bits // 8 for n in range(lanes)], ir.IntType(taken)
    picks = [start + k for start in starts for k in range(taken // 8)]
    order = e.constant_vector(vector_of(I32, len(picks)), picks)
    words = e.b.bitcast(e.b.shuffle_vector(window, e.undefined(window.type), order), vector_of(kind, lanes))
    shifts = e.constant_vector(words.type, [n * dtype.bits % 8 for n in range(lanes)])
    begins = e.splat(within if within.type == kind else e.b.trunc(within, kind), lanes)
    return extended(e, e.b.lshr(words, e.b.add(shifts, begins)), dtype)
