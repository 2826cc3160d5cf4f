"""Lowering of loops and branches: every thread of a block takes the same way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tilevm.ir import Op, Value, ops
from tilevm.passes.threads.lowering import Lowering, lower


@lower.rule(ops.For, ops.While, ops.If)
def _(op: Op, low: Lowering) -> Sequence[Value]:
    blocks = [low.block(block) for block in op.regions]
    made = (replace(op, layouts=()) if op.layouts else op).with_parts([low[v] for v in op.operands], blocks)
    return low.builder.append(made).results


@lower.rule(ops.Yield)
def _(op: ops.Yield, low: Lowering) -> Sequence[Value]:
    low.builder.append(op.with_parts([low[v] for v in op.values], ()))
    return ()
