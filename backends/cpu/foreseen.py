"""Prefetches of the box that the next program reads, while this one computes with its own.

A program that reads a box of short rows twice, as block scales do, has it from a cache the second time, and memory
rests meanwhile: hardware foresees the rest of a run of lines, not what is read when that work is done. So with each
row of the second reading goes the same row of the next program's box (MX formats of 64 MB took 0.8 times as long on
Zen 5). Nothing is asked for where tensors are small enough to be in the caches.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from tilevm.ir import Value, ops
from tilevm.types import Scalar, Tensor

from .access import Row
from .context import Context
from .emit import I8, I32, LLVM, VOID, memory_bytes
from .packed import is_packed
from .streaming import large

LINE = 64  # bytes
LONGEST = 512  # bytes of a row: of longer ones hardware foresees the most
SECOND_LEVEL = 2  # the locality that llvm.prefetch calls moderate


def distances(c: Context, loads: Iterable[ops.Load]) -> dict[ops.Load, LLVM]:
    """The bytes from a box to the next program's, of the loads that are read here for the second time."""
    found: dict[ops.Load, LLVM] = {}
    for load in loads if not c.loops else ():
        if not again(c, load):
            continue
        index = next((v for start in load.offsets for v in program_ids(start)), None)
        steps = [] if index is None else [slope(start, index) for start in load.offsets]
        if any(steps) and None not in steps:
            found[load] = distance(c, load, [step or 0 for step in steps])
    return found


def again(c: Context, load: ops.Load) -> bool:
    """Whether a box has short rows of whole elements, and more than one instruction takes what is read."""
    kind = load.tensor.type
    assert isinstance(kind, Tensor)
    if is_packed(kind) or kind.strides[-1] != 1 or load.shape[-1] * memory_bytes(kind.dtype) > LONGEST:
        return False
    return c.scheduler.realised.taken_apart(load.result)


def program_ids(value: Value) -> Iterator[Value]:
    """The index of the program along the axis that runs fastest, where ``value`` is made from it."""
    op = value.owner
    if isinstance(op, ops.ProgramId) and op.axis == 0:
        yield value
    elif op is not None and isinstance(value.type, Scalar):
        for operand in op.operands:
            if isinstance(operand.type, Scalar):
                yield from program_ids(operand)


def distance(c: Context, load: ops.Load, steps: list[int]) -> LLVM:
    b, kind = c.e.b, load.tensor.type
    assert isinstance(kind, Tensor)
    total = c.e.i64(0)
    for step, stride in zip(steps, c.views[load.tensor].strides, strict=True):
        total = b.add(total, b.mul(c.e.i64(step * memory_bytes(kind.dtype)), c.i64(stride)))
    return b.select(large(c, load.tensor), total, c.e.i64(0))


def asked(c: Context, load: ops.Load, row: Row, further: Mapping[ops.Load, LLVM]) -> Row:
    """``row``, once that which lies so many bytes further is asked for."""
    kind, e = load.tensor.type, c.e
    if load not in further or not row.extent:
        return row
    assert isinstance(kind, Tensor)
    start = e.at(row.base, further[load], I8)
    for n in range(0, load.shape[-1] * memory_bytes(kind.dtype), LINE):
        e.call("llvm.prefetch.p0", VOID, [e.at(start, e.i64(n), I8), *(I32(v) for v in (0, SECOND_LEVEL, 1))])
    return row


def slope(value: Value, index: Value) -> int | None:
    """By how much ``value`` grows when ``index`` grows by 1; None where that is not known."""
    if value is index:
        return 1
    op = value.owner
    if op is None or not isinstance(value.type, Scalar):
        return 0
    parts = [slope(v, index) for v in op.operands if isinstance(v.type, Scalar)]
    if all(part == 0 for part in parts):
        return 0
    if isinstance(op, ops.Add | ops.Sub):
        a, b = parts
        sign = 1 if isinstance(op, ops.Add) else -1
        return None if a is None or b is None else a + sign * b
    if isinstance(op, ops.Mul):
        for factor, part in zip((op.b.owner, op.a.owner), parts, strict=True):
            if isinstance(factor, ops.Constant) and part is not None:
                return part * int(factor.value)
    return None
