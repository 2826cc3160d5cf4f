"""The layouts in which a function uses what it loads."""

from __future__ import annotations

from tilevm.ir import Func, Value, ops
from tilevm.ir.rewrite import walk
from tilevm.layout import Layout
from tilevm.types import Tile


def fragments(func: Func) -> dict[str, Layout]:
    """Tensor parameter → the layout in which tiles loaded from it are used; none where loads differ, or lie nowhere."""
    users: dict[Value, list[Layout]] = {}
    staged = {op.stage: op.tensor for op in walk(func.body) if isinstance(op, ops.Fetch)}
    for op in walk(func.body):
        if isinstance(op, ops.Convert) and isinstance(op.result.type, Tile) and op.result.type.layout is not None:
            users.setdefault(op.x, []).append(op.result.type.layout)
    found: dict[Value, set[Layout]] = {}
    for op in walk(func.body):
        if not isinstance(op, ops.Load | ops.Staged) or not isinstance(op.result.type, Tile):
            continue
        tensor = op.tensor if isinstance(op, ops.Load) else staged[op.stage]
        if op.result.type.layout is not None:
            found.setdefault(tensor, set()).update(users.get(op.result, [op.result.type.layout]))
    return {tensor.hint: next(iter(layouts)) for tensor, layouts in found.items() if len(layouts) == 1}
