"""Loops and branches: labels, and moves into the registers of carried values.

A carried array keeps its registers for the whole loop: words where its elements fill words, else one an element.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tilevm.ir import Block, Value, ops
from tilevm.types import DType, bool_, u32, u64

from .booleans import both, either
from .elements import Element, Elements, Known, Reg, centred, condition, kind_of, operand, raw, register, size_of
from .integers import chosen, compare, signed, sub
from .rings import kept
from .state import State, count_of, dtype_of, spell
from .text import Text
from .walks import walks
from .words import unpacked, words

MOVES = {"p": "mov.pred", "r": "mov.b32", "rd": "mov.b64"}


@dataclass(frozen=True)
class Carried:
    """The registers that a value keeps, and the type of what stands in each."""

    dtype: DType
    held: DType
    names: tuple[str, ...]
    count: int

    @classmethod
    def of(cls, t: Text, value: Value) -> Carried:
        dtype, count = dtype_of(value), count_of(value)
        packs = not dtype.is_bool and dtype.bits < 32 and count * dtype.bits % 32 == 0
        held, registers = (u32, count * dtype.bits // 32) if packs else (dtype, count)
        return cls(dtype, held, tuple(t.fresh(kind_of(held)) for _ in range(registers)), count)

    def split(self, t: Text, xs: Elements) -> Elements:
        """An array as the registers hold it."""
        return xs if self.held == self.dtype else words(t, xs, self.dtype)

    def elements(self, t: Text) -> Elements:
        """The array that the registers hold."""
        held = tuple(map(Reg, self.names))
        return held if self.held == self.dtype else unpacked(t, held, self.dtype, self.count)


Move = tuple[str, Element, DType]


def moves(t: Text, carried: Sequence[Carried], values: Sequence[Elements]) -> Iterator[Move]:
    """Which register gets what."""
    for one, xs in zip(carried, values, strict=True):
        for name, x in zip(one.names, one.split(t, xs), strict=True):
            yield name, x, one.held


def assign(t: Text, wanted: Sequence[Move]) -> None:
    """Registers that all get their new contents at once."""
    targets = {name for name, _, _ in wanted}
    left = [move for move in (settled(t, m, targets) for m in wanted) if move[1] != Reg(move[0])]
    read = Counter(map(source, left))
    while left:
        ready = next((m for m in left if not read[m[0]]), None)
        if ready is None:  # a ring: one of its registers is kept aside
            name, _, dtype = left[0]
            spare = t.fresh(kind_of(dtype))
            t.line(f"{MOVES[kind_of(dtype)]} {spare}, {name}")
            left = [(n, Reg(spare, x.plus) if isinstance(x, Reg) and x.name == name else x, d) for n, x, d in left]
            read = Counter(map(source, left))
            continue
        left.remove(ready)
        read[source(ready)] -= 1
        write(t, *ready)


def source(move: Move) -> str:
    """The other register that a move reads; empty where it reads none."""
    name, x, _ = move
    return x.name if isinstance(x, Reg) and x.name != name else ""


def settled(t: Text, move: Move, targets: set[str]) -> Move:
    """A move of a constant or a register; sums are made now, but for a register's own with a constant."""
    name, x, dtype = move
    if isinstance(x, Known) or (isinstance(x, Reg) and (not x.plus or x.name == name)):
        return move
    return name, Reg(register(t, x, dtype)), dtype


def write(t: Text, name: str, x: Element, dtype: DType) -> None:
    """One move."""
    kind = kind_of(dtype)
    if isinstance(x, Reg) and x.plus:
        size = size_of(dtype)
        t.line(f"add.s{size} {name}, {x.name}, {centred(size, x.plus)}")
    else:
        t.line(f"{MOVES[kind]} {name}, {raw(x.value, dtype) if isinstance(x, Known) else register(t, x, dtype)}")


def enter(s: State, params: Sequence[Value], given: Sequence[Value], others: Sequence[Move] = ()) -> list[Carried]:
    """Registers for carried values, holding what comes in; ``others``: what else is moved at once."""
    carried = [Carried.of(s.t, v) for v in given]
    coming = [kept(s, value, param) for param, value in zip(params, given, strict=True)]
    assign(s.t, [*moves(s.t, carried, coming), *others])
    return carried


def bind(s: State, params: Sequence[Value], carried: Sequence[Carried]) -> None:
    """The parameters of a block, in their registers."""
    for param, one in zip(params, carried, strict=True):
        s.values[param] = one.elements(s.t)


@spell.rule(ops.For)
def _(op: ops.For, s: State) -> Sequence[Elements]:
    lower, upper, step = (s.number(v) for v in (op.lower, op.upper, op.step))
    dtype = dtype_of(op.lower)
    runs = begins(s.t, dtype, lower, upper, step)
    if isinstance(runs, Known) and not runs.value:
        return [s.values[v] for v in op.carried]
    found = walks(s, op)
    plain = [i for i in range(len(op.carried)) if i not in found]
    params = [op.body.params[0], *(op.body.params[i + 1] for i in plain)]
    steps = [step for i, one in found.items() for step in one.enter(s, op.body.params[i + 1], op.carried[i])]
    carried = enter(s, params, (op.lower, *(op.carried[i] for i in plain)), steps)
    head, loop, end = s.t.head(), s.t.label("loop"), s.t.label("loop_end")
    if not isinstance(runs, Known):
        s.t.line(f"bra {end}", condition(s.t, runs, yes=False))
    s.t.mark(loop)
    with s.t.scope(head, [*(name for one in carried for name in one.names), *(name for name, *_ in steps)]):
        bind(s, params, carried)
        s.run(op.body)
        yielded = [kept(s, op.body.end.operands[i], op.body.params[i + 1]) for i in plain]
        further = [step for one in found.values() for step in one.further(s)]
        again(s, op, carried, [*moves(s.t, carried[1:], yielded), *further], loop)
    s.t.mark(end)
    made = {i: one.elements(s.t) for i, one in zip(plain, carried[1:], strict=True)}
    return [made.get(i, ()) for i in range(len(op.carried))]  # nobody takes the last of offsets


def again(s: State, op: ops.For, carried: Sequence[Carried], following: Sequence[Move], loop: str) -> None:
    """The end of a trip: whether there is another, the registers for it, and the way back."""
    upper, step = s.number(op.upper), s.number(op.step)
    dtype, index = carried[0].dtype, carried[0].names[0]
    size = size_of(dtype)
    safe = limit(dtype, s.number(op.lower), upper, step)
    more = None if safe else goes_on(s.t, dtype, Reg(index), upper, step)
    assign(s.t, following)
    s.t.line(f"add.s{size} {index}, {index}, {operand(s.t, step, dtype)}")
    if more is None:  # the register holds another number now, so what is known of the last one does not serve
        guard = s.t.fresh("p")
        s.t.line(f"setp.{safe}{size} {guard}, {index}, {operand(s.t, upper, dtype)}")
    else:
        guard = condition(s.t, more)
    s.t.line(f"bra {loop}", guard)


def limit(dtype: DType, lower: Element, upper: Element, step: Element) -> str:
    """How the next index compares with the end where there is a next trip, and as what; empty where it might wrap."""
    if not isinstance(step, Known) or dtype.bits not in (32, 64):
        return ""
    if isinstance(upper, Known) and dtype.min <= upper.value + step.value <= dtype.max:
        return f"{'lt' if step.value > 0 else 'gt'}.{'s' if signed(dtype) else 'u'}"
    # two numbers of 0 or more, of which a sign takes one bit, do not reach the edge of unsigned ones together
    rises = signed(dtype) and isinstance(lower, Known) and lower.value >= 0 and step.value > 0
    return "lt.u" if rises else ""


def begins(t: Text, dtype: DType, lower: Element, upper: Element, step: Element) -> Element:
    """Whether a loop runs at all."""
    if isinstance(step, Known):
        if step.value == 0:
            return Known(0)
        return compare(t, dtype, "lt" if step.value > 0 else "gt", lower, upper)
    up, down = ahead(t, dtype, step), behind(t, dtype, step)
    rises, falls = compare(t, dtype, "lt", lower, upper), compare(t, dtype, "gt", lower, upper)
    return either(t, both(t, up, rises), both(t, down, falls))


def ahead(t: Text, dtype: DType, step: Element) -> Element:
    return compare(t, dtype, "gt", step, Known(0))


def behind(t: Text, dtype: DType, step: Element) -> Element:
    return compare(t, dtype, "lt", step, Known(0)) if signed(dtype) else Known(0)


def goes_on(t: Text, dtype: DType, index: Element, upper: Element, step: Element) -> Element:
    """Whether there is another trip: more lies ahead than a step. The next index itself might wrap."""
    size = size_of(dtype)
    distance = u64 if size == 64 else u32
    if isinstance(step, Known):
        rest = sub(t, distance, upper, index) if step.value > 0 else sub(t, distance, index, upper)
        return compare(t, distance, "gt", rest, Known(abs(step.value)))
    up = register(t, ahead(t, dtype, step), bool_)
    rest = chosen(t, distance, up, sub(t, distance, upper, index), sub(t, distance, index, upper))
    far = chosen(t, distance, up, step, sub(t, distance, Known(0), step))
    return compare(t, distance, "gt", rest, far)


@spell.rule(ops.While)
def _(op: ops.While, s: State) -> Sequence[Elements]:
    carried = enter(s, op.condition.params, op.carried)
    head, loop, end = s.t.head(), s.t.label("loop"), s.t.label("loop_end")
    s.t.mark(loop)
    with s.t.scope(head, [name for one in carried for name in one.names]):
        bind(s, op.condition.params, carried)
        ((more,),) = s.run(op.condition)
        if not isinstance(more, Known):
            s.t.line(f"bra {end}", condition(s.t, more, yes=False))
        elif not more.value:
            s.t.line(f"bra {end}")
        bind(s, op.body.params, carried)
        assign(s.t, list(moves(s.t, carried, s.run(op.body))))
        s.t.line(f"bra {loop}")
    s.t.mark(end)
    return [one.elements(s.t) for one in carried]


@spell.rule(ops.If)
def _(op: ops.If, s: State) -> Sequence[Elements]:
    where = s.number(op.condition)
    if isinstance(where, Known):
        return s.run(op.then if where.value else op.otherwise)
    found = [Carried.of(s.t, v) for v in op.results]
    other, end = s.t.label("else"), s.t.label("end")
    s.t.line(f"bra {other}", condition(s.t, where, yes=False))
    branch(s, op.then, found)
    s.t.line(f"bra {end}")
    s.t.mark(other)
    branch(s, op.otherwise, found)
    s.t.mark(end)
    return [one.elements(s.t) for one in found]


def branch(s: State, block: Block, found: Sequence[Carried]) -> None:
    """One of two blocks, and its results to their registers."""
    with s.t.scope():
        assign(s.t, list(moves(s.t, found, s.run(block))))
