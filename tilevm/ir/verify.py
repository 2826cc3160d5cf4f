"""What every function must hold, whoever made it."""

from __future__ import annotations

from tilevm.ir.core import Block, Func, Op, Value
from tilevm.source import TileError


def verify(func: Func) -> Func:
    """``func``, after checking it. Raises TileError with the place of the first fault."""
    _block(func.body, set(), set(), func.name)
    if func.body.end.operands:
        raise TileError("a kernel yields nothing", func.body.end.span)
    return func


def _block(block: Block, outside: set[Value], seen: set[int], where: str) -> None:
    if not block.ops or not block.ops[-1].terminator:
        raise TileError(f"a block of {where} does not end in yield", block.ops[-1].span if block.ops else None)
    visible = outside | set(block.params)
    for op in block.ops:
        if op.terminator and op is not block.end:
            raise TileError(f"{op.name} stands before the end of its block", op.span)
        if id(op) in seen:
            raise TileError(f"{op.name} stands in two places", op.span)
        seen.add(id(op))
        _op(op, visible)
        for inner in op.regions:
            _block(inner, visible, seen, op.name)
        visible |= set(op.results)


def _op(op: Op, visible: set[Value]) -> None:
    for value in op.operands:
        if value not in visible:
            raise TileError(f"{op.name} takes %{value.hint or value.type}, which is not defined here", op.span)
    found = op.infer()
    if found != tuple(r.type for r in op.results):
        raise TileError(f"{op.name} yields {', '.join(map(str, found))}", op.span)
