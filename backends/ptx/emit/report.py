"""Lines and assertions, in code for debugging: threads leave what they hold in memory that the host reads afterwards.

Control flow is uniform, so all threads of a block agree where the next record begins without asking each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from tilevm.ir import ops, threads
from tilevm.types import DType

from ..records import FLAG, NEVER, Records, Told, bytes_of
from .booleans import LOGIC
from .elements import Element, Elements, condition, register
from .state import State, dtype_of, spell
from .text import Text

PARAMETERS = ("report", "room")  # behind all others: the address of the memory, and bytes for records a program


def told(t: Text, records: Records, names: Sequence[str]) -> Told:
    """The registers of a kernel that tells."""
    address, room = (t.pure("rd", "ld.param.u64", f"[{name}]") for name in names)
    spots = [t.pure("r", "mov.u32", f"%ctaid.{axis}") for axis in "xyz"]
    counts = [t.pure("r", "mov.u32", f"%nctaid.{axis}") for axis in "xy"]
    row = t.pure("r", "mad.lo.u32", spots[2], counts[1], spots[1])
    program = t.pure("rd", "cvt.u64.u32", t.pure("r", "mad.lo.u32", row, counts[0], spots[0]))
    stretch = t.pure("rd", "add.s64", room, str(records.head))
    base = t.pure("rd", "mad.lo.u64", program, stretch, t.pure("rd", "cvta.to.global.u64", address))
    thread = t.pure("r", "mov.u32", "%tid.x")
    changing = t.fresh("rd"), t.fresh("rd"), t.fresh("r")
    for name in changing:
        t.line(f"mov.b{64 if name.startswith('%rd') else 32} {name}, 0")
    begin = t.pure("rd", "add.s64", base, str(records.head))
    first = t.pure("p", "setp.eq.u32", thread, "0")
    return Told(records, base, begin, room, t.pure("rd", "cvt.u64.u32", thread), first, *changing)


@spell.rule(threads.Tell)
def _(op: threads.Tell, s: State) -> Sequence[Elements]:
    assert s.told is not None, "a kernel that tells has the parameters for it"
    t, told_ = s.t, s.told
    places = told_.records.stretches(op)
    at, end, fits, fails, mine = t.fresh("rd"), t.fresh("rd"), t.fresh("p"), t.fresh("p"), t.fresh("p")
    t.line(f"add.s64 {at}, {told_.begin}, {told_.used}")
    t.line(f"add.s64 {end}, {told_.used}, {places[-1]}")
    t.line(f"setp.le.u64 {fits}, {end}, {told_.room}")
    t.line(f"and.pred {mine}, {fits}, {told_.first}")
    site = t.pure("rd", "mov.b64", str(told_.records.number(op)))
    t.line(f"st.global.b64 [{at}], {site}", mine)
    for value, place in zip(op.values, places[:-1], strict=True):
        put(s, s.values[value], dtype_of(value), at, place, fits)
    t.line(f"mov.b64 {told_.used}, {end}", fits)
    t.line(f"add.s64 {told_.lost}, {told_.lost}, 1", f"!{fits}")
    t.line(f"not.pred {fails}, {fits}")
    t.line(f"and.pred {fails}, {fails}, {told_.first}")
    t.line(f"st.global.b64 [{told_.base}], {told_.lost}", fails)
    return ()


def put(s: State, xs: Elements, dtype: DType, at: str, place: int, guard: str) -> None:
    """A thread's registers at their place in a record."""
    assert s.told is not None
    size, own = bytes_of(dtype), s.t.fresh("rd")
    s.t.line(f"mad.lo.u64 {own}, {s.told.thread}, {size * len(xs)}, {at}")
    for i, x in enumerate(xs):
        held = flag(s, x) if dtype.is_bool else register(s.t, x, dtype)
        s.t.line(f"st.global.b{8 * size} [{own}+{place + i * size}], {held}", guard)


def flag(s: State, x: Element) -> str:
    """A bool as 0 or 1."""
    return s.t.pure("r", "selp.b32", "1", "0", condition(s.t, x))


@spell.rule(threads.Check)
def _(op: threads.Check, s: State) -> Sequence[Elements]:
    assert s.told is not None, "a kernel that asserts has the parameters for it"
    t, told_, xs = s.t, s.told, s.values[op.condition]

    def both(a: Element, b: Element) -> Element:
        return LOGIC["and"](t, a, b)

    begin, fails, before = told_.records.slots[told_.records.number(op)], t.fresh("p"), t.fresh("r")
    slot = t.pure("rd", "mad.lo.u64", told_.thread, str(told_.records.slot(op)), told_.base)
    t.line(f"ld.global.b32 {before}, [{slot}+{begin}]")
    t.line(f"setp.eq.u32 {fails}, {before}, {NEVER}")
    holds = t.pure("p", "not.pred", condition(t, reduce(both, xs)))
    t.line(f"and.pred {fails}, {fails}, {holds}")
    t.line(f"st.global.b32 [{slot}+{begin}], {told_.time}", fails)
    for i, x in enumerate(xs):
        t.line(f"st.global.b32 [{slot}+{begin + FLAG * (1 + i)}], {flag(s, x)}", fails)
    t.line(f"add.s32 {told_.time}, {told_.time}, 1")
    return ()


@spell.rule(ops.Assert)
def _(op: ops.Assert, s: State) -> Sequence[Elements]:
    """Of a number, as tiles never had it: a thread that finds it false stops everything."""
    (holds,) = s.values[op.condition]
    s.t.line("trap", condition(s.t, holds, yes=False))
    return ()
