"""Elements of memory changed with nothing in between: one at a time, so that equal indices all count."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from llvmlite import ir

from tilevm.ir import ops
from tilevm.types import DType, Kind

from .access import store_scalar, zero
from .arithmetic import greater_or_less
from .casts import narrow, widen
from .context import Context
from .emit import LLVM, Emitter, register_type
from .index import is_tile, shape
from .points import both, dtype_of, points
from .steps import Whole
from .whole import elements, flat, operand, whole

ORDER = "acq_rel"
DIRECT = {"add": "add", "and": "and", "or": "or", "xor": "xor", "exchange": "xchg"}
AtomicOp = ops.Atomic | ops.AtomicCas


@whole.rule(ops.Atomic, ops.AtomicCas)
def _(op: AtomicOp, c: Context, step: Whole) -> None:
    assert is_tile(op.result), "numbers are changed where they stand"

    def element(i: LLVM) -> None:
        held = [operand(c, step, v, i) for v in op.operands[1:]]
        row = flat(c, op.result, i)
        store_scalar(c, row, one(op, c, held))

    elements(c, prod(shape(op.result)), element)


def one(op: AtomicOp, c: Context, held: Sequence[LLVM]) -> LLVM:
    """Change one element; ``held``: the operands after the memory. The old value, or 0 where the mask is false."""
    count = 2 if isinstance(op, ops.AtomicCas) else 1
    values, rest = held[:count], held[count:]
    address, inside = points(c, op, op.memory, rest[: len(op.indices)])
    exists = both(c, rest[-1] if op.mask is not None else None, inside)

    def change() -> list[LLVM]:
        return [
            swapped(op, c.e, address, values) if isinstance(op, ops.AtomicCas) else changed(op, c.e, address, *values)
        ]

    if exists is None:
        return change()[0]
    return c.e.either(exists, change, lambda: [zero(c, dtype_of(op.result))])[0]


def bits_of(dtype: DType) -> Any:
    return ir.IntType(dtype.bits)


def swapped(op: ops.AtomicCas, e: Emitter, address: LLVM, values: Sequence[LLVM]) -> LLVM:
    dtype = dtype_of(op.result)
    compare, value = (e.b.bitcast(v, bits_of(dtype)) for v in values)
    found = e.b.cmpxchg(address, compare, value, ORDER, "acquire")
    return e.b.bitcast(e.b.extract_value(found, 0), register_type(dtype))


def changed(op: ops.Atomic, e: Emitter, address: LLVM, value: LLVM) -> LLVM:
    dtype = dtype_of(op.result)
    if op.change == "exchange":
        old = e.b.atomic_rmw("xchg", address, e.b.bitcast(value, bits_of(dtype)), ORDER)
        return e.b.bitcast(old, register_type(dtype))
    if dtype.is_float:
        return until_it_holds(op, e, address, value, dtype)
    sign = "" if dtype.kind is Kind.SIGNED else "u"
    return e.b.atomic_rmw(DIRECT.get(op.change, sign + op.change), address, value, ORDER)


def until_it_holds(op: ops.Atomic, e: Emitter, address: LLVM, value: LLVM, dtype: DType) -> LLVM:
    """Compute the new float from the old one, and write it if the old one still stands there."""
    kind = bits_of(dtype)
    start = e.load(address, kind, 0)
    before, again, done = e.b.block, e.block("again"), e.block("written")
    e.b.branch(again)
    e.b.position_at_end(again)
    seen = e.b.phi(kind)
    old = e.b.bitcast(seen, register_type(dtype))
    new = e.b.bitcast(combined(op, e, dtype, old, value), kind)
    found = e.b.cmpxchg(address, seen, new, ORDER, "acquire")
    seen.add_incoming(start, before)
    seen.add_incoming(e.b.extract_value(found, 0), e.b.block)
    e.b.cbranch(e.b.extract_value(found, 1), done, again)
    e.b.position_at_end(done)
    return old


def combined(op: ops.Atomic, e: Emitter, dtype: DType, old: LLVM, value: LLVM) -> LLVM:
    a, b = widen(e, old, dtype), widen(e, value, dtype)
    found = (
        e.b.fadd(a, b) if op.change == "add" else greater_or_less(e, dtype, ">" if op.change == "max" else "<", a, b)
    )
    return narrow(e, found, dtype)
