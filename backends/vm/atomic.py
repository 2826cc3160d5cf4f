"""Elements of memory changed one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from tilevm.ir import ops
from tilevm.types import DType, Pointer

from .instructions import places
from .machine import Program, step
from .memory import Memory, decoded, encoded
from .rounding import Array
from .values import Held, fit, nothing

Cell = tuple[tuple[int, ...], Array]  # where in the tile, and the element in memory as an array of one


def larger(a: Array, b: Array) -> Array:
    """As ``maximum``: the other operand where one is NaN."""
    return a if a > b or b != b else b


def smaller(a: Array, b: Array) -> Array:
    return a if a < b or b != b else b


CHANGES: dict[str, Callable[[Array, Array], Array]] = {
    "add": np.add,
    "max": larger,
    "min": smaller,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
    "exchange": lambda a, b: b,
}


def cells(op: ops.Atomic | ops.AtomicCas, p: Program) -> Iterator[Cell]:
    """The elements that an instruction changes, in order."""
    memory = p.memory[op.memory]
    mask, at = places(op, p, memory, op.indices)
    for n in np.ndindex(mask.shape):
        if mask[n]:
            yield n, element(memory, tuple(int(i[n]) for i in at), isinstance(op.memory.type, Pointer))


def element(memory: Memory, at: tuple[int, ...], free: bool) -> Array:
    if free:
        first = at[0] - memory.argument.lowest
        return memory.elements[first : first + 1]
    return memory.view[tuple(slice(i, i + 1) for i in at)].reshape(1)


def put(cell: Array, dtype: DType, value: Array) -> None:
    cell[...] = encoded(dtype, fit(dtype, np.reshape(value, (1,))))


def changed(cell: Array, dtype: DType, change: str, value: Array) -> Array:
    """Change an element in memory; the old one."""
    old: Array = decoded(dtype, cell)[0]
    put(cell, dtype, CHANGES[change](old, value))
    return old


def exchanged(cell: Array, dtype: DType, wanted: Array, value: Array) -> Array:
    """Put ``value`` where the bits of ``wanted`` are; the old element."""
    old: Array = decoded(dtype, cell)[0]
    if cell.tobytes() == encoded(dtype, np.reshape(wanted, (1,))).tobytes():
        put(cell, dtype, value)
    return old


@step.rule(ops.Atomic)
def _(op: ops.Atomic, p: Program) -> Sequence[Held]:
    memory, value = p.memory[op.memory], p.array(op.value, op, "the value")
    old = nothing(memory.dtype, value.shape)
    with np.errstate(all="ignore"):
        for n, cell in cells(op, p):
            old[n] = changed(cell, memory.dtype, op.change, value[n])
    return [Held(old)]


@step.rule(ops.AtomicCas)
def _(op: ops.AtomicCas, p: Program) -> Sequence[Held]:
    dtype = p.memory[op.memory].dtype
    wanted, value = p.array(op.compare, op, "the value to compare with"), p.array(op.value, op, "the value")
    old = nothing(dtype, value.shape)
    for n, cell in cells(op, p):
        old[n] = exchanged(cell, dtype, wanted[n], value[n])
    return [Held(old)]
