"""Registers of 16-bit numbers put in order before they are computed, where that costs nothing.

Two such numbers share a word, so an order that parts neighbours takes an instruction a word once they are made. Numbers
cast from codes of few bits, or from registers of their own, are as well made in the order that is wanted.
"""

from __future__ import annotations

from tilevm.ir import Func, Op, Value, ops, threads
from tilevm.ir.build import Builder
from tilevm.ir.rewrite import rewrite, uses
from tilevm.passes.threads.expand.lanes import dtype_of
from tilevm.types import Tile, bf16, f16

HALVES = (f16, bf16)
ELEMENTWISE = (ops.Unary, ops.Binary, ops.Fma)


def ordered(func: Func) -> Func:
    """``func`` with permutations of 16-bit numbers moved in front of the instructions that make them."""
    count = uses(func.body)

    def rule(op: Op, builder: Builder) -> list[Value] | None:
        if not (isinstance(op, threads.Take) and dtype_of(op.x) in HALVES and permutes(op)):
            return None
        if isinstance(op.x.owner, threads.Take) or not free(op.x, count):
            return None
        return [taken(op.x, op.registers, builder)]

    return rewrite(func, rule)


def permutes(op: threads.Take) -> bool:
    assert isinstance(op.x.type, Tile)
    return sorted(op.registers) == list(range(op.x.type.size))


def free(x: Value, count: dict[Value, int]) -> bool:
    """Whether all of ``x`` can as well be made in another order, which nobody else needs in the one that it has."""
    op = x.owner
    if op is None or count.get(x, 1) > 1:
        return False
    if isinstance(op, ops.Cast):
        return op.random is None and dtype_of(op.x) not in HALVES
    if isinstance(op, ELEMENTWISE):
        return all(free(v, count) or is_repeated(v) for v in op.operands)
    return False


def is_repeated(x: Value) -> bool:
    """Whether ``x`` is a few registers over and over: in every order it is a renaming or a word for two of them."""
    op = x.owner
    if isinstance(op, threads.Take):
        return 2 * len(set(op.registers)) <= len(op.registers)
    return isinstance(op, ops.Splat | threads.Numbers)


def taken(x: Value, registers: tuple[int, ...], builder: Builder) -> Value:
    """``x`` in another order, made so."""
    while isinstance(take := x.owner, threads.Take):
        x, registers = take.x, tuple(take.registers[r] for r in registers)
    op = x.owner
    if isinstance(op, ops.Splat):
        return builder.add(ops.Splat, x=op.x, shape=(len(registers),)).result
    if isinstance(op, (ops.Cast, *ELEMENTWISE)):
        made = op.with_parts([taken(v, registers, builder) for v in op.operands], ())
        return builder.append(made).results[0]
    return builder.add(threads.Take, x=x, registers=registers).result
