"""``ld``, ``st`` and ``prefetch``: values between registers and memory, alone or as vectors."""

from __future__ import annotations

import numpy as np

from . import reach
from .kinds import HOLD, Array, bits_of, width
from .machine import Machine, Step
from .operands import Fetch, addresser, fetcher, putter, registers_of, shadower
from .program import Program
from .pure import whole
from .reach import Access
from .records import Address, Instruction, Operand, Vector


def items(operand: Operand) -> tuple[Operand, ...]:
    """The registers of a vector, or the one."""
    return operand.items if isinstance(operand, Vector) else (operand,)


def space_at(program: Program, at: Instruction, address: Operand) -> str:
    """The space of an access. Parameters of called functions lie with the thread's own memory."""
    space = reach.space_of(at)
    if space == "param" and isinstance(address, Address) and program.places.get(address.base, ("param",))[0] == "local":
        return "local"
    return space


def load(program: Program, at: Instruction) -> Step:
    target, address = at.operands
    kind = at.parts[-1]
    space, bits = space_at(program, at, address), width(kind)
    place, used = addresser(program, at, address), registers_of(program, address)
    puts = [putter(program, at, o, kind) for o in items(target)]

    def run(m: Machine, mask: Array | None) -> None:
        lanes = m.lanes(mask)
        places = reach.addresses(m, at, place(m), mask, m.registers.lacking(used))
        values, unknown = reach.load(m, Access(at, space, lanes, places, bits, len(puts)))
        lacks = bool(unknown.any())
        for i, put in enumerate(puts):
            value = np.ascontiguousarray(values[:, i])
            lacking = spread(m, unknown[:, i], lanes, mask) if lacks else None
            put(m, spread(m, value, lanes, mask).view(HOLD[kind]), mask, lacking)

    return Step(at, run)


def spread(m: Machine, value: Array, lanes: Array, mask: Array | None) -> Array:
    """Values of some threads among all."""
    if mask is None:
        return value
    found = np.zeros(m.threads, value.dtype)
    found[lanes] = value
    return found


def store(program: Program, at: Instruction) -> Step:
    address, source = at.operands
    kind = at.parts[-1]
    space, bits = space_at(program, at, address), width(kind)
    place, used = addresser(program, at, address), registers_of(program, address)
    gets = [fetcher(program, at, o, kind) for o in items(source)]
    shadows = [shadower(program, o, kind) for o in items(source)]

    def run(m: Machine, mask: Array | None) -> None:
        lanes = m.lanes(mask)
        places = reach.addresses(m, at, place(m), mask, m.registers.lacking(used))
        values = np.stack([bits_of(whole(get(m), m.threads)[lanes]) for get in gets], axis=1)
        reach.store(m, Access(at, space, lanes, places, bits, len(gets)), values, unknown_of(m, shadows, lanes))

    return Step(at, run)


def unknown_of(m: Machine, shadows: list[Fetch], lanes: Array) -> Array | None:
    """Ones for the bits that values of some threads lack, a column for each source; None if all are known."""
    if not m.registers.unknown:
        return None
    columns = np.stack([whole(shadow(m), m.threads)[lanes] for shadow in shadows], axis=1)
    return columns if columns.any() else None


def nothing(program: Program, at: Instruction) -> Step:
    """Hints and fences that change no value here: what they order, the emulator does in order anyway."""
    return Step(at, lambda m, mask: None)
