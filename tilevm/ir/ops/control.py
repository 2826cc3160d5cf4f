"""Programs, loops and branches."""

from __future__ import annotations

from tilevm.ir.core import Block, Effect, Op, Value, attribute, operand, operands, region
from tilevm.ir.ops.expect import brought_together, integer_scalar
from tilevm.source import TileError
from tilevm.types import Scalar, Type, bool_, i32

COMPARED = "compare, as in n != 0, in IR text with ne; any and all make one bool of a tile"


class ProgramId(Op, name="program_id"):
    """This program's place in the grid along ``axis`` (0, 1 or 2)."""

    axis: int = attribute()

    def infer(self) -> tuple[Type, ...]:
        return grid_axis(self, self.axis)


class NumPrograms(Op, name="num_programs"):
    """How many programs the grid has along ``axis``."""

    axis: int = attribute()

    def infer(self) -> tuple[Type, ...]:
        return grid_axis(self, self.axis)


class For(Op, name="for"):
    """``for i in range(lower, upper, step)``: the body takes i and the carried values, and yields these anew.

    Runs max(0, ceil((upper - lower) / step)) times; a step of 0 runs never.
    """

    lower: Value = operand()
    upper: Value = operand()
    step: Value = operand()
    carried: tuple[Value, ...] = operands()
    body: Block = region()
    num_stages: int = attribute(1)
    unroll: int = attribute(1)

    def infer(self) -> tuple[Type, ...]:
        first = integer_scalar(self, self.lower, "the start of a range")
        for bound in (self.upper, self.step):
            if bound.type != first:
                raise TileError(
                    f"the parts of a range have one type, not {first} and {bound.type}",
                    self.span,
                    help=brought_together(first, bound.type),
                )
        index = self.body.params[:1]
        if [v.type for v in index] != [first]:
            found = words(tuple(v.type for v in index))
            help = f"declare it so, as the first of the body: (%i: {first}, …)"
            raise TileError(f"the index of this range is {first}, not {found}", self.span, help=help)
        return carried_types(self, self.carried, self.body, self.body.params[1:])


class While(Op, name="while"):
    """While ``condition`` of the carried values yields true, ``body`` yields them anew."""

    carried: tuple[Value, ...] = operands()
    condition: Block = region()
    body: Block = region()

    def infer(self) -> tuple[Type, ...]:
        given = self.condition.end.operands
        if [v.type for v in given] != [Scalar(bool_)]:
            found = words(tuple(v.type for v in given))
            raise TileError(f"a condition is one bool, not {found}", self.span, help=COMPARED)
        entry = carried_types(self, self.carried, self.body, self.body.params)
        taken = tuple(v.type for v in self.condition.params)
        if taken != entry:
            raise TileError(
                f"while carries {words(entry)} and its condition takes {words(taken)}",
                self.span,
                help=as_carried("takes", entry),
            )
        return entry


class If(Op, name="if"):
    """One of two blocks; both yield values of the same types."""

    condition: Value = operand()
    then: Block = region()
    otherwise: Block = region()

    def infer(self) -> tuple[Type, ...]:
        if self.condition.type != Scalar(bool_):
            raise TileError(f"a condition is a bool, not {self.condition.type}", self.span, help=COMPARED)
        if self.then.params or self.otherwise.params:
            help = "leave their brackets empty: branches see the values around them"
            raise TileError("the branches of an if take nothing", self.span, help=help)
        found, other = (tuple(v.type for v in b.end.operands) for b in (self.then, self.otherwise))
        if found != other:
            help = "both yield values of the same types, in the same order"
            raise TileError(f"the branches yield {words(found)} and {words(other)}", self.span, help=help)
        return found


class Yield(Op, name="yield", effect=Effect.WRITE, terminator=True):
    """Hand values to the instruction around this block."""

    values: tuple[Value, ...] = operands()

    def infer(self) -> tuple[Type, ...]:
        return ()


def grid_axis(op: Op, axis: int) -> tuple[Type, ...]:
    if axis not in (0, 1, 2):
        help = "ask one of these; what counts along more is taken apart with // and %"
        raise TileError(f"{op.name}: a grid has axes 0, 1 and 2, not {axis}", op.span, help=help)
    return (Scalar(i32),)


def carried_types(op: Op, given: tuple[Value, ...], body: Block, params: tuple[Value, ...]) -> tuple[Type, ...]:
    entry = tuple(v.type for v in given)
    for what, found in (("takes", params), ("yields", body.end.operands)):
        types = tuple(v.type for v in found)
        if types != entry:
            message = f"{op.name} carries {words(entry)} and its body {what} {words(types)}"
            raise TileError(message, op.span, help=as_carried(what, entry))
    return entry


def as_carried(what: str, entry: tuple[Type, ...]) -> str:
    """The mend of a block of a loop that does not go with what is carried."""
    return f"it {what} {words(entry)}: what is carried keeps its types from trip to trip, converted where it changed"


def words(types: tuple[Type, ...]) -> str:
    return ", ".join(map(str, types)) or "nothing"
