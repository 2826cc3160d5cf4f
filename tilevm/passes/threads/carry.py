"""Values that a loop would make anew in each trip, carried by it instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tilevm.ir import Block, Op, Value, ops
from tilevm.ir.build import Builder, block
from tilevm.ir.rewrite import Substitution, walk


@dataclass(frozen=True, eq=False)
class Carry:
    """``old``: a value of the trip. ``first``: what it is in the first one, made before the loop. ``next``: makes, at
    the end of a trip, what it is in the next of what it is now. ``at``: instructions, and the operand of each that it
    becomes. ``everywhere``: it stands for ``old`` wherever that is taken."""

    old: Value
    first: Value
    next: Callable[[Builder, Value], Value]
    at: Mapping[Op, str] = field(default_factory=dict)
    everywhere: bool = False


def made_in(loop: ops.For) -> set[Value]:
    """What a loop makes, with its index and what it carries."""
    return {v for op in walk(loop.body) for v in op.results} | set(loop.body.params)


def carried(builder: Builder, loop: ops.For, found: Sequence[Carry]) -> list[Value]:
    """The loop with these behind what it carried before; what it yields. What made them stays, perhaps unread."""
    params = [Value(c.old.type, c.old.hint) for c in found]
    own: dict[Op, dict[str, Value]] = {}
    now, stands_for = Substitution(), dict[Value, Value]()
    for c, param in zip(found, params, strict=True):
        for op, name in c.at.items():
            own.setdefault(op, {})[name] = param
        if c.everywhere:
            stands_for[c.old] = param
    with builder.collect() as inner:
        for op in loop.body.ops[:-1]:
            builder.append(replaced(now, op, own.get(op)))
            now.bind(op.results, [stands_for.get(old, now[old]) for old in op.results])
        further = [c.next(builder, param) for c, param in zip(found, params, strict=True)]
    values = (*(now[v] for v in loop.body.end.operands), *further)
    made = replace(
        loop,
        carried=(*loop.carried, *(c.first for c in found)),
        body=block((*loop.body.params, *params), inner, values, loop.body.end.span),
        hints=(*(r.hint for r in loop.results), *("",) * len(found)),
        layouts=(),
    )
    return list(builder.append(made).results[: len(loop.results)])


def replaced(now: Substitution, op: Op, own: Mapping[str, Value] | None = None) -> Op:
    """An instruction on the values that stand for its own, also in the blocks inside it; ``own``: operands by name."""
    regions = [Block(r.params, tuple(replaced(now, inner) for inner in r.ops)) for r in op.regions]
    found = now.apply(op, regions) if regions else now.apply(op)
    if not own:
        return found
    fields: dict[str, Any] = {**own, "hints": tuple(r.hint for r in found.results)}
    made = replace(found, **fields)
    now.bind(op.results, made.results)
    return made
