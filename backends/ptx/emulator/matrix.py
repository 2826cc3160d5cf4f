"""``ldmatrix`` and ``mma.sync``. Which lane holds which element is written here from the ISA's formulas for each shape.

``group`` is the lane over 4, ``part`` the lane modulo 4, as in the ISA; i counts the elements of a lane.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from . import reach, rounding
from .access import items
from .convert import from_small
from .kinds import Array
from .machine import LANES, Machine, Step
from .operands import addresser, fetcher, putter, registers_of, unknown
from .program import Program
from .pure import whole
from .reach import Access
from .records import Instruction

Place = Callable[[Array, Array, Array], tuple[Array, Array]]


class Shape(NamedTuple):
    """Where elements of A (row, k), B (k, column) and C (row, column) lie, and how many a lane has of each."""

    m: int
    n: int
    k: int
    a: Place
    a_count: int
    b: Place
    b_count: int
    c: Place
    c_count: int


def accumulator(group: Array, part: Array, i: Array) -> tuple[Array, Array]:
    """C of all shapes with 16 rows: elements 0 and 1 in row ``group``, 2 and 3 eight rows below."""
    return group + 8 * (i >= 2), 2 * part + (i & 1)


def a_half_8(group: Array, part: Array, i: Array) -> tuple[Array, Array]:
    return group + 8 * (i >= 2), 2 * part + (i & 1)


def b_half_8(group: Array, part: Array, i: Array) -> tuple[Array, Array]:
    return 2 * part + i, group


def a_half_16(group: Array, part: Array, i: Array) -> tuple[Array, Array]:
    upper = (i < 2) | ((i >= 4) & (i < 6))
    return np.where(upper, group, group + 8), 2 * part + (i & 1) + 8 * (i >= 4)


def b_half_16(group: Array, part: Array, i: Array) -> tuple[Array, Array]:
    return 2 * part + (i & 1) + 8 * (i >= 2), group + 0 * i


def a_word_4(group: Array, part: Array, i: Array) -> tuple[Array, Array]:
    return group + 8 * (i == 1), part + 0 * i


def b_word_4(group: Array, part: Array, i: Array) -> tuple[Array, Array]:
    return part + 0 * i, group + 0 * i


def a_word_8(group: Array, part: Array, i: Array) -> tuple[Array, Array]:
    return np.where((i == 0) | (i == 2), group, group + 8), np.where(i < 2, part, part + 4)


def b_word_8(group: Array, part: Array, i: Array) -> tuple[Array, Array]:
    return np.where(i == 0, part, part + 4), group + 0 * i


def a_byte_8(group: Array, part: Array, i: Array) -> tuple[Array, Array]:
    """A of 8 rows, and 16 bytes in each."""
    return group + 0 * i, 4 * part + i


def a_byte_16(group: Array, part: Array, i: Array) -> tuple[Array, Array]:
    return np.where(i < 4, group, group + 8), 4 * part + (i & 3)


def b_byte_16(group: Array, part: Array, i: Array) -> tuple[Array, Array]:
    return 4 * part + (i & 3), group + 0 * i


def a_byte_32(group: Array, part: Array, i: Array) -> tuple[Array, Array]:
    upper = (i < 4) | ((i >= 8) & (i < 12))
    return np.where(upper, group, group + 8), 4 * part + (i & 3) + 16 * (i >= 8)


def b_byte_32(group: Array, part: Array, i: Array) -> tuple[Array, Array]:
    return 4 * part + (i & 3) + 16 * (i >= 4), group + 0 * i


def a_double(group: Array, part: Array, i: Array) -> tuple[Array, Array]:
    return group + 0 * i, part + 0 * i


def c_of_8_rows(group: Array, part: Array, i: Array) -> tuple[Array, Array]:
    return group + 0 * i, 2 * part + (i & 1)


SHAPES: dict[tuple[str, int], Shape] = {  # by name and bits of an element of A
    ("m16n8k8", 16): Shape(16, 8, 8, a_half_8, 4, b_half_8, 2, accumulator, 4),
    ("m16n8k16", 16): Shape(16, 8, 16, a_half_16, 8, b_half_16, 4, accumulator, 4),
    ("m16n8k4", 32): Shape(16, 8, 4, a_word_4, 2, b_word_4, 1, accumulator, 4),
    ("m16n8k8", 32): Shape(16, 8, 8, a_word_8, 4, b_word_8, 2, accumulator, 4),
    ("m16n8k16", 8): Shape(16, 8, 16, a_byte_16, 8, b_byte_16, 4, accumulator, 4),
    ("m16n8k32", 8): Shape(16, 8, 32, a_byte_32, 16, b_byte_32, 8, accumulator, 4),
    ("m8n8k16", 8): Shape(8, 8, 16, a_byte_8, 4, b_byte_16, 4, c_of_8_rows, 2),
    ("m8n8k4", 64): Shape(8, 8, 4, a_double, 1, b_word_4, 1, c_of_8_rows, 2),
}


def tf32(words: Array) -> Array:
    """The low 13 bits of a tf32 register are ignored."""
    return (words & np.uint32(0xFFFFE000)).view(np.float32).astype(np.float64)


DECODE: dict[str, tuple[int, Callable[[Array], Array]]] = {  # bits of an element; its numbers from registers
    "f16": (16, lambda r: r.view(np.float16).astype(np.float64)),
    "bf16": (16, lambda r: rounding.brain(r.view(np.uint16)).astype(np.float64)),
    "tf32": (32, tf32),
    "s8": (8, lambda r: r.view(np.int8).astype(np.float64)),
    "u8": (8, lambda r: r.view(np.uint8).astype(np.float64)),
    "e4m3": (8, lambda r: from_small(r.view(np.uint8).astype(np.uint16), "e4m3")),
    "e5m2": (8, lambda r: from_small(r.view(np.uint8).astype(np.uint16), "e5m2")),
    "f64": (64, lambda r: r.view(np.float64)),
    "f32": (32, lambda r: r.view(np.float32).astype(np.float64)),
    "s32": (32, lambda r: r.view(np.int32).astype(np.float64)),
}


def wrapped(x: Array) -> Array:
    """Sums of s32, which wrap."""
    return x.astype(np.int64).astype(np.uint32)


def clamped(x: Array) -> Array:
    """Sums of s32 with ``.satfinite``: what is too large becomes the limit."""
    return wrapped(np.clip(x, -(2.0**31), 2.0**31 - 1))


ENCODE: dict[str, Callable[[Array], Array]] = {  # registers from exact sums: (threads, elements)
    "f32": lambda x: x.astype(np.float32).view(np.uint32),
    "f16": lambda x: x.astype(np.float16).view(np.uint32),
    "f64": lambda x: x.view(np.uint64),
    "s32": wrapped,
}


def spots(place: Place, count: int) -> tuple[Array, Array]:
    """Row and column of each element of each lane: two arrays (lanes, elements)."""
    lane = np.arange(LANES)[:, None]
    rows, columns = place(lane // 4, lane % 4, np.arange(count)[None, :])
    return np.broadcast_to(rows, (LANES, count)), np.broadcast_to(columns, (LANES, count))


def product(program: Program, at: Instruction) -> Step:
    """``mma.sync``: D = A B + C, products and sums in float64, rounded once."""
    names, types = at.parts, at.parts[-4:]
    form = next((p for p in names if p.startswith("m") and p[1:2].isdigit()), "")
    if any(t not in DECODE for t in types) or at.has("sp", "block_scale", "b1"):
        raise unknown(at, "this form is not known")
    shape = SHAPES.get((form, DECODE[types[1]][0]))
    if shape is None or not at.has("row") or types[0] not in ENCODE:
        raise unknown(at, "this shape is not known")
    word = "b64" if types[1] == "f64" else "b32"
    gets = [[fetcher(program, at, o, word) for o in items(operand)] for operand in at.operands[1:]]
    puts = [putter(program, at, o, word) for o in items(at.operands[0])]
    used = registers_of(program, *at.operands[1:])
    reads = ((shape.a, shape.a_count), (shape.b, shape.b_count), (shape.c, shape.c_count))
    places = [spots(*r) for r in reads]
    sizes = ((shape.m, shape.k), (shape.k, shape.n), (shape.m, shape.n))
    decoders = [DECODE[t][1] for t in types[1:]]
    encode = clamped if at.has("satfinite") else ENCODE[types[0]]

    def run(m: Machine, mask: Array | None) -> None:
        matrices = []
        for fetch, decode, where, size in zip(gets, decoders, places, sizes, strict=True):
            registers = np.stack([whole(get(m), m.threads) for get in fetch], axis=1)
            matrix = np.zeros((m.warps, *size))
            matrix[:, where[0], where[1]] = decode(registers).reshape(m.warps, LANES, -1)
            matrices.append(matrix)
        total = np.matmul(matrices[0], matrices[1]) + matrices[2]
        held = np.ascontiguousarray(total[:, places[2][0], places[2][1]]).reshape(m.threads, -1)
        lacking = m.registers.lacking(used)
        if lacking is not None:
            lacking = np.repeat(lacking.reshape(-1, LANES).any(axis=1), LANES)
        for put, column in zip(puts, encode(held).T, strict=True):
            put(m, np.ascontiguousarray(column), mask, lacking)

    return Step(at, run, members=everyone)


def everyone(m: Machine) -> Array:
    """All lanes of a warp take part."""
    return np.array([0xFFFFFFFF], np.uint32)


def handed_out(rows: Array, count: int, turned: bool) -> Array:
    """Rows of matrices, (lanes that gave an address, 4 words), as (warps, matrices, lanes); ``.trans`` turns each."""
    halves = rows.view(np.uint16).reshape(-1, count, 8, 8)
    if turned:
        halves = halves.transpose(0, 1, 3, 2)
    return np.ascontiguousarray(halves).view(np.uint32).reshape(-1, count, LANES)


def load_matrix(program: Program, at: Instruction) -> Step:
    """``ldmatrix``: lane 8j + r gives the address of row r of matrix j; lane l gets two elements of row l // 4."""
    count = next((int(p[1]) for p in at.parts if p in ("x1", "x2", "x4")), 0)
    if not at.has("m8n8") or at.parts[-1] != "b16" or not count:
        raise unknown(at, "only m8n8 of b16 is known")
    place, used = addresser(program, at, at.operands[1]), registers_of(program, at.operands[1])
    puts = [putter(program, at, o, "b32") for o in items(at.operands[0])]
    turned = at.has("trans")

    def run(m: Machine, mask: Array | None) -> None:
        giving = np.arange(m.threads) % LANES < 8 * count
        asked = giving if mask is None else giving & mask
        lanes = np.flatnonzero(asked)
        places = reach.addresses(m, at, place(m), asked, m.registers.lacking(used))
        values, unset = reach.load(m, Access(at, "shared", lanes, places, 32, 4))
        warps = m.warp[lanes[:: 8 * count]]
        words, lacks = handed_out(values, count, turned), handed_out(unset, count, turned)
        for i, put in enumerate(puts):
            full, gone = (np.zeros((m.warps, LANES), np.uint32) for _ in range(2))
            full[warps], gone[warps] = words[:, i], lacks[:, i]
            put(m, full.reshape(-1), mask, gone.reshape(-1) if gone.any() else None)

    return Step(at, run, members=everyone)
