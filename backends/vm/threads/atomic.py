"""Elements of global memory changed by threads, one after another in the order of their numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tilevm.ir import threads
from tilevm.types import DType

from ..atomic import changed, exchanged
from ..rounding import Array
from ..values import Held, container, nothing
from .accesses import Reached, note, reach, unit_of
from .block import ThreadBlock, act
from .history import Access
from .vectors import written

Change = Callable[[Array, int], Array]  # of an element in memory, as an array of one, by the n-th thread


@act.rule(threads.GlobalAtomic)
def _(op: threads.GlobalAtomic, b: ThreadBlock) -> Sequence[Held]:
    unit, at = elements(op, b)
    value = operand(op, b, at, b.held(op.value))
    return [in_order(at, unit, lambda cell, n: changed(cell, unit, op.change, value[n]))]


@act.rule(threads.GlobalAtomicCas)
def _(op: threads.GlobalAtomicCas, b: ThreadBlock) -> Sequence[Held]:
    unit, at = elements(op, b)
    wanted, value = (operand(op, b, at, b.held(v)) for v in (op.compare, op.value))
    return [in_order(at, unit, lambda cell, n: exchanged(cell, unit, wanted[n], value[n]))]


def elements(op: threads.GlobalAtomic | threads.GlobalAtomicCas, b: ThreadBlock) -> tuple[DType, Reached]:
    """The elements that an instruction changes."""
    unit = unit_of(op.memory, op.of if isinstance(op, threads.GlobalAtomic) else None)
    at = reach(op, b, op.memory, op.offsets, op.mask, 1, unit, store=True)
    note(op, b, Access.ATOMIC, at)
    return unit, at


def operand(op: threads.GlobalAtomic | threads.GlobalAtomicCas, b: ThreadBlock, at: Reached, held: Held) -> Array:
    """What each live vector brings; poison is reported."""
    written(op, b, held, at.vectors)
    return at.vectors.of(held.data)[:, 0]


def in_order(at: Reached, unit: DType, change: Change) -> Held:
    """Change each element in turn; the old ones."""
    index = at.vectors.index[:, 0]
    old = np.zeros((index.size, 1), container(unit))
    with np.errstate(all="ignore"):
        for n, place in enumerate(index.tolist()):
            old[n] = change(at.units[place : place + 1], n)
    return at.vectors.held(old, None, nothing(unit))
