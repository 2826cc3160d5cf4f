"""Grids of more programs along y or z than a machine counts: all programs along x."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace

from tilevm.ir import Block, Func, Op, Value, ops
from tilevm.ir.build import Builder
from tilevm.ir.rewrite import rewrite
from tilevm.types import Scalar, i32

COUNTS = ("programs_x", "programs_y", "programs_z")  # the parameters behind the others, where no other is called so


def along_x(func: Func) -> Func:
    """``func`` launched with all programs of a grid along x, and that grid's three counts as arguments behind its own.

    A program's place is that of its number, counted along x first, then y, then z.
    """
    taken = {param.hint for param in func.params}
    counts = tuple(Value(Scalar(i32), free(name, taken)) for name in COUNTS)

    def rule(op: Op, builder: Builder) -> Sequence[Value] | None:
        if isinstance(op, ops.NumPrograms):
            return [counts[op.axis]]
        return [place(builder, counts, op.axis)] if isinstance(op, ops.ProgramId) else None

    body = rewrite(func, rule).body
    return replace(func, body=Block((*body.params, *counts), body.ops), grid=None)


def free(name: str, taken: Set[str | None]) -> str:
    """``name``, or the next longer one that is not taken: calls are put together by the names of parameters."""
    while name in taken:
        name += "_"
    return name


def place(builder: Builder, counts: Sequence[Value], axis: int) -> Value:
    """The place along an axis of the program with a number."""
    number = builder.add(ops.ProgramId, axis=0).result
    for count in counts[:axis]:
        number = builder.add(ops.FloorDiv, a=number, b=count).result
    return number if axis == 2 else builder.add(ops.Mod, a=number, b=counts[axis]).result
