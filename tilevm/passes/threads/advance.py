"""What grows alike from trip to trip of a loop, carried and added up instead: offsets, products of the index, slots."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce

from tilevm.ir import Func, Op, Value, ops, threads
from tilevm.ir.build import Builder
from tilevm.ir.rewrite import rewrite, walk
from tilevm.passes.dce import drop_unused
from tilevm.passes.threads.carry import Carry, carried, made_in
from tilevm.passes.threads.lowering import dtype_of
from tilevm.passes.threads.pressure import Reaching, carries, words
from tilevm.target import target
from tilevm.types import DType, Scalar, Tile, i64

SPARE = 4  # one part in so many of a thread's registers is left by what a loop holds for sure and these addresses
Find = Callable[[Builder, ops.For, int], list[Carry]]


def advance(func: Func) -> Func:
    """``func`` with loops that carry what grows alike in each trip, and add it up: offsets of accesses that are sums of
    what the loop does not change and of its index times such, where registers are left; other i64 products of the
    index. All wrap alike. The slot one back in a ring is carried too: it is that of the trip before."""
    assert func.target is not None, f"{func.name} is not at thread level"
    registers = target(func.target).limits.registers_per_thread
    made = func
    for find in (slots, offsets, products):
        before, made = made, rewrite(made, carrying(find, registers))
        made = made if made is before else drop_unused(made)
    return made


def carrying(find: Find, registers: int) -> Callable[[Op, Builder], Sequence[Value] | None]:
    """The rule for loops of threads with so many registers."""

    def rule(op: Op, builder: Builder) -> Sequence[Value] | None:
        if not isinstance(op, ops.For):
            return None
        found = find(builder, op, registers)
        return carried(builder, op, found) if found else None

    return rule


# products -----------------------------------------------------------------------------------------------------


def products(builder: Builder, loop: ops.For, registers: int) -> list[Carry]:
    """The products of a trip, not those of blocks inside it, which may not run."""
    inside = made_in(loop)
    found = []
    for op in loop.body.ops:
        factor = factor_of(op, loop, inside, i64)
        if factor is not None:
            found.append(Grown(loop, [], [factor]).carry(builder, op.result))
    return found


def factor_of(op: Op | None, loop: ops.For, inside: set[Value], dtype: DType) -> Value | None:
    """What a number of a type is the index times; None where it is no such product."""
    if isinstance(op, ops.Mul) and op.result.type == Scalar(dtype):
        for one, other in ((op.a, op.b), (op.b, op.a)):
            if is_index(loop, one) and other not in inside:
                return other
    return None


def is_index(loop: ops.For, value: Value) -> bool:
    """Whether a value is the index, perhaps made wider or cut."""
    index = loop.body.params[0]
    return value is index or (isinstance(value.owner, ops.Cast) and value.owner.x is index)


# offsets ------------------------------------------------------------------------------------------------------


@dataclass
class Grown:
    """A sum of what a loop does not change, and of its index times such; a factor of None is 1."""

    loop: ops.For
    fixed: list[Value]
    factors: list[Value | None]

    def carry(self, builder: Builder, old: Value, accesses: Sequence[Op] = ()) -> Carry:
        """``old`` carried, which is this sum; as the offsets of some accesses, or wherever it is taken."""
        lower, step = (builder.cast(v, dtype_of(old)) for v in (self.loop.lower, self.loop.step))
        start = [times(builder, lower, factor) for factor in self.factors]
        far = reduce(lambda a, b: both(builder, a, b), [times(builder, step, factor) for factor in self.factors])
        first = like(builder, reduce(lambda a, b: both(builder, a, b), [*self.fixed, *start]), old)
        by = like(builder, far, old)
        at = dict.fromkeys(accesses, "offsets")
        return Carry(old, first, lambda inner, now: inner.add(ops.Add, a=now, b=by).result, at, not at)


def times(builder: Builder, x: Value, factor: Value | None) -> Value:
    return x if factor is None else builder.add(ops.Mul, a=x, b=factor).result


def both(builder: Builder, a: Value, b: Value) -> Value:
    """The sum of numbers and register arrays."""
    widest = a if isinstance(a.type, Tile) else b
    return builder.add(ops.Add, a=like(builder, a, widest), b=like(builder, b, widest)).result


def like(builder: Builder, x: Value, other: Value) -> Value:
    """A number in as many registers as ``other`` has."""
    if isinstance(x.type, Tile) or not isinstance(other.type, Tile):
        return x
    return builder.add(ops.Splat, x=x, shape=other.type.shape).result


def offsets(builder: Builder, loop: ops.For, registers: int) -> list[Carry]:
    """The offsets of a trip's accesses, apart for each memory: there they lead to other addresses. Only where registers
    are left: what is carried cannot be made anew where they are short."""
    inside = made_in(loop)
    groups: dict[tuple[Value, Value], list[Op]] = {}
    for op in loop.body.ops:
        if isinstance(op, Reaching) and op.offsets in inside:
            groups.setdefault((op.offsets, op.memory), []).append(op)
    found, left = [], registers - registers // SPARE - held(loop, inside)
    for (old, _), accesses in groups.items():
        grown = Grown(loop, [], [])
        if words(old) <= left and summed(grown, old, inside):
            found.append(grown.carry(builder, old, accesses))
            left -= words(old)
    return found


def held(loop: ops.For, inside: set[Value]) -> int:
    """About how many registers a loop holds: what it carries, and what its products take from before it, such as the
    zeros that they begin with."""
    before = {v for op in walk(loop.body) if isinstance(op, threads.Mma) for v in op.operands if v not in inside}
    return sum(count for _, count in carries(loop)) + sum(map(words, before))


def summed(into: Grown, value: Value, inside: set[Value]) -> bool:
    """Whether a value is such a sum, whose terms go ``into``; with a term that grows."""
    return all(term(into, part, inside) for part in parts(value, inside)) and bool(into.factors)


def term(into: Grown, value: Value, inside: set[Value]) -> bool:
    """Whether a value is fixed or grows alike, as it is noted."""
    factor = factor_of(value.owner, into.loop, inside, dtype_of(value))
    if value not in inside:
        into.fixed.append(value)
    elif factor is not None or is_index(into.loop, value):
        into.factors.append(factor)
    else:
        return False
    return True


def parts(value: Value, inside: set[Value]) -> Iterator[Value]:
    """What the loop adds up to a value; the same number in all registers counts as that number."""
    op = value.owner
    if value in inside and isinstance(op, ops.Add):
        yield from parts(op.a, inside)
        yield from parts(op.b, inside)
    elif value in inside and isinstance(op, ops.Splat):
        yield from parts(op.x, inside)
    else:
        yield value


# slots --------------------------------------------------------------------------------------------------------


def slots(builder: Builder, loop: ops.For, registers: int) -> list[Carry]:
    """The slot one back, of rings that the loop goes round: it is the slot of the trip before, and tells with this one
    which comes next of three. Of two slots one tells the other."""
    found = []
    for slot, first, after in zip(loop.body.params[1:], loop.carried, loop.body.end.operands, strict=True):
        on = after.owner
        if isinstance(on, threads.Ring) and on.slot is slot and on.by == 1 and on.before is None and on.slots > 2:
            back = [
                op for op in loop.body.ops if isinstance(op, threads.Ring) and (op.slot, op.by) == (slot, on.slots - 1)
            ]
            if back and on in loop.body.ops:
                begin = builder.add(threads.Ring, slot=first, before=None, by=on.slots - 1, slots=on.slots).result
                found.append(Carry(back[0].result, begin, always(slot), {on: "before"}, everywhere=True))
    return found


def always(value: Value) -> Callable[[Builder, Value], Value]:
    return lambda builder, now: value
