"""What a loop computes of its index alone, computed for the index of another trip."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from tilevm.ir import Block, Effect, Op, Value, ops
from tilevm.ir.build import Builder, block
from tilevm.ir.rewrite import Substitution, walk
from tilevm.types import Scalar


def foreseen(load: ops.Load, loop: ops.For) -> bool:
    """Whether the place of a load follows from the index alone, what the loop does not change, and numbers that it
    reads at such places: of a loop that writes to no memory."""
    return all(ahead_of(offset, loop) is not None for offset in load.offsets)


def ahead_of(value: Value, loop: ops.For) -> list[Op] | None:
    """The instructions of the loop that make ``value`` of its index, in order; None where it takes more."""
    inside = {result: op for op in loop.body.ops for result in op.results}
    found: list[Op] = []

    def visit(wanted: Value) -> bool:
        if wanted in loop.body.params:
            return wanted is loop.body.params[0]
        op = inside.get(wanted)
        if op is None or op in found:
            return True
        if not repeatable(op) or not all(map(visit, taken(op))):
            return False
        found.append(op)
        return True

    return found if visit(value) else None


def repeatable(op: Op) -> bool:
    """Whether an instruction may be done for another trip as well: it computes, or reads a number of a tensor."""
    if isinstance(op, ops.If):
        return scalars(op) and all(repeatable(inner) or inner.terminator for inner in within(op))
    return (op.effect is Effect.PURE and not op.regions) or (isinstance(op, ops.Gather) and scalars(op))


def scalars(op: Op) -> bool:
    return all(isinstance(result.type, Scalar) for result in op.results)


def taken(op: Op) -> Iterator[Value]:
    """What an instruction takes from around it, the ones inside it too."""
    own = {result for inner in within(op) for result in inner.results}
    for inner in (op, *within(op)):
        yield from (value for value in inner.operands if value not in own)


def within(op: Op) -> Iterator[Op]:
    """The instructions inside another one."""
    for part in op.regions:
        yield from walk(part)


def reads(makers: Iterable[Op]) -> bool:
    """Whether some of these instructions read memory."""
    return any(isinstance(inner, ops.Gather) for op in makers for inner in (op, *within(op)))


def again(builder: Builder, makers: Sequence[Op], now: Substitution, when: Value | None) -> None:
    """Do instructions on what stands for their values now, and have their results stand for those of before.

    What they read is read where ``when`` holds: behind the last trip a tensor need not have it. ``when`` may be left
    out where nothing is read.
    """
    for op in makers:
        if now[op.results[0]] is op.results[0]:
            now.bind(op.results, builder.append(repeated(builder, op, now, when)).results)


def repeated(builder: Builder, op: Op, now: Substitution, when: Value | None) -> Op:
    """The instruction anew; it may take another one before it."""
    made = op.with_parts([now[v] for v in op.operands], [inside(builder, part, now, when) for part in op.regions])
    if not isinstance(made, ops.Gather):
        return made
    assert when is not None, "what is read ahead is read under a condition"
    mask = when if made.mask is None else builder.add(ops.And, a=made.mask, b=when).result
    return replace(made, mask=mask)


def inside(builder: Builder, part: Block, now: Substitution, when: Value | None) -> Block:
    """A branch anew."""
    with builder.collect() as made:
        for op in part.ops[:-1]:
            now.bind(op.results, builder.append(repeated(builder, op, now, when)).results)
    return block((), made, [now[v] for v in part.end.operands], part.end.span)
