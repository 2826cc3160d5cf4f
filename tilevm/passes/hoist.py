"""Instructions that do not change in a loop, taken out of it."""

from __future__ import annotations

from dataclasses import replace

from tilevm.ir import Block, Effect, Func, Op, Value, ops
from tilevm.ir.build import Builder
from tilevm.ir.rewrite import Substitution


def hoist(func: Func) -> Func:
    """``func`` with pure instructions moved out of every loop in which their operands are fixed.

    Pure instructions cannot fail, so one that ran never may run once.
    """
    body = _block(func.body, Substitution())
    return func if body is func.body else replace(func, body=body)


def _block(block: Block, now: Substitution) -> Block:
    builder = Builder()
    for op in block.ops:
        regions = [_block(r, now) for r in op.regions]
        if isinstance(op, ops.For | ops.While):
            free, regions = _split(regions)
            for moved in free:
                builder.append(now.apply(moved))
        builder.append(now.apply(op, regions))
    return block.with_ops(builder.finish().ops)


def _split(regions: list[Block]) -> tuple[list[Op], list[Block]]:
    """The fixed instructions of a loop's regions, and the regions without them."""
    moved: list[Op] = []
    rest = []
    for region in regions:
        bound: set[Value] = set(region.params)
        stay: list[Op] = []
        for op in region.ops:
            fixed = op.effect is Effect.PURE and not op.regions and not bound & set(op.operands)
            (moved if fixed else stay).append(op)
            if not fixed:
                bound.update(op.results)
        rest.append(region if len(stay) == len(region.ops) else Block(region.params, tuple(stay)))
    return moved, rest
