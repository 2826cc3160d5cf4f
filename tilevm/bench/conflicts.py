"""Bank conflicts that a kernel's accesses of shared memory will meet: their addresses computed for every thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tilevm.ir import Block, Func, Op, Table, Value, ops, threads
from tilevm.ir.rewrite import walk
from tilevm.target import Target, target, wavefronts
from tilevm.target.banks import Access
from tilevm.types import Shared

Array = np.ndarray[Any, Any]
compute: Table[[Addresses], Array] = Table("integers of every thread")  # int64[thread, register]


@dataclass(frozen=True)
class Served:
    """Accesses of one instruction: how many passes over the banks all warps take, and the fewest that do."""

    name: str
    passes: int
    least: int


class Addresses:
    """Integers that follow from constants and the thread's number. What else they hang on, such as a slot, is not
    asked for: slots begin in the first bank."""

    def __init__(self, func: Func) -> None:
        assert func.target is not None and func.warps is not None, f"{func.name} is not at thread level"
        self.machine: Target = target(func.target)
        self.threads = func.warps * self.machine.lanes
        self.known: dict[Value, Array] = {}

    def __getitem__(self, value: Value) -> Array:
        if value not in self.known:
            assert value.owner is not None, f"{value} is not made of constants and the thread's number"
            self.known[value] = compute(value.owner, self)
        return self.known[value]


@compute.rule(threads.ThreadId)
def _(op: threads.ThreadId, at: Addresses) -> Array:
    return np.arange(at.threads)[:, None]


@compute.rule(ops.Constant)
def _(op: ops.Constant, at: Addresses) -> Array:
    return np.array([[int(op.value)]])


@compute.rule(threads.Numbers)
def _(op: threads.Numbers, at: Addresses) -> Array:
    return np.array([op.values])


@compute.rule(ops.Splat)
def _(op: ops.Splat, at: Addresses) -> Array:
    return np.repeat(at[op.x], op.shape[0], axis=1)


@compute.rule(ops.Cast)
def _(op: ops.Cast, at: Addresses) -> Array:
    return at[op.x]


@compute.rule(threads.Take)
def _(op: threads.Take, at: Addresses) -> Array:
    return at[op.x][:, list(op.registers)]


@compute.rule(threads.Join)
def _(op: threads.Join, at: Addresses) -> Array:
    parts = [at[x] for x in op.xs]
    rows = max(len(part) for part in parts)
    return np.concatenate([np.broadcast_to(part, (rows, part.shape[1])) for part in parts], axis=1)


COMPUTED: dict[type[Op], Callable[[Array, Array], Array]] = {
    ops.Add: np.add,
    ops.Sub: np.subtract,
    ops.Mul: np.multiply,
    ops.And: np.bitwise_and,
    ops.Or: np.bitwise_or,
    ops.Xor: np.bitwise_xor,
    ops.Shl: np.left_shift,
    ops.Shr: np.right_shift,
}


@compute.rule(ops.Binary)
def _(op: ops.Binary, at: Addresses) -> Array:
    return COMPUTED[type(op)](at[op.a], at[op.b])


KINDS: dict[type[Op], tuple[Access, str]] = {  # how memory is accessed, and the field with the offsets
    threads.SharedLoad: ("read", "offsets"),
    threads.SharedStore: ("write", "offsets"),
    threads.MatrixLoad: ("matrix", "offsets"),
    threads.AsyncCopy: ("write", "to"),
}


def main_loop(func: Func) -> Block:
    """The body of the first loop that holds a product by matrix instructions; all of the function where none does."""
    loops = [op for op in walk(func.body) if isinstance(op, ops.For | ops.While)]
    return next((op.body for op in loops if any(isinstance(i, threads.Mma) for i in op.body.ops)), func.body)


def conflicts(func: Func, block: Block | None = None) -> Iterator[Served]:
    """What each access of shared memory costs in a block, or in all of a thread-level function."""
    at = Addresses(func)
    for op in walk(func.body if block is None else block):
        if type(op) in KINDS:
            yield served(op, at)


def served(op: Any, at: Addresses) -> Served:
    """One instruction, warp by warp."""
    access, field = KINDS[type(op)]
    kind = op.buffer.type
    assert isinstance(kind, Shared)
    size = kind.dtype.numpy_bytes
    wide = 16 if access == "matrix" else op.width * size
    offsets = at[getattr(op, field)] * size
    offsets = np.broadcast_to(offsets, (at.threads, offsets.shape[1]))
    banks, lanes = at.machine.banks_for(access, wide), at.machine.lanes
    costs = [
        wavefronts([int(a) for a in column], banks)
        for warp in offsets.reshape(-1, lanes, offsets.shape[1])
        for column in warp.T
    ]
    return Served(op.name, sum(c.count for c in costs), sum(c.least for c in costs))
