"""Comparisons and choices: ``setp``, ``set``, ``selp``, ``slct``."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from . import rounding
from .floats import to64
from .kinds import HOLD, Array, is_float, width
from .machine import Machine, Step
from .operands import fetcher, putter, registers_of, shadower, unknown
from .program import Program
from .pure import whole
from .records import Instruction, Pair

Test = Callable[[Array, Array], Array]
ORDERED: dict[str, Test] = {
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "lo": np.less,
    "ls": np.less_equal,
    "hi": np.greater,
    "hs": np.greater_equal,
}
TRUE: dict[str, Array] = {  # what ``set`` writes where the result is a float; brains as bits
    "f32": np.array([1.0], np.float32),
    "f16": np.array([1.0], np.float16),
    "bf16": np.array([0x3F80], np.uint16),
}
JOIN: dict[str, Test] = {"and": np.logical_and, "or": np.logical_or, "xor": np.logical_xor}


def nan(a: Array, b: Array) -> Array:
    """Whether either is NaN."""
    return np.asarray((a != a) | (b != b))


def float_test(name: str) -> Test | None:
    """Comparisons of floats: false where there is a NaN, with a ``u`` behind true."""
    if name == "num":
        return lambda a, b: ~nan(a, b)
    if name == "nan":
        return nan
    if name in ("eq", "ne", "lt", "le", "gt", "ge"):
        return lambda a, b: ORDERED[name](a, b) & ~nan(a, b)
    if name in ("equ", "neu", "ltu", "leu", "gtu", "geu"):
        return lambda a, b: ORDERED[name[:-1]](a, b) | nan(a, b)
    return None


def test_of(at: Instruction, kind: str) -> Test:
    """The comparison an opcode names, for operands of a type."""
    name = at.parts[1]
    if not is_float(kind):
        found = ORDERED.get(name)
    else:
        test = float_test(name)
        flushes = at.has("ftz") and kind == "f32"
        found = test and (lambda a, b: test(readable(a, kind, flushes), readable(b, kind, flushes)))
    if found is None:
        raise unknown(at, f"comparison {name} of {kind} is not known")
    return found


def readable(x: Array, kind: str, flushes: bool) -> Array:
    x = to64(x, kind) if kind in ("bf16", "f16x2", "bf16x2") else x
    return rounding.flush(x) if flushes else x


def set_predicate(program: Program, at: Instruction) -> Step:
    """``setp``: a comparison, joined with a predicate where one is given; a second result has it the other way."""
    kind = at.parts[-1]
    test, join = test_of(at, kind), next((JOIN[p] for p in at.parts[2:-1] if p in JOIN), None)
    if kind.endswith("x2"):
        raise unknown(at, "predicates of pairs are not known")
    first, second = (at.operands[0], None)
    if isinstance(at.operands[0], Pair):
        first, second = at.operands[0].first, at.operands[0].second
    puts = [putter(program, at, o, "pred") for o in (first, second) if o is not None]
    a, b = (fetcher(program, at, o, kind) for o in at.operands[1:3])
    c = fetcher(program, at, at.operands[3], "pred") if join else None
    used = registers_of(program, *at.operands[1:])

    def run(m: Machine, mask: Array | None) -> None:
        found = test(a(m), b(m))
        lacking = m.registers.lacking(used)
        for put, value in zip(puts, (found, ~found), strict=False):
            put(m, join(value, c(m)) if join and c else value, mask, lacking)

    return Step(at, run)


def set_value(program: Program, at: Instruction) -> Step:
    """``set``: all ones, or 1.0, where a comparison holds; of pairs each element by itself."""
    target, kind = at.parts[-2:]
    if any(p in JOIN for p in at.parts[2:-2]):
        raise unknown(at, "joined with a predicate it is not known")
    test, put = test_of(at, kind), putter(program, at, at.operands[0], target)
    a, b = (fetcher(program, at, o, kind) for o in at.operands[1:3])
    used = registers_of(program, *at.operands[1:])
    true = TRUE.get(target.removesuffix("x2"), np.array([-1]).astype(HOLD[target]))
    if target.endswith("x2") != kind.endswith("x2"):
        raise unknown(at, "a comparison of pairs gives a pair")

    def run(m: Machine, mask: Array | None) -> None:
        found = np.where(test(a(m), b(m)), true, np.zeros_like(true))
        put(m, found.view(HOLD[target]).reshape(-1), mask, m.registers.lacking(used))

    return Step(at, run)


def chooser(program: Program, at: Instruction, kind: str, condition: Callable[[Machine], Array]) -> Step:
    """One of two values by a condition; it is unknown where the condition is, or the value that is taken."""
    put = putter(program, at, at.operands[0], kind)
    a, b = (fetcher(program, at, o, kind) for o in at.operands[1:3])
    left, right = (shadower(program, o, kind) for o in at.operands[1:3])
    chosen_by = registers_of(program, at.operands[3])

    def run(m: Machine, mask: Array | None) -> None:
        first = condition(m)
        value, lacking = np.where(first, a(m), b(m)), None
        if m.registers.unknown:
            taken = np.where(whole(first, m.threads), left(m), right(m))
            by = m.registers.lacking(chosen_by)
            lacking = taken if by is None else np.where(by, ~taken.dtype.type(0), taken)
        put(m, value, mask, lacking)

    return Step(at, run)


def select(program: Program, at: Instruction) -> Step:
    """``selp``: a where the predicate holds, else b."""
    return chooser(program, at, at.parts[-1], fetcher(program, at, at.operands[3], "pred"))


def select_by_sign(program: Program, at: Instruction) -> Step:
    """``slct``: a where c is at least 0, else b; of NaN b."""
    kind = at.parts[-1]
    c = fetcher(program, at, at.operands[3], kind)
    return chooser(program, at, at.parts[-2], lambda m: c(m) >= 0)


def move(program: Program, at: Instruction) -> Step:
    """``mov`` between registers, constants and addresses of variables."""
    kind = at.parts[-1]
    source = at.operands[1]
    get, put = fetcher(program, at, source, kind), putter(program, at, at.operands[0], kind)
    shadow = shadower(program, source, kind)

    def run(m: Machine, mask: Array | None) -> None:
        put(m, get(m), mask, shadow(m) if m.registers.unknown else None)

    return Step(at, run)


def part_kind(kind: str, count: int) -> str:
    return f"b{width(kind) // count}"
