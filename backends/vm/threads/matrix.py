"""What a warp does together: products of matrices, and loads of 8 × 8 matrices from shared memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import product
from typing import TypeVar

import numpy as np

from tilevm.ir import Op, threads
from tilevm.layout import Layout, LayoutError
from tilevm.source import TileError
from tilevm.target import MmaAtom
from tilevm.target.matrix import ROW_BYTES, ROWS, MatrixCopy
from tilevm.types import DType, Tile, f32, tf32

from ..rounding import Array
from ..values import Held, Poison, fit
from .block import ThreadBlock, act
from .history import Access
from .staging import buffer_of, ordered, read, registers_of, stage

DROPPED = np.uint32(0x1FFF)  # the bits of f32 that tf32 has not
T = TypeVar("T")
EXACT = 53  # bits that float64 counts in


@cache
def holders(layout: Layout) -> Array:
    """Which slot of a warp, thread * registers + register, holds each element of a fragment; in its shape."""
    found = [layout.owners(index)[0] for index in product(*map(range, layout.shape))]
    return np.reshape([thread * layout.registers + register for thread, register in found], layout.shape)


@cache
def held_at(layout: Layout) -> Array:
    """Which element, counted row-major, each slot of a warp holds: (threads, registers)."""
    shape = (layout.threads, layout.registers)
    found = [layout.index_at(t, r) for t, r in np.ndindex(shape)]
    return np.reshape([np.ravel_multi_index(index, layout.shape) for index in found if index is not None], shape)


@act.rule(threads.Mma)
def _(op: threads.Mma, b: ThreadBlock) -> Sequence[Held]:
    atom = named(op, b.machine.target.atom, op.atom)
    check(op, atom, b.lanes)
    m, n, k = op.grid
    assert atom.a is not None and atom.b is not None, "target.atom gives those with operands in registers"
    a, bb, c = b.held(op.a), b.held(op.b), b.held(op.acc)
    lefts = matrices(operand(a.data, atom.a_dtype), atom.a, b, m, k)  # (k, warps, blocks, rows, depth)
    rights = matrices(operand(bb.data, atom.b_dtype), atom.b, b, n, k, across=True)
    total = matrices(c.data, atom.c, b, m, n, whole=True)
    with np.errstate(all="ignore"):
        for left, right in zip(lefts, rights, strict=True):
            total = fit(atom.c_dtype, total + multiplied(left, right, atom))
    return [Held(fragments(total, atom.c, b, m, n), unknown(op, atom, b))]


def named(op: Op, ask: Callable[[str], T], name: str) -> T:
    """What the machine has by a name. Raises TileError, at the instruction, where it has none."""
    try:
        return ask(name)
    except TileError as error:
        error.span = op.span
        raise


def check(op: threads.Mma, atom: MmaAtom, lanes: int) -> None:
    """Raises TileError where operands are not of the instruction's types, or not whole fragments."""
    if atom.threads != lanes or atom.scales is not None:
        what = f"is of {atom.threads} threads" if atom.scales is None else "takes scales"
        message = f"mma: {atom.name} {what}, and mma is of one warp, without scales"
        raise TileError(
            message, op.span, help=f"name an instruction of {lanes} threads, such as those of tilevm targets"
        )
    m, n, k = op.grid
    for value, count, (what, dtype, layout, _) in zip(
        (op.a, op.b, op.acc), (m * k, k * n, m * n), atom.operands(), strict=True
    ):
        assert isinstance(value.type, Tile) and layout is not None
        wanted = Tile(dtype, (count * layout.registers,))
        if value.type != wanted and not (dtype == tf32 and value.type == Tile(f32, wanted.shape)):
            help = f"a thread holds {layout.registers} registers of each of the {count} fragments of {what}"
            raise TileError(f"mma: {what} is {value.type} where {atom.name} takes {wanted}", op.span, help=help)


def operand(data: Array, dtype: DType) -> Array:
    """Numbers as a matrix unit takes them: of f32 in place of tf32 it drops the last bits."""
    if dtype != tf32:
        return data
    with np.errstate(all="ignore"):
        single = data.astype(np.float32)
    codes = np.where(np.isnan(single), single.view(np.uint32), single.view(np.uint32) & ~DROPPED)
    return codes.view(np.float32).astype(np.float64)


def matrices(
    data: Array, layout: Layout, b: ThreadBlock, rows: int, columns: int, across: bool = False, whole: bool = False
) -> Array:
    """Fragments in registers put together to the matrices of each warp.

    Those of (rows, columns) fragments stand in registers row by row. ``whole``: (warps, blocks, m, n). Else cut along
    the inner dimension k, which is that of the columns, or of the rows where ``across`` (then ``rows`` counts the
    columns): (k, warps, blocks, ...).
    """
    outer, inner = (columns, rows) if across else (rows, columns)
    slots = data.reshape(b.machine.warps, b.lanes, outer, inner, layout.registers).transpose(0, 2, 3, 1, 4)
    flat = slots.reshape(b.machine.warps, outer, inner, -1)
    blocks = holders(layout).reshape(-1, *layout.shape[-2:])
    found = flat[..., blocks]  # (warps, outer, inner, blocks, p, q)
    warps, _, _, count, p, q = found.shape
    if whole:
        return found.transpose(0, 3, 1, 4, 2, 5).reshape(warps, count, outer * p, inner * q)
    if across:
        return found.transpose(1, 0, 3, 4, 2, 5).reshape(outer, warps, count, p, inner * q)
    return found.transpose(2, 0, 3, 1, 4, 5).reshape(inner, warps, count, outer * p, q)


def fragments(total: Array, layout: Layout, b: ThreadBlock, m: int, n: int) -> Array:
    """Matrices (warps, blocks, m, n) back in registers: the inverse of ``matrices(…, whole=True)``."""
    warps, count, rows, columns = total.shape
    cut = total.reshape(warps, count, m, rows // m, n, columns // n).transpose(0, 2, 4, 1, 3, 5)
    slots = cut.reshape(warps, m, n, -1)[..., held_at(layout)]  # (warps, m, n, lanes, registers)
    return slots.transpose(0, 3, 1, 2, 4).reshape(b.threads, -1)


def multiplied(left: Array, right: Array, atom: MmaAtom) -> Array:
    """The exact product, or the nearest float64."""
    if atom.c_dtype.is_float:
        return np.asarray(left @ right)
    bits = atom.a_dtype.bits + atom.b_dtype.bits + atom.k.bit_length()
    exact = np.float64 if bits < EXACT else np.int64  # numpy multiplies floats much faster
    return (left.astype(exact) @ right.astype(exact)).astype(np.int64)


def unknown(op: threads.Mma, atom: MmaAtom, b: ThreadBlock) -> Poison | None:
    """Sums that take in what was never written."""
    a, bb, c = b.held(op.a), b.held(op.b), b.held(op.acc)
    origin = next((h.poison.origin for h in (a, bb, c) if h.poison is not None), None)
    if a.poison is None and bb.poison is None and c.poison is None:
        return None
    m, n, k = op.grid
    assert atom.a is not None and atom.b is not None
    lefts = np.asarray(matrices(where(a), atom.a, b, m, k).any(axis=(0, 4)))
    rights = np.asarray(matrices(where(bb), atom.b, b, n, k, across=True).any(axis=(0, 3)))
    total = matrices(where(c), atom.c, b, m, n, whole=True) | lefts[..., :, None] | rights[..., None, :]
    return Poison(fragments(total, atom.c, b, m, n), origin)


def where(held: Held) -> Array:
    return np.zeros(held.data.shape, bool) if held.poison is None else held.poison.where


@act.rule(threads.MatrixLoad)
def _(op: threads.MatrixLoad, b: ThreadBlock) -> Sequence[Held]:
    copy = named(op, b.machine.target.matrix_copy, op.copy)
    fragment = fragment_of(op, copy, buffer_of(b, op.buffer).dtype)
    count = registers_of(op.offsets)
    rows = holders(copy.addresses).reshape(-1)  # the lane that has the address of each row
    live = np.zeros((b.machine.warps, b.lanes, count), bool)
    live[:, rows] = True
    width = ROW_BYTES // buffer_of(b, op.buffer).size
    at = stage(op, b, op.buffer, op.offsets, op.slot, live.reshape(b.threads, count), width)
    ordered(op, b, Access.READ, at)
    given = at.vectors.held(read(at), at.unwritten(), np.zeros(()), at.buffer.op)

    def moved(x: Array) -> Array:
        lanes = x.reshape(b.machine.warps, b.lanes, count, width)[:, rows]
        whole = lanes.transpose(0, 2, 1, 3).reshape(b.machine.warps, count, copy.count * ROWS * width)
        slots = whole[..., held_at(fragment)]  # (warps, count, lanes, registers)
        return slots.transpose(0, 2, 1, 3).reshape(b.threads, -1)

    return [Held(moved(given.data), given.poison and Poison(moved(given.poison.where), given.poison.origin))]


def fragment_of(op: threads.MatrixLoad, copy: MatrixCopy, dtype: DType) -> Layout:
    """Where elements arrive. Raises TileError for types that the copy does not move."""
    if copy.words != op.words or copy.source != "shared":
        message = f"matrix_load: {copy.name} brings {copy.words} words of {copy.source}, not {op.words}"
        raise TileError(message, op.span, help="ldmatrix brings 1, 2 or 4 words, as the end of its name says")
    try:
        return copy.fragment(dtype.bits)
    except LayoutError as error:
        raise TileError(f"matrix_load: {error}", op.span, help="load such elements by shared_load") from None
