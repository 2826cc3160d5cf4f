"""``atom`` and ``red``: one thread after the other, in the order of their numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import reach
from .access import items, spread, unknown_of
from .floats import FLOAT_RULES
from .hazards import Hazard
from .integers import INTEGERS
from .kinds import HOLD, Array, bits_of, is_float, width
from .machine import Machine, Step
from .operands import addresser, fetcher, putter, registers_of, shadower, unknown
from .program import Program
from .pure import whole
from .reach import Access
from .records import Instruction

Change = Callable[..., Array]


def increase(old: Array, top: Array) -> Array:
    """One more, from ``top`` back to 0."""
    return np.where(old >= top, 0, old + 1).astype(old.dtype)


def decrease(old: Array, top: Array) -> Array:
    """One less, from 0 back to ``top``, and from beyond it too."""
    return np.where((old == 0) | (old > top), top, old - 1).astype(old.dtype)


def exchange_if(old: Array, expected: Array, new: Array) -> Array:
    """``new`` where the old value is the expected one."""
    return np.asarray(np.where(old == expected, new, old))


CHANGES: dict[str, Change] = {
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
    "exch": lambda old, new: new,
    "inc": increase,
    "dec": decrease,
    "cas": exchange_if,
}


def change_of(at: Instruction, kind: str) -> Change:
    """What an atomic does to the old value."""
    name = next((p for p in at.parts[1:] if p in CHANGES or p in ("add", "min", "max")), None)
    if name is None:
        raise unknown(at, "the operation is not known")
    if name in CHANGES:
        return CHANGES[name]
    rules = FLOAT_RULES if is_float(kind) else INTEGERS
    return rules[name](Instruction(f"{name}.{kind}", (), at.span)).run


def atomic(program: Program, at: Instruction) -> Step:
    """``atom`` gives the old value, ``red`` does not."""
    returns = at.parts[0] == "atom"
    kind = at.parts[-1]
    if any(p in ("v2", "v4", "v8") for p in at.parts):
        raise unknown(at, "vectors are not known here")
    if len(items(at.operands[0])) > 1:
        raise unknown(at, "vectors are not known here")
    change, bits = change_of(at, kind), width(kind)
    address, *sources = at.operands[1:] if returns else at.operands
    put = putter(program, at, at.operands[0], kind) if returns else None
    place, used = addresser(program, at, address), registers_of(program, address)
    gets = [fetcher(program, at, o, kind) for o in sources]
    shadows = [shadower(program, o, kind) for o in sources]

    def run(m: Machine, mask: Array | None) -> None:
        lanes = m.lanes(mask)
        places = reach.addresses(m, at, place(m), mask, m.registers.lacking(used))
        values = [whole(get(m), m.threads)[lanes] for get in gets]
        if unknown_of(m, shadows, lanes) is not None:
            m.see(Hazard.UNINITIALISED, "an atomic's operand was never set", at, "set the register first")
        old, unset = in_turn(m, Access(at, reach.space_of(at), lanes, places, bits, 1), values, change)
        if put is not None:
            put(m, spread(m, old, lanes, mask), mask, spread(m, unset, lanes, mask) if unset.any() else None)

    return Step(at, run)


def in_turn(m: Machine, access: Access, values: list[Array], change: Change) -> tuple[Array, Array]:
    """Old values, and which of them were never set."""
    hold = HOLD[access.at.parts[-1]]
    old = np.zeros(len(access.lanes), hold)
    unset = np.zeros(len(access.lanes), bool)
    for chosen, part in reach.split(access):
        arena, offsets = reach.checked(m, part)
        if part.space == "shared":
            observe(m, part, offsets)
        unset[chosen] = arena.unwritten(offsets, part.bits) != 0
        if access.at.has("exch"):  # it asks nothing of the old value
            arena.store(offsets, arena.load(offsets, part.bits), part.bits)
        cells: Any = arena.view(part.bits)
        index = offsets // (part.bits // 8)
        for i, cell in zip(chosen, index, strict=True):
            before = cells[cell : cell + 1].view(hold)
            old[i] = before[0]
            cells[cell : cell + 1] = bits_of(np.asarray(change(before, *[v[i : i + 1] for v in values]), hold))
    if unset.any() and not access.at.has("exch"):
        m.see(Hazard.UNINITIALISED, "an atomic changes memory that was never set", access.at, "set the memory first")
    return old, unset


def observe(m: Machine, access: Access, offsets: Array) -> None:
    """An atomic on shared memory enters its history: it races with plain accesses, never with other atomics."""
    places, warps = reach.bytes_of(offsets, access.size), m.warp[access.lanes]
    reach.report(m, access, m.shared.in_flight(places, warps), "changes")
    reach.report(m, access, m.shared.after_writes(places, warps, atomic=True), "changes")
    reach.report(m, access, m.shared.after_reads(places, warps), "changes")
    m.shared.note_write(places, warps, access.at, atomic=True)
