"""Rows that compute how many programs to run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tilevm.runtime.grid import COUNT_LIMIT
from tilevm.runtime.launch.rows import Code
from tilevm.runtime.launch.sketch import Plan
from tilevm.symbolic import Combine, Expr, Name, Number

MOST = 2**63 - 1  # that a register holds
ARITHMETIC = {
    "+": Code.ADD,
    "-": Code.SUB,
    "*": Code.MUL,
    "//": Code.DIV,
    "%": Code.MOD,
    "cdiv": Code.CDIV,
    "min": Code.MIN,
    "max": Code.MAX,
}


def grid(plan: Plan, axes: Sequence[Expr] | None, names: Mapping[str, int]) -> tuple[int, int, int]:
    """The registers with the counts of programs; where nothing says them, the most that may be."""
    counts = (*axes, Number(1), Number(1))[:3] if axes is not None else (Number(COUNT_LIMIT - 1),) * 3
    x, y, z = (computed(plan, axis, names) for axis in counts)
    return x, y, z


def divisible(plan: Plan, axes: Sequence[Expr], names: Mapping[str, int]) -> None:
    """Refuse the call where the counts of a traced function divide by 0: as Python runs it, that is an error."""
    for divisor in (d for axis in axes for d in divisors(axis)):
        plan.add(Code.BETWEEN, a=computed(plan, divisor, names), x=1, y=MOST)


def divisors(expr: Expr) -> Iterator[Expr]:
    """What an expression divides by, as Python's own operators do; constants have been divided by already."""
    if isinstance(expr, Combine):
        yield from (*divisors(expr.a), *divisors(expr.b))
        if expr.operator in ("//", "%") and not isinstance(expr.b, Number):
            yield expr.b


def computed(plan: Plan, expr: Expr, names: Mapping[str, int]) -> int:
    """The register with the number of an expression."""
    if isinstance(expr, Name):
        return names[expr.name]
    if isinstance(expr, Number):
        return plan.constant(expr.value)
    assert isinstance(expr, Combine), "expressions are numbers, names and combinations"
    a, b = computed(plan, expr.a, names), computed(plan, expr.b, names)
    register = plan.take()
    plan.add(ARITHMETIC[expr.operator], r=register, a=a, b=b)
    return register
