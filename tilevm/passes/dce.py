"""Instructions whose results nobody uses, dropped."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from tilevm.ir import Block, Effect, Func, Op, Value
from tilevm.ir.rewrite import Substitution, walk
from tilevm.ir.threads import SharedBuffer, SharedStore


def drop_unused(func: Func) -> Func:
    """``func`` without pure and reading instructions that no writing one depends on, and without what is written to
    shared memory that nobody reads."""
    kept, unread = marked(func, set()), set[Op]()
    while not (found := idle(kept)) <= unread:  # who reads may be dropped too
        unread |= found
        kept = marked(func, unread)
    body = _block(func.body, kept, Substitution())
    return func if body is func.body else replace(func, body=body)


def acts(op: Op) -> bool:
    """Whether the instruction, or one inside it, changes memory. A ``while`` counts: it may not end."""
    if op.name == "while":
        return True
    return any(inner.effect is Effect.WRITE and not inner.terminator for inner in (op, *inside(op)))


def marked(func: Func, unread: set[Op]) -> set[Op]:
    """The instructions that are needed where ``unread`` are not."""
    kept: set[Op] = set()
    _mark(func.body, set(), kept, unread)
    return kept


def idle(ops: Collection[Op]) -> set[Op]:
    """Buffers in shared memory to which ``ops`` only store, and these stores."""
    read = {value for op in ops if not isinstance(op, SharedStore) for value in op.operands}
    buffers = {op.result: op for op in ops if isinstance(op, SharedBuffer) and op.result not in read}
    stores = {op for op in ops if isinstance(op, SharedStore) and op.buffer in buffers}
    return {*buffers.values(), *stores}


def inside(op: Op) -> list[Op]:
    return [inner for block in op.regions for inner in walk(block)]


def _mark(block: Block, needed: set[Value], kept: set[Op], unread: set[Op]) -> None:
    """Backwards, gather the instructions that act and those whose results they need."""
    for op in reversed(block.ops):
        if op not in unread and (op.terminator or acts(op) or any(r in needed for r in op.results)):
            kept.add(op)
            needed.update(op.operands)
            for region in reversed(op.regions):
                _mark(region, needed, kept, unread)


def _block(block: Block, kept: set[Op], now: Substitution) -> Block:
    return block.with_ops(now.apply(op, [_block(r, kept, now) for r in op.regions]) for op in block.ops if op in kept)
