"""Equal instructions, shared."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

from tilevm.ir import Block, Effect, Func, Op
from tilevm.ir.build import Builder
from tilevm.ir.rewrite import Substitution

Key = tuple[type[Op], Hashable, Hashable, Hashable]


def share(func: Func) -> Func:
    """``func`` with one instance of each pure instruction in a block and the blocks inside it."""
    body = _block(func.body, {}, Substitution())
    return func if body is func.body else replace(func, body=body)


def key(op: Op) -> Key:
    """What makes two instructions equal: class, attributes (1 and 1.0 apart), operands, layouts."""
    attributes: Hashable = tuple([(n, type(v), repr(v) if isinstance(v, float) else v) for n, v in op.attributes])
    operands: Hashable = tuple([getattr(op, name) for name, _ in op.takes])
    return type(op), attributes, operands, op.layouts


def _block(block: Block, known: dict[Key, Op], now: Substitution) -> Block:
    builder, known = Builder(), dict(known)
    for op in block.ops:
        current = now.apply(op, [_block(r, known, now) for r in op.regions])
        if current.effect is not Effect.PURE or current.regions:
            builder.append(current)
            continue
        earlier = known.setdefault(key(current), current)
        if earlier is current:
            builder.append(current)
        else:
            now.bind(op.results, earlier.results)
            now.bind(current.results, earlier.results)
    return block.with_ops(builder.finish().ops)
