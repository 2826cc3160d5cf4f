"""The table of instructions: what each opcode becomes."""

from __future__ import annotations

from collections.abc import Callable

from . import access, asynchronous, atomics, compare, control, convert, matrix, moves, warps
from .bits import BITS_RULES
from .floats import FLOAT_RULES
from .integers import INTEGERS
from .kinds import is_float
from .machine import Step
from .operands import unknown
from .program import Program
from .pure import ready
from .records import Instruction

Build = Callable[[Program, Instruction], Step]


def arithmetic(program: Program, at: Instruction) -> Step:
    """By the type that the opcode ends with: integers, or floats."""
    rules = FLOAT_RULES if is_float(at.parts[-1]) else INTEGERS
    rule = rules.get(at.parts[0])
    if rule is None:
        raise unknown(at, f"of {at.parts[-1]} it is not known")
    return ready(rule)(program, at)


TABLE: dict[str, Build] = {
    **dict.fromkeys((*INTEGERS, *FLOAT_RULES), arithmetic),
    **{name: ready(rule) for name, rule in BITS_RULES.items()},
    "shl": ready(INTEGERS["shl"]),
    "shr": ready(INTEGERS["shr"]),
    "shf": ready(INTEGERS["shf"]),
    "cvt": ready(convert.rule),
    "setp": compare.set_predicate,
    "set": compare.set_value,
    "selp": compare.select,
    "slct": compare.select_by_sign,
    "mov": moves.rule,
    "cvta": moves.convert_address,
    "ld": access.load,
    "ldu": access.load,
    "st": access.store,
    "atom": atomics.atomic,
    "red": atomics.atomic,
    "cp": asynchronous.rule,
    "shfl": warps.shuffle,
    "vote": warps.vote,
    "match": warps.match,
    "redux": warps.reduce,
    "elect": warps.elect,
    "activemask": warps.active,
    "ldmatrix": matrix.load_matrix,
    "mma": matrix.product,
    "bra": control.branch,
    "ret": control.end,
    "exit": control.end,
    "trap": control.trap,
    "brkpt": control.trap,
    "call": control.driver_call,
    "bar": control.barrier,
    "barrier": control.barrier,
    **dict.fromkeys(
        ("membar", "fence", "prefetch", "prefetchu", "nanosleep", "discard", "applypriority"), access.nothing
    ),
}


def decode(program: Program) -> tuple[Step, ...]:
    """All instructions of a program made ready, and an end behind the last.

    :raises EmulationError: an instruction, or a form of one, is not known
    """
    steps = [decode_one(program, at) for at in program.instructions]
    last = Instruction("ret", (), program.function.span)
    return (*steps, control.end(program, last))


def decode_one(program: Program, at: Instruction) -> Step:
    build = TABLE.get(at.parts[0])
    if build is None:
        raise unknown(at, "the instruction is not known")
    try:
        return build(program, at)
    except (KeyError, IndexError, ValueError) as error:
        raise unknown(at, f"this form is not known, for {error.args[0]!r}") from error
