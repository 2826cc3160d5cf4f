"""How a loop over a range goes on, written out: where it may be left, no single instruction does it."""

from __future__ import annotations

from collections.abc import Callable

from tilevm.ir import Value
from tilevm.ir.build import Builder
from tilevm.ir.ops import Add, And, Gt, Lt, Neg, Or, Sub
from tilevm.types import NAMED, DType

from .promote import dtype_of
from .values import is_int

Bounds = tuple[Value, Value, Value]  # from, to, step
Beyond = Callable[[bool], Value]  # whether the end lies ahead, going up or down


def first(b: Builder, bounds: Bounds, step: object) -> Value:
    """Whether there is a first pass. ``step`` as the user wrote it, perhaps an int."""
    lower, upper, _ = bounds

    def beyond(up: bool) -> Value:
        return b.add(Lt if up else Gt, a=lower, b=upper).result

    return directed(b, bounds, step, beyond)


def another(b: Builder, index: Value, bounds: Bounds, step: object) -> tuple[Value, Value]:
    """The number of the next pass, and whether there is one.

    What is left, ``upper - index``, fits an unsigned number; ``index + step`` may not fit at all.
    """
    _, upper, pace = bounds

    def beyond(up: bool) -> Value:
        left = b.add(Sub, a=upper if up else index, b=index if up else upper).result
        size = pace if up else b.add(Neg, x=pace).result
        return b.add(Gt, a=unsigned(b, left), b=unsigned(b, size)).result

    more = directed(b, bounds, step, beyond)
    return b.add(Add, a=index, b=pace).result, more


def directed(b: Builder, bounds: Bounds, step: object, beyond: Beyond) -> Value:
    """``beyond`` for the direction of the step; a step known only at run time asks for both, 0 for neither."""
    if is_int(step):
        return beyond(step > 0)
    pace = bounds[2]
    zero = b.constant(0, dtype_of(pace))
    rises = b.add(And, a=b.add(Gt, a=pace, b=zero).result, b=beyond(True)).result
    if not dtype_of(pace).signed:
        return rises
    falls = b.add(And, a=b.add(Lt, a=pace, b=zero).result, b=beyond(False)).result
    return b.add(Or, a=rises, b=falls).result


def unsigned(b: Builder, x: Value) -> Value:
    """The same bits without a sign."""
    found = dtype_of(x)
    wanted: DType = NAMED[f"u{found.bits}"]
    return x if found == wanted else b.cast(x, wanted)
