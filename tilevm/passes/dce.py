"""Instructions whose results nobody uses, dropped."""

from __future__ import annotations

from dataclasses import replace

from tilevm.ir import Block, Effect, Func, Op, Value
from tilevm.ir.rewrite import walk


def drop_unused(func: Func) -> Func:
    """``func`` without pure and reading instructions that no writing one depends on."""
    needed: set[Value] = set()
    body = _block(func.body, needed)
    return func if body is func.body else replace(func, body=body)


def acts(op: Op) -> bool:
    """Whether the instruction, or one inside it, changes memory. A ``while`` counts: it may not end."""
    if op.name == "while":
        return True
    return any(inner.effect is Effect.WRITE and not inner.terminator for inner in (op, *inside(op)))


def inside(op: Op) -> list[Op]:
    return [inner for block in op.regions for inner in walk(block)]


def _block(block: Block, needed: set[Value]) -> Block:
    kept: list[Op] = []
    for op in reversed(block.ops):
        if not (op.terminator or acts(op) or any(r in needed for r in op.results)):
            continue
        needed.update(op.operands)
        regions = tuple(_block(r, needed) for r in reversed(op.regions))[::-1]
        if any(a is not b for a, b in zip(regions, op.regions, strict=True)):
            op = _inplace(op, regions)
        kept.append(op)
    if len(kept) == len(block.ops) and all(a is b for a, b in zip(kept, reversed(block.ops), strict=True)):
        return block
    return Block(block.params, tuple(reversed(kept)))


def _inplace(op: Op, regions: tuple[Block, ...]) -> Op:
    """``op`` around other regions, with the result values that its users already hold."""
    made = op.with_parts(op.operands, regions)
    object.__setattr__(made, "results", op.results)
    for value in op.results:
        value.owner = made
    return made
