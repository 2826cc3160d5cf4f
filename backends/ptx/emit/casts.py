"""Numbers of one type as another, as the casts of the IR round, wrap and saturate.

16-bit floats are widened to f32 on the way in and rounded from it on the way out; what f32 cannot hold is rounded to
odd there, so that the second rounding acts as the only one. Other small floats are left to a pass, but for what the
machine has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tilevm.ir import ops
from tilevm.types import DType, bf16, bool_, f8e4m3, f8e5m2, f16, f32, f64, tf32, u32

from .elements import Element, Elements, Known, Part, Reg, kind_of, operand, register, size_of, wrapped
from .floats import ONE, float_bits, named
from .halves import is_half, narrowed, widened
from .integers import chosen, cut, signed, typed
from .text import Text
from .words import packed

DIRECTIONS = {"natural": "rn", "nearest_even": "rn", "toward_zero": "rz"}
PAIRED = {f8e4m3: "e4m3x2", f8e5m2: "e5m2x2"}  # small floats that the machine converts two at a time
SINCE_PAIRED = (8, 1)


def cast(t: Text, op: ops.Cast, source: DType, xs: Elements) -> Elements:
    """Every element of ``xs`` as ``op.to``."""
    assert op.rounding in (*DIRECTIONS, "nearest_even"), f"cast to {op.to}, {op.rounding}: it was to be expanded"
    if source == op.to and not (op.saturate and source.is_float):
        return xs
    if source in PAIRED:
        return cast(t, op, f32, tuple(of_small(t, xs, source)))
    if is_half(source):
        return cast(t, op, f32, tuple(widened(t, x, source) for x in xs))
    if source == tf32:
        return cast(t, op, f32, xs)
    return target(op.to)(t, op, source, xs)


Rule = Callable[[Text, ops.Cast, DType, Elements], Elements]


def target(to: DType) -> Rule:
    """The rule for casts to a type."""
    if to.is_bool:
        return to_bool
    if to.is_integer:
        return to_integer
    found = FLOATS.get(to)
    assert found is not None, f"cast to {to}: it was to be expanded"
    return found


def to_bool(t: Text, op: ops.Cast, source: DType, xs: Elements) -> Elements:
    kind = f"neu.{named(source)}" if source.is_float else f"ne.{typed(source)}"
    zero = operand(t, Known(0), source)
    return tuple(
        Known(int(x.value != 0))
        if isinstance(x, Known) and source.is_integer
        else Reg(t.pure("p", f"setp.{kind}", operand(t, x, source), zero))
        for x in xs
    )


def to_integer(t: Text, op: ops.Cast, source: DType, xs: Elements) -> Elements:
    if source.is_bool:
        return tuple(of_bool(t, x, op.to, 1) for x in xs)
    one = truncated if source.is_float else saturated if op.saturate else resized
    return tuple(one(t, op, source, x) for x in xs)


def of_bool(t: Text, x: Element, to: DType, one: int) -> Element:
    if isinstance(x, Known):
        return Known(one if x.value else 0)
    return chosen(t, to, register(t, x, bool_), Known(one), Known(0))


def resized(t: Text, op: ops.Cast, source: DType, x: Element) -> Element:
    """An integer in a register of another size, cut to its bits."""
    to = op.to
    if isinstance(x, Known):
        return Known(wrapped(to, x.value))
    x = registers_of(t, x, source, size_of(to))
    fits = to.bits >= source.bits + (signed(to) and not signed(source)) and (signed(to) or not signed(source))
    return x if fits else cut(t, x, to)


def registers_of(t: Text, x: Element, source: DType, size: int) -> Element:
    """The same integer in a register of 32 or 64 bits: its sign stretched, or its upper half dropped."""
    if size_of(source) == size:
        return x if source.bits == size else Reg(register(t, x, source))
    if size == 64:
        return Reg(t.pure("rd", f"cvt.{'s64.s32' if signed(source) else 'u64.u32'}", register(t, x, source)))
    return Reg(t.pure("r", "cvt.u32.u64", register(t, x, source)))


def saturated(t: Text, op: ops.Cast, source: DType, x: Element) -> Element:
    """An integer brought between the limits of another type."""
    low, high = max(int(op.to.min), int(source.min)), min(int(op.to.max), int(source.max))
    if isinstance(x, Known):
        return Known(min(max(x.value, low), high))
    kind, name = typed(source), register(t, x, source)
    if low > source.min:
        name = t.pure(kind_of(source), f"max.{kind}", name, str(low))
    if high < source.max:
        name = t.pure(kind_of(source), f"min.{kind}", name, str(high))
    return registers_of(t, Reg(name), source, size_of(op.to))


def truncated(t: Text, op: ops.Cast, source: DType, x: Element) -> Element:
    """A float as an integer: rounded, then cut to the limits; NaN gives 0."""
    to, value = op.to, operand(t, x, source)
    turn = "rni" if op.rounding == "nearest_even" else "rzi"
    kind, letter, size = typed(to), kind_of(to), size_of(to)
    name = t.pure(letter, f"cvt.{turn}.{kind}.{named(source)}", value)
    if size == 64 or source == f64:  # there NaN becomes a number of the machine's own
        nan = t.pure("p", f"setp.nan.{named(source)}", value, value)
        name = t.pure(letter, f"selp.b{size}", "0", name, nan)
    if to.bits == size:
        return Reg(name)
    if signed(to):
        name = t.pure(letter, f"max.{kind}", name, str(to.min))
    return Reg(t.pure(letter, f"min.{kind}", name, str(to.max)))


def to_wide(t: Text, op: ops.Cast, source: DType, xs: Elements) -> Elements:
    """f32 and f64."""
    to, kind = op.to, named(op.to)
    if source.is_bool:
        return tuple(of_bool(t, x, to, ONE[to.bits]) for x in xs)
    if source.is_integer:
        direction = DIRECTIONS[op.rounding]
        form = f"cvt.{direction}.{kind}.{typed(source)}"
        return tuple(Reg(t.pure(kind_of(to), form, operand(t, x, source))) for x in xs)
    if to.bits < source.bits:
        form = f"cvt.{DIRECTIONS[op.rounding]}.f32.f64"
        return tuple(Reg(t.pure("r", form, operand(t, x, f64))) for x in clamped(t, op, source, xs))
    if to.bits > source.bits:
        xs = tuple(Reg(t.pure("rd", "cvt.f64.f32", operand(t, x, f32))) for x in xs)
    return clamped(t, op, to, xs)


def clamped(t: Text, op: ops.Cast, source: DType, xs: Elements) -> Elements:
    """Floats between the limits of ``op.to`` where it saturates; NaN stays."""
    if not op.saturate:
        return xs
    kind, size = named(source), source.bits
    most = float_bits(float(op.to.max), source)
    top, bottom = (operand(t, Known(b), source) for b in (most, most | 1 << (size - 1)))
    found = []
    for x in xs:
        name = register(t, x, source)
        over = t.pure("p", f"setp.gt.{kind}", name, top)
        name = t.pure(kind_of(source), f"selp.{kind}", top, name, over)
        under = t.pure("p", f"setp.lt.{kind}", name, bottom)
        found.append(Reg(t.pure(kind_of(source), f"selp.{kind}", bottom, name, under)))
    return tuple(found)


def to_half(t: Text, op: ops.Cast, source: DType, xs: Elements) -> Elements:
    """f16 and bf16."""
    to = op.to
    if source.is_bool:
        return tuple(of_bool(t, x, to, 0x3C00 if to == f16 else 0x3F80) for x in xs)
    if source != f32:
        xs = tuple(to_odd(t, x, source) for x in xs)
    return narrowed(t, clamped(t, op, f32, xs), to, DIRECTIONS[op.rounding])


def to_odd(t: Text, x: Element, source: DType) -> Element:
    """A wide number as f32, rounded toward zero, its last bit set where something was dropped."""
    value = register(t, x, source)
    if source.is_integer and source.bits - signed(source) <= 24:
        return Reg(t.pure("r", f"cvt.rn.f32.{typed(source)}", value))
    kind = named(source) if source.is_float else typed(source)
    name = t.pure("r", f"cvt.rz.f32.{kind}", value)
    back = "cvt.f64.f32" if source.is_float else f"cvt.rzi.{kind}.f32"
    again = t.pure(kind_of(source), back, name)
    lost = t.pure("p", f"setp.{'neu' if source.is_float else 'ne'}.{kind}", again, value)
    return chosen(t, u32, lost, Reg(t.pure("r", "or.b32", name, "1")), Reg(name))


def to_tf32(t: Text, op: ops.Cast, source: DType, xs: Elements) -> Elements:
    """f32 with 13 bits dropped, to nearest even, and they are zeros."""
    assert source in (f32, f64) or source.is_integer or source.is_bool, f"cast from {source} to tf32"
    assert op.rounding in ("natural", "nearest_even"), f"cast to tf32, {op.rounding}: it was to be expanded"
    if source.is_bool:
        return tuple(of_bool(t, x, f32, ONE[32]) for x in xs)
    if source != f32:
        xs = tuple(to_odd(t, x, source) for x in xs)
    return tuple(dropped(t, x) for x in clamped(t, op, f32, xs))


def dropped(t: Text, x: Element) -> Element:
    name = register(t, x, f32)
    odd = t.pure("r", "bfe.u32", name, "13", "1")
    up = t.pure("r", "add.s32", t.pure("r", "add.s32", name, odd), "4095")
    whole = t.pure("r", "and.b32", up, "0xffffe000")
    nan = t.pure("p", "setp.nan.f32", name, name)
    quiet = t.pure("r", "or.b32", t.pure("r", "and.b32", name, "0xffffe000"), "0x400000")
    return Reg(t.pure("r", "selp.b32", quiet, whole, nan))


def to_small(t: Text, op: ops.Cast, source: DType, xs: Elements) -> Elements:
    """8-bit floats, by the machine's conversion of two, which saturates."""
    fits = source == f32 and op.saturate and op.rounding in ("natural", "nearest_even")
    assert fits, f"cast from {source} to {op.to}, {op.rounding}, saturate={op.saturate}: it was to be expanded"
    t.need(SINCE_PAIRED)
    found: list[Element] = []
    for i in range(0, len(xs), 2):
        low, high = xs[i], xs[i + 1] if i + 1 < len(xs) else Known(0)
        op_name = f"cvt.rn.satfinite.{PAIRED[op.to]}.f32"
        pair = t.pure("h", op_name, operand(t, high, f32), operand(t, low, f32))
        word = Reg(t.pure("r", "cvt.u32.u16", pair))
        found += [Part(word, 0, 8), Part(word, 8, 8)][: len(xs) - i]
    return tuple(found)


def of_small(t: Text, xs: Sequence[Element], source: DType) -> Sequence[Element]:
    """8-bit floats as f32."""
    t.need(SINCE_PAIRED)
    found: list[Element] = []
    for i in range(0, len(xs), 2):
        pair = t.pure("h", "cvt.u16.u32", register(t, packed(t, xs[i : i + 2], source), u32))
        word = Reg(t.pure("r", f"cvt.rn.f16x2.{PAIRED[source]}", pair))
        found += [widened(t, Part(word, at, 16), f16) for at in (0, 16)][: len(xs) - i]
    return found


FLOATS: dict[DType, Rule] = {f32: to_wide, f64: to_wide, f16: to_half, bf16: to_half, tf32: to_tf32}
FLOATS |= dict.fromkeys(PAIRED, to_small)
