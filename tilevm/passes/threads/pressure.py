"""Registers that a thread surely needs at once: what no assembler could keep is refused before it tries.

Counted is what a loop carries besides offsets, and what was read before it and is multiplied in it: neither can be made
anew in the loop. What else is alive there, such as addresses, is left out, so what passes may still spill.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tilevm.ir import Effect, Func, Op, Value, ops, threads
from tilevm.ir.rewrite import walk
from tilevm.source import Note, TileError
from tilevm.target import Target, target
from tilevm.types import Scalar, Tile

NAMED = 4  # tiles that a message names
Loop = ops.For | ops.While
Reaching = threads.GlobalLoad | threads.GlobalStore | threads.AsyncCopy


def refuse_large(func: Func) -> None:
    """Raises TileError where a loop of ``func`` needs more registers than a thread has, naming the tiles."""
    assert func.target is not None and func.warps is not None, f"{func.name} is not at thread level"
    machine = target(func.target)
    for op in walk(func.body):
        if isinstance(op, Loop | threads.Mma):
            held = dict(needed(op))
            if sum(held.values()) > machine.limits.registers_per_thread:
                raise too_many(func, machine, op, held)


def crowds(func: Func) -> bool:
    """Whether a loop, a product or a load of ``func`` needs more than half of the registers that a thread can have."""
    assert func.target is not None and func.warps is not None, f"{func.name} is not at thread level"
    machine = target(func.target)
    limits, threads_ = machine.limits, func.warps * machine.lanes
    limit = min(limits.registers_per_thread, limits.registers_per_processor // threads_)
    return any(2 * held > limit for op in walk(func.body) for held in (sum(dict(needed(op)).values()), given(op)))


def given(op: Op) -> int:
    """Registers that an instruction fills with what it reads."""
    return sum(map(words, op.results)) if op.effect is Effect.READ else 0


def needed(op: Op) -> Iterator[tuple[Value, int]]:
    """Values that are in registers throughout a loop, or when a product begins, and how many they take."""
    if isinstance(op, threads.Mma):
        yield op.acc, words(op.acc)
    if not isinstance(op, Loop):
        return
    yield from carries(op)
    inside = {value for inner in walk(op.body) for value in inner.results}
    for inner in walk(op.body):
        if isinstance(inner, threads.Mma):
            yield from ((v, words(v)) for v in (inner.a, inner.b) if v not in inside and read(v))


def carries(loop: Loop) -> Iterator[tuple[Value, int]]:
    """What a loop carries besides offsets, and the registers that it takes."""
    params = loop.body.params[1:] if isinstance(loop, ops.For) else loop.body.params
    offsets = {op.offsets for op in walk(loop.body) if isinstance(op, Reaching)}
    yield from ((param, words(param)) for param in params if param not in offsets)


def read(value: Value) -> bool:
    """Whether a value came from memory, so that it is not made anew where it is used."""
    return value.owner is not None and value.owner.effect is Effect.READ


def words(value: Value) -> int:
    """Registers of 32 bits that a number or an array fills; bools stand elsewhere."""
    kind = value.type
    if not isinstance(kind, Scalar | Tile) or kind.dtype.is_bool:
        return 0
    count = kind.size if isinstance(kind, Tile) else 1
    return -(-count * kind.dtype.bits // 32)


def too_many(func: Func, machine: Target, op: Op, held: Mapping[Value, int]) -> TileError:
    """What there is, and what would fit."""
    limit, total = machine.limits.registers_per_thread, sum(held.values())
    largest = sorted(held, key=lambda value: -held[value])[:NAMED]
    what = "a product" if isinstance(op, threads.Mma) else "a loop"
    return TileError(
        f"{what} of {func.name} needs {total} registers in each thread, and a thread of {machine.name} has {limit}",
        op.span or func.span,
        [Note(f"{named(value)} takes {held[value]} of them, as {value.type}") for value in largest],
        help=mend(func, machine, total),
    )


def named(value: Value) -> str:
    return f"%{value.hint}" if value.hint else "a tile without a name"


def mend(func: Func, machine: Target, total: int) -> str:
    """The fewest warps among which the registers fit, or that tiles must be smaller."""
    warps = func.warps or 1
    while total > machine.limits.registers_per_thread:
        warps, total = 2 * warps, -(-total // 2)
    if warps <= machine.warps_per_block:
        return f"num_warps={warps} leaves about {total} to each thread; or take smaller tiles"
    return "take smaller tiles"
