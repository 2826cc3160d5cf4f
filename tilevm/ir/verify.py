"""What every function must hold, whoever made it."""

from __future__ import annotations

from tilevm.ir.core import Block, Func, Op, Value
from tilevm.source import Span, TileError


def verify(func: Func) -> Func:
    """``func``, after checking it. Raises TileError with the place of the first fault."""
    _block(func.body, set(), set(), func.name, func.span)
    if func.body.end.operands:
        help = "store what it computes to memory, and end in yield []"
        raise TileError("a kernel yields nothing", func.body.end.span, help=help)
    return func


def _block(block: Block, outside: set[Value], seen: set[int], where: str, span: Span | None) -> None:
    if not block.ops or not block.ops[-1].terminator:
        place = block.ops[-1].span if block.ops else span
        raise TileError(f"a block of {where} does not end in yield", place, help="write yield [] as its last line")
    visible = outside | set(block.params)
    for op in block.ops:
        if op.terminator and op is not block.end:
            raise TileError(
                f"{op.name} stands before the end of its block", op.span, help="drop it, or what stands behind it"
            )
        if id(op) in seen:
            help = "make the instruction anew for the second place"
            raise TileError(f"{op.name} stands in two places", op.span, help=help)
        seen.add(id(op))
        _op(op, visible)
        for inner in op.regions:
            _block(inner, visible, seen, op.name, op.span)
        visible.update(op.results)


def _op(op: Op, visible: set[Value]) -> None:
    if not visible.issuperset(op.operands):
        value = next(v for v in op.operands if v not in visible)
        help = "a value is made before it is taken, in the same block or in one around it"
        raise TileError(f"{op.name} takes %{value.hint or value.type}, which is not defined here", op.span, help=help)
    found = op.infer()
    if found != tuple([r.type for r in op.results]):
        help = "make the instruction anew on its operands, rather than change the types of its results"
        raise TileError(f"{op.name} yields {', '.join(map(str, found))}", op.span, help=help)
