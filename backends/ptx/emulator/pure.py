"""Instructions that only compute: types of their operands, type of the result, and a function on arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .kinds import Array, bits_of
from .machine import Machine, Run, Step
from .operands import fetcher, putter, registers_of, shadower, unknown
from .program import Program
from .records import Instruction


@dataclass(frozen=True)
class Pure:
    """``run`` takes an array for each of ``sources`` and gives one of type ``target``.

    ``shadow`` takes the operands' bits and then, for each, the bits without a value, and gives those of the result.
    Without it a result has no value where an operand lacks a bit.
    """

    sources: tuple[str, ...]
    target: str
    run: Callable[..., Array]
    shadow: Callable[..., Array] | None = None


Rule = Callable[[Instruction], Pure]


def ready(rule: Rule) -> Callable[[Program, Instruction], Step]:
    """The step of an instruction whose first operand is written and whose others are read."""

    def build(program: Program, at: Instruction) -> Step:
        return Step(at, compute(program, at, rule(at)))

    return build


def compute(program: Program, at: Instruction, pure: Pure) -> Run:
    """Fetch, compute, write; a result is unknown where an operand is."""
    given = at.operands[1:]
    if len(given) != len(pure.sources):
        raise unknown(at, f"takes {len(pure.sources)} operands after the first, {len(given)} stand there")
    fetches = [fetcher(program, at, o, kind) for o, kind in zip(given, pure.sources, strict=True)]
    put = putter(program, at, at.operands[0], pure.target)
    used, function, shadow = registers_of(program, *given), pure.run, pure.shadow
    shadows = [shadower(program, o, kind) for o, kind in zip(given, pure.sources, strict=True)]

    def run(m: Machine, mask: Array | None) -> None:
        values = [f(m) for f in fetches]
        lacking = m.registers.lacking(used)
        if lacking is not None and shadow is not None:
            lacking = shadow(*map(bits_of, values), *[s(m) for s in shadows])
        put(m, function(*values), mask, lacking)

    return run


def whole(value: Array, threads: int) -> Array:
    """A value for every thread, of one that may stand for all."""
    return value if value.shape == (threads,) else np.broadcast_to(value, (threads,))
