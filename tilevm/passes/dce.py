"""Instructions whose results nobody uses, dropped."""

from __future__ import annotations

from dataclasses import replace

from tilevm.ir import Block, Effect, Func, Op, Value
from tilevm.ir.rewrite import Substitution, walk


def drop_unused(func: Func) -> Func:
    """``func`` without pure and reading instructions that no writing one depends on."""
    kept: set[Op] = set()
    _mark(func.body, set(), kept)
    body = _block(func.body, kept, Substitution())
    return func if body is func.body else replace(func, body=body)


def acts(op: Op) -> bool:
    """Whether the instruction, or one inside it, changes memory. A ``while`` counts: it may not end."""
    if op.name == "while":
        return True
    return any(inner.effect is Effect.WRITE and not inner.terminator for inner in (op, *inside(op)))


def inside(op: Op) -> list[Op]:
    return [inner for block in op.regions for inner in walk(block)]


def _mark(block: Block, needed: set[Value], kept: set[Op]) -> None:
    """Backwards, gather the instructions that act and those whose results they need."""
    for op in reversed(block.ops):
        if op.terminator or acts(op) or any(r in needed for r in op.results):
            kept.add(op)
            needed.update(op.operands)
            for region in reversed(op.regions):
                _mark(region, needed, kept)


def _block(block: Block, kept: set[Op], now: Substitution) -> Block:
    made = tuple(now.apply(op, [_block(r, kept, now) for r in op.regions]) for op in block.ops if op in kept)
    same = len(made) == len(block.ops) and all(a is b for a, b in zip(made, block.ops, strict=True))
    return block if same else Block(block.params, made)
