"""Offsets that a loop carries and adds up: those of 64 bits are kept as the addresses that they lead to.

So a trip adds once to each address, where it would multiply an offset and add it to the beginning of the memory. Of
offsets of 32 bits it adds to half as many registers, and one instruction makes an address of one. Offsets that differ
by a constant share a register.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tilevm.ir import Op, Value, ops, threads
from tilevm.ir.rewrite import walk
from tilevm.types import DType, Tile, i32, i64

from .addresses import global_address
from .elements import Element, Known, Reg, kind_of, register
from .integers import add, mul
from .memory import unit_of
from .state import State, dtype_of

Reaching = threads.GlobalLoad | threads.GlobalStore | threads.AsyncCopy
Step = tuple[str, Element, DType]  # a register, what it is to hold, and as what


@dataclass
class Walk:
    """A parameter of a loop: offsets of a type, what each trip adds to every one, and as far as they are kept as
    addresses the memory that they lead into and the bytes of a unit.

    ``names``: of each that differs from others by more than a constant, the register that holds it in the loop.
    """

    dtype: DType
    by: Element
    end: tuple[Value, int] | None
    names: dict[str, str] = field(default_factory=dict)

    def enter(self, s: State, param: Value, given: Value) -> Iterator[Step]:
        """The registers before the first trip. From here on ``param`` stands for what they hold."""
        held = [self.kept(s, x) for x in s.values[given]]
        for at in held:
            if at.name not in self.names:
                self.names[at.name] = s.t.fresh(kind_of(self.dtype))
                yield self.names[at.name], Reg(at.name), self.dtype
        s.values[param] = tuple(Reg(self.names[at.name], at.plus) for at in held)
        if self.end:
            s.walks.add(param)

    def kept(self, s: State, offset: Element) -> Reg:
        """What the loop keeps of an offset."""
        if self.end:
            memory, size = self.end
            return global_address(s.t, s.bases[memory], offset, self.dtype, size)
        return offset if isinstance(offset, Reg) else Reg(register(s.t, offset, self.dtype))

    def further(self, s: State) -> Iterator[Step]:
        """The registers in the next trip."""
        size = self.end[1] if self.end else 1
        for name in self.names.values():
            yield name, add(s.t, self.dtype, Reg(name), mul(s.t, self.dtype, self.by, Known(size))), self.dtype


def walks(s: State, loop: ops.For) -> Mapping[int, Walk]:
    """What a loop carries that only says where its accesses lie, by place among all it carries."""
    wanted = [i for i, v in enumerate(loop.carried) if isinstance(v.type, Tile) and v.type.dtype in (i32, i64)]
    if not wanted:
        return {}
    users: dict[Value, list[Op]] = {}
    for op in walk(loop.body):
        for value in op.operands:
            users.setdefault(value, []).append(op)
    found = ((i, walked(s, loop, i, users)) for i in wanted)
    return {i: one for i, one in found if one is not None}


def walked(s: State, loop: ops.For, place: int, users: Mapping[Value, list[Op]]) -> Walk | None:
    param, after = loop.body.params[place + 1], loop.body.end.operands[place]
    step = after.owner
    if not isinstance(step, ops.Add) or users[after] != [loop.body.end] or loop.results[place] in s.uses:
        return None
    by = step.b if step.a is param else step.a
    if param not in (step.a, step.b) or by is param or len(set(s.values.get(by, ()))) != 1:
        return None
    reached = [op for op in users[param] if op is not step]
    accesses = [op for op in reached if isinstance(op, Reaching) and op.offsets is param]
    if len(accesses) != len(reached) or any(op.operands.count(param) > 1 for op in accesses):
        return None
    dtype = dtype_of(param)
    if dtype == i32:
        return Walk(dtype, s.values[by][0], None)
    ends = {(op.memory, unit_of(op.memory, getattr(op, "of", None)).numpy_bytes) for op in accesses}
    return Walk(dtype, s.values[by][0], ends.pop()) if len(ends) == 1 else None
