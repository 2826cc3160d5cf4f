"""Instructions on bits: logic, counting, fields, permutation of bytes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .integers import kind_of
from .kinds import HOLD, Array, bits_of, constant, width
from .operands import unknown
from .pure import Pure, Rule
from .records import Instruction, Number


def logic(function: Callable[..., Array], count: int, shadow: Callable[..., Array] | None = None) -> Rule:
    return lambda at: Pure((kind_of(at),) * count, kind_of(at), function, shadow)


def either(*operands: Array) -> Array:
    """Bits without a value where any operand's bit has none."""
    half = len(operands) // 2
    return np.asarray(np.bitwise_or.reduce(np.broadcast_arrays(*operands[half:])))


def zero_wins(a: Array, b: Array, lacks_a: Array, lacks_b: Array) -> Array:
    """Of ``and``: a known zero makes the result known."""
    return np.asarray((lacks_a | lacks_b) & (lacks_a | a) & (lacks_b | b))


def one_wins(a: Array, b: Array, lacks_a: Array, lacks_b: Array) -> Array:
    """Of ``or``: a known one makes the result known."""
    return zero_wins(~a, ~b, lacks_a, lacks_b)


def lop3(at: Instruction) -> Pure:
    """Any function of three bits: bit 4a + 2b + c of the table that stands last."""
    last = at.operands[-1]
    if at.has("BoolOp", "or", "and") or not isinstance(last, Number):
        raise unknown(at, "only the form with a constant table and no predicate is known")
    table = int(constant(last.text, "u32")[0])

    def run(a: Array, b: Array, c: Array, _: Array) -> Array:
        found = np.zeros(np.broadcast_shapes(a.shape, b.shape, c.shape), np.uint32)
        for row in range(8):
            if table >> row & 1:
                found |= (a if row & 4 else ~a) & (b if row & 2 else ~b) & (c if row & 1 else ~c)
        return found

    return Pure(("b32",) * 4, "b32", run, either)


def unpacked(x: Array) -> Array:
    """The bits of each number, bit 0 first: (threads, bits)."""
    rows = np.ascontiguousarray(bits_of(x)).view(np.uint8).reshape(len(x), -1)
    return np.unpackbits(rows, axis=1, bitorder="little")


def population(x: Array) -> Array:
    return np.bitwise_count(x).astype(np.uint32)


def highest(x: Array) -> Array:
    """The place of the highest set bit; -1 where there is none."""
    rows = unpacked(x)[:, ::-1]
    return np.where(rows.any(axis=1), rows.shape[1] - 1 - rows.argmax(axis=1), -1).astype(np.int32)


def leading_zeros(x: Array) -> Array:
    return np.asarray(x.dtype.itemsize * 8 - 1 - highest(x)).astype(np.uint32)


def reverse(x: Array) -> Array:
    rows = np.packbits(unpacked(x)[:, ::-1], axis=1, bitorder="little")
    return np.ascontiguousarray(rows).view(x.dtype).reshape(-1)


def counting(function: Callable[[Array], Array]) -> Rule:
    return lambda at: Pure((kind_of(at),), "u32", function)


def find(at: Instruction) -> Pure:
    """``bfind``: the highest bit that differs from the sign, or how far to shift it to the top."""
    kind = kind_of(at)
    shifted = at.has("shiftamt")

    def run(x: Array) -> Array:
        flipped = np.where(x < 0, ~x, x) if kind[0] == "s" else x
        place = highest(flipped)
        found = np.where(place < 0, -1, width(kind) - 1 - place) if shifted else place
        return found.astype(np.int32).view(np.uint32)

    return Pure((kind,), "u32", run)


def extract(at: Instruction) -> Pure:
    """``bfe``: a field of ``length`` bits from ``start``; the sign is the field's highest bit within the word."""
    kind = kind_of(at)
    size = width(kind)

    def run(x: Array, start: Array, length: Array) -> Array:
        first, count = (start & np.uint32(255)).astype(int), (length & np.uint32(255)).astype(int)
        rows = unpacked(np.broadcast_to(x, np.broadcast_shapes(x.shape, first.shape, count.shape)))
        bit = np.arange(size)
        top = np.minimum(first + count - 1, size - 1)
        sign = np.where((count > 0) & (kind[0] == "s"), np.take_along_axis(rows, column(top, rows), 1)[:, 0], 0)
        places = bit[None, :] + np.atleast_1d(first)[:, None]
        inside = (bit[None, :] < np.atleast_1d(count)[:, None]) & (places < size)
        taken = np.take_along_axis(rows, np.broadcast_to(np.minimum(places, size - 1), rows.shape), 1)
        found = np.where(inside, taken, sign[:, None]).astype(np.uint8)
        return np.packbits(found, axis=1, bitorder="little").view(HOLD[kind]).reshape(-1)

    def shadow(_: Array, start: Array, length: Array, x: Array, *where: Array) -> Array:
        """A sign without a value spreads as a sign does."""
        return np.asarray(bits_of(run(x, start, length)) | all_where(x, *where))

    return Pure((kind, "u32", "u32"), kind, run, shadow)


def all_where(like: Array, *lacking: Array) -> Array:
    """Every bit of numbers of a type, where one of these lacks any."""
    none = like.dtype.type(0)
    return np.asarray(np.where(np.bitwise_or.reduce(np.broadcast_arrays(*lacking)) != 0, ~none, none))


def column(index: Array, rows: Array) -> Array:
    """An index for each row, of one that may stand for all."""
    return np.broadcast_to(np.clip(index, 0, rows.shape[1] - 1), (len(rows),))[:, None]


def insert(at: Instruction) -> Pure:
    """``bfi``: the low ``length`` bits of a into b from ``start``."""
    kind = kind_of(at)
    size = width(kind)

    def run(a: Array, b: Array, start: Array, length: Array) -> Array:
        first, count = start & np.uint32(255), length & np.uint32(255)
        one = a.dtype.type(1)
        kept = np.where(count >= size, ~a.dtype.type(0), (one << np.minimum(count, size - 1).astype(a.dtype)) - one)
        at_place = np.minimum(first, size - 1).astype(a.dtype)
        mask = np.where(first >= size, a.dtype.type(0), kept << at_place)
        return np.asarray(((a << at_place) & mask) | (b & ~mask))

    def shadow(_a: Array, _b: Array, start: Array, length: Array, a: Array, b: Array, *where: Array) -> Array:
        return np.asarray(run(a, b, start, length) | all_where(a, *where))

    return Pure((kind, kind, "u32", "u32"), kind, run, shadow)


def field_mask(at: Instruction) -> Pure:
    """``bmsk``: ones from a for b bits; ``clamp`` cuts both at 32, ``wrap`` takes them modulo 32."""
    wrap = at.has("wrap")

    def run(a: Array, b: Array) -> Array:
        start, count = (a & 31, b & 31) if wrap else (np.minimum(a, 32), np.minimum(b, 32))
        ones = (np.uint64(1) << count.astype(np.uint64)) - np.uint64(1)
        return (ones << start.astype(np.uint64)).astype(np.uint32)

    return Pure(("u32", "u32"), "b32", run)


MODES = {  # source bytes of prmt's modes for each value of the selector's two low bits, low byte first
    "f4e": ((0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (3, 4, 5, 6)),
    "b4e": ((0, 7, 6, 5), (1, 0, 7, 6), (2, 1, 0, 7), (3, 2, 1, 0)),
    "rc8": ((0,) * 4, (1,) * 4, (2,) * 4, (3,) * 4),
    "ecl": ((0, 1, 2, 3), (1, 1, 2, 3), (2, 2, 2, 3), (3, 3, 3, 3)),
    "ecr": ((0, 0, 0, 0), (0, 1, 1, 1), (0, 1, 2, 2), (0, 1, 2, 3)),
    "rc16": ((0, 1, 0, 1), (2, 3, 2, 3), (0, 1, 0, 1), (2, 3, 2, 3)),
}


def permute(at: Instruction) -> Pure:
    """``prmt``: each byte of the result is one of the eight of a and b, or its sign spread out."""
    mode = next((m for m in MODES if at.has(m)), None)

    def run(a: Array, b: Array, c: Array) -> Array:
        a, b, c = np.broadcast_arrays(a, b, c)
        source = np.stack([a, b], axis=1).view(np.uint8).reshape(-1, 8)
        if mode:
            choice = np.array(MODES[mode])[c & np.uint32(3)]
        else:
            choice = (c[:, None] >> np.arange(0, 16, 4, dtype=np.uint32)) & np.uint32(15)
        byte = np.take_along_axis(source, (choice & 7).astype(int), 1)
        byte = np.where(choice & 8, np.where(byte & 128, 255, 0), byte).astype(np.uint8)
        return byte.view(np.uint32).reshape(-1)

    def shadow(_a: Array, _b: Array, choice: Array, a: Array, b: Array, c: Array) -> Array:
        return run(a, b, choice) | np.where(c != 0, np.uint32(0xFFFFFFFF), np.uint32(0))

    return Pure(("b32",) * 3, "b32", run, shadow)


def none_set(a: Array) -> Array:
    """``cnot``."""
    return np.asarray(a == 0).astype(a.dtype)


BITS_RULES: dict[str, Rule] = {
    "and": logic(np.bitwise_and, 2, zero_wins),
    "or": logic(np.bitwise_or, 2, one_wins),
    "xor": logic(np.bitwise_xor, 2, either),
    "not": logic(np.invert, 1, either),
    "cnot": logic(none_set, 1),
    "lop3": lop3,
    "popc": counting(population),
    "clz": counting(leading_zeros),
    "brev": logic(reverse, 1),
    "bfind": find,
    "bfe": extract,
    "bfi": insert,
    "bmsk": field_mask,
    "prmt": permute,
}
