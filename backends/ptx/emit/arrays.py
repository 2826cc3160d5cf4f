"""Constants, renamings and elementwise instructions: what becomes of registers without memory or other lanes."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence

from tilevm.ir import Op, ops, threads
from tilevm.types import DType, i32
from tilevm.types.codec import encode

from .elements import Element, Elements, Known, Reg, operand
from .elementwise import elementwise, select
from .floats import float_bits
from .integers import compare, signed
from .state import State, count_of, dtype_of, spell
from .words import unpacked, words


@spell.rule(ops.Unary, ops.Binary, ops.Compare, ops.Fma, ops.Select, ops.Cast)
def _(op: Op, s: State) -> Sequence[Elements]:
    return [elementwise(s.t, op, [s.values[v] for v in op.operands])]


def code(value: int | float | bool, dtype: DType) -> int:
    """A constant as an element holds it: an integer, or the code of a float."""
    if not dtype.is_float:
        return int(value)
    if dtype.name in ("f32", "f64"):
        return float_bits(rounded(float(value), dtype), dtype)
    return int(encode(float(value), dtype, saturate=False))


def rounded(value: float, dtype: DType) -> float:
    """A float as f32 holds it, infinite where it is too large."""
    if dtype.bits == 64 or not math.isfinite(value):
        return value
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


@spell.rule(ops.Constant)
def _(op: ops.Constant, s: State) -> Sequence[Elements]:
    return [(Known(code(op.value, op.of)),)]


@spell.rule(threads.Numbers)
def _(op: threads.Numbers, s: State) -> Sequence[Elements]:
    return [tuple(map(Known, op.values))]


@spell.rule(ops.Splat)
def _(op: ops.Splat, s: State) -> Sequence[Elements]:
    return [s.values[op.x] * count_of(op.result)]


@spell.rule(threads.Take)
def _(op: threads.Take, s: State) -> Sequence[Elements]:
    held = s.values[op.x]
    return [tuple(held[r] for r in op.registers)]


@spell.rule(threads.Register)
def _(op: threads.Register, s: State) -> Sequence[Elements]:
    return [(s.values[op.x][op.at],)]


@spell.rule(threads.Join)
def _(op: threads.Join, s: State) -> Sequence[Elements]:
    return [tuple(x for v in op.xs for x in s.values[v])]


@spell.rule(threads.Pick)
def _(op: threads.Pick, s: State) -> Sequence[Elements]:
    held, dtype = s.values[op.x], dtype_of(op.x)
    return [tuple(picked(s, held, dtype, index) for index in s.values[op.index])]


def picked(s: State, held: Elements, dtype: DType, index: Element) -> Element:
    """One of some registers, by halves: as many choices as there are bits in the index."""
    if isinstance(index, Known):
        return held[index.value]
    now: list[Element] = list(held)
    bit = 0
    while len(now) > 1:
        masked = s.t.pure("r", "and.b32", operand(s.t, index, i32), str(1 << bit))
        upper = compare(s.t, i32, "ne", Reg(masked), Known(0))
        pairs = [now[i : i + 2] for i in range(0, len(now), 2)]
        now = [select(s.t, dtype, upper, p[1], p[0]) if len(p) == 2 else p[0] for p in pairs]
        bit += 1
    return now[0]


@spell.rule(ops.View)
def _(op: ops.View, s: State) -> Sequence[Elements]:
    source, held = dtype_of(op.x), s.values[op.x]
    count = count_of(op.result)
    if source.bits == op.to.bits:
        return [tuple(renamed(s, x, source, op.to) for x in held)]
    return [unpacked(s.t, words(s.t, held, source), op.to, count)]


def renamed(s: State, x: Element, source: DType, to: DType) -> Element:
    """As many bits of another type: the register itself, unless what stands above them changes."""
    if isinstance(x, Reg) and (source.bits in (32, 64) or signed(source) == signed(to)):
        return x
    (found,) = unpacked(s.t, words(s.t, [x], source), to, 1)
    return found


@spell.rule(ops.Extent)
def _(op: ops.Extent, s: State) -> Sequence[Elements]:
    return [(s.extent(op.tensor, op.axis),)]


@spell.rule(threads.Stride)
def _(op: threads.Stride, s: State) -> Sequence[Elements]:
    return [(s.stride(op.tensor, op.axis),)]


@spell.rule(threads.ThreadId)
def _(op: threads.ThreadId, s: State) -> Sequence[Elements]:
    return [(Reg(s.t.pure("r", "mov.u32", "%tid.x")),)]


AXES = "xyz"


@spell.rule(ops.ProgramId)
def _(op: ops.ProgramId, s: State) -> Sequence[Elements]:
    return [(Reg(s.t.pure("r", "mov.u32", f"%ctaid.{AXES[op.axis]}")),)]


@spell.rule(ops.NumPrograms)
def _(op: ops.NumPrograms, s: State) -> Sequence[Elements]:
    return [(Reg(s.t.pure("r", "mov.u32", f"%nctaid.{AXES[op.axis]}")),)]
