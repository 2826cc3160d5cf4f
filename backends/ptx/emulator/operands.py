"""Operands made ready: functions that fetch a value of some type from a machine, and that put one back."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from .hazards import EmulationError, Hazard
from .kinds import BITS, HOLD, Array, bits_of, constant, resize, width
from .machine import Machine
from .program import Program
from .records import Address, Instruction, Inverted, Name, Number, Operand, Pair, Vector

Fetch = Callable[[Machine], Array]
Put = Callable[[Machine, Array, Array | None, Array | None], None]
UNKNOWN_SPECIAL = "%clock, %clock64, %globaltimer and cluster registers are not modelled"
SPECIAL = {"%tid", "%ntid", "%ctaid", "%nctaid", "%laneid", "%warpid", "%nwarpid", "%smid", "%nsmid", "%gridid"}
SPECIAL |= {f"%lanemask_{name}" for name in ("eq", "lt", "le", "gt", "ge")}
SPECIAL |= {"%dynamic_smem_size", "%total_smem_size"}


def unknown(at: Instruction, why: str) -> EmulationError:
    """That the emulator does not know a form of an instruction."""
    return EmulationError(Hazard.UNKNOWN, f"{at.text}: {why}", at, "docs/emulator.md lists what the emulator knows")


def registers_of(program: Program, *operands: Operand) -> tuple[str, ...]:
    """Names of the registers in some operands."""
    return tuple(n for o in operands for n in names(o) if n in program.registers)


def names(operand: Operand) -> Iterator[str]:
    if isinstance(operand, Name | Inverted):
        yield operand.name
    elif isinstance(operand, Address):
        yield operand.base
    elif isinstance(operand, Vector):
        for item in operand.items:
            yield from names(item)
    elif isinstance(operand, Pair):
        yield from (*names(operand.first), *names(operand.second))


def fetcher(program: Program, at: Instruction, operand: Operand, kind: str) -> Fetch:
    """What gives an operand as values of a type, one a thread, or one for all of a constant.

    :raises EmulationError: the operand cannot stand here
    """
    if isinstance(operand, Number):
        value = constant(operand.text, kind)
        return lambda m: value
    if isinstance(operand, Inverted):
        name = operand.name
        return lambda m: ~m.registers.read(name)
    if not isinstance(operand, Name):
        raise unknown(at, "an operand has a form that is not known here")
    if operand.name in program.registers:
        return register(program, at, operand.name, kind)
    return symbol(program, at, operand.name, kind)


def register(program: Program, at: Instruction, name: str, kind: str) -> Fetch:
    """The value of a register; one that is wider than the type gives its low bits."""
    own, wanted, hold = width(program.registers[name]), width(kind), HOLD[kind]
    if (own == 1) != (wanted == 1) or wanted > own:
        raise unknown(at, f"{name} is a register of type {program.registers[name]}, {kind} is asked of it")
    if own == 1:
        return lambda m: m.registers.read(name)
    if own == wanted:
        return lambda m: m.registers.read(name).view(hold)
    return lambda m: resize(m.registers.read(name), wanted).view(hold)


def shadower(program: Program, operand: Operand, kind: str) -> Fetch:
    """What gives ones for the bits of an operand that have no value, cut to a type's width."""
    bits = width(kind)
    if isinstance(operand, Name | Inverted) and operand.name in program.registers:
        name = operand.name
        return lambda m: resize(m.registers.shadow(name), bits)
    none = np.zeros(1, BITS[bits])
    return lambda m: none


def symbol(program: Program, at: Instruction, name: str, kind: str) -> Fetch:
    """The address of a variable within its space, or a special register."""
    hold = HOLD[kind]
    if name.split(".")[0] in SPECIAL:
        size = width(kind)
        return lambda m: resize(m.special[name], size).view(hold)
    if name in program.places:
        value = np.array([program.places[name][1]]).astype(hold)
        return lambda m: value
    if name in program.outer:
        return lambda m: np.array([m.launch.outer[name]], np.uint64).astype(hold)
    raise unknown(at, f"{name} is not declared" if name[0] != "%" else f"{name} is not declared; {UNKNOWN_SPECIAL}")


def putter(program: Program, at: Instruction, operand: Operand, kind: str) -> Put:
    """What writes values of a type to a register; one that is wider gets them stretched, by the sign if signed."""
    if isinstance(operand, Name) and operand.name == "_":
        return lambda m, value, mask, lacking: None
    if not isinstance(operand, Name) or operand.name not in program.registers:
        raise unknown(at, "what is written must be a register")
    name, own, have, signed = operand.name, width(program.registers[operand.name]), width(kind), kind[0] == "s"
    if (own == 1) != (have == 1) or have > own:
        raise unknown(at, f"{name} is a register of type {program.registers[name]}, {kind} is written to it")
    if own == have:
        return lambda m, value, mask, lacking: m.registers.write(name, bits_of(value), mask, lacking)

    def stretched(m: Machine, value: Array, mask: Array | None, lacking: Array | None) -> None:
        if lacking is not None and lacking.dtype != np.bool_:
            lacking = resize(lacking, own, signed)
        m.registers.write(name, resize(bits_of(value), own, signed), mask, lacking)

    return stretched


def addresser(program: Program, at: Instruction, operand: Operand) -> Fetch:
    """The address in an operand as int64, one a thread or one for all.

    A register of fewer than 64 bits is taken as unsigned, as addresses are.
    """
    if not isinstance(operand, Address):
        raise unknown(at, "an address in brackets is asked for")
    offset, name = operand.offset, operand.base
    if not name:
        value = np.array([offset], np.int64)
        return lambda m: value
    if name in program.registers:
        return lambda m: m.registers.read(name).astype(np.int64) + offset
    base = symbol(program, at, name, "u64")
    return lambda m: base(m).astype(np.int64) + offset
