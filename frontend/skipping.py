"""Parts of expressions that may be passed over: of ``and``, ``or`` and ``a < b < c``, and sides of ``a if c else b``.

Most are made whether they are needed or not, as a number more costs less than a branch. One that shows whether it was
made stands under an if: it writes, may read where nothing is, or may not end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tilevm.ir import Block, Effect, Op, Value
from tilevm.ir.build import Builder, block
from tilevm.ir.ops import Gather, If, PointerLoad, While
from tilevm.ir.rewrite import walk

from .leaves import zeros
from .values import is_numeric


@dataclass(eq=False)
class Part:
    """An expression, traced: its instructions, not yet put anywhere, and its value."""

    ops: Sequence[Op] = field(default_factory=list)
    value: object = None


def traced(builder: Builder, trace: Callable[[], object]) -> Part:
    with builder.collect() as ops:
        value = trace()
    return Part(ops, value)


def shows(part: Part) -> bool:
    """Whether a run could tell that the part was made although nobody takes its value."""
    return any(
        isinstance(op, Gather | PointerLoad | While) or (op.effect is Effect.WRITE and not op.terminator)
        for op in walk(Block((), tuple(part.ops)))
    )


def one_of(builder: Builder, condition: Value, then: Part, otherwise: Part) -> tuple[object, object]:
    """The values of two parts, of which ``condition`` says which one is needed; the other one may be anything."""
    sides = (then, otherwise)
    if not any(map(shows, sides)):
        for op in (*then.ops, *otherwise.ops):
            builder.append(op)
        return then.value, otherwise.value
    blocks = []
    for side in sides:
        with builder.collect() as more:
            yields = [p.value if p is side else zeros(builder, p.value.type) for p in sides if is_numeric(p.value)]
        blocks.append(block((), (*side.ops, *more), yields, builder.span))
    results = iter(builder.add(If, condition=condition, then=blocks[0], otherwise=blocks[1]).results)
    first, second = (next(results) if is_numeric(p.value) else p.value for p in sides)
    return first, second


def needed_if(builder: Builder, condition: Value | None, holds: bool, part: Part) -> object:
    """The value of a part that is needed where ``condition`` is ``holds``, always without one; else it is anything."""
    if condition is None:
        for op in part.ops:
            builder.append(op)
        return part.value
    return one_of(builder, condition, part, Part())[0] if holds else one_of(builder, condition, Part(), part)[1]
