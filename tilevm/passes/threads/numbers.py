"""Lowering of what each thread does with its own registers: arithmetic, and tiles made and rearranged in place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tilevm.ir import Op, Value, ops
from tilevm.passes.threads.coordinates import sources
from tilevm.passes.threads.lowering import Lowering, lower
from tilevm.types import i32


@lower.rule(ops.Unary, ops.Binary, ops.Compare, ops.Fma, ops.Select, ops.Cast, ops.Philox)
def _(op: Op, low: Lowering) -> Sequence[Value]:
    """Registers lie alike in operands and results, so each is computed from those of its number."""
    made = replace(op, layouts=()) if op.layouts else op
    return low.builder.append(made.with_parts([low[v] for v in op.operands], ())).results


@lower.rule(ops.Constant, ops.ProgramId, ops.NumPrograms, ops.Extent)
def _(op: Op, low: Lowering) -> Sequence[Value]:
    return low.builder.append(op.with_parts([low[v] for v in op.operands], ())).results


@lower.rule(ops.Splat)
def _(op: ops.Splat, low: Lowering) -> Sequence[Value]:
    return [low.splat(low[op.x], low.layout(op.result).registers)]


@lower.rule(ops.Empty)
def _(op: ops.Empty, low: Lowering) -> Sequence[Value]:
    return [low.add(ops.Empty, of=op.of, shape=(low.layout(op.result).registers,))]


@lower.rule(ops.Arange)
def _(op: ops.Arange, low: Lowering) -> Sequence[Value]:
    at = low.places(op.result)
    own = low.numbers(at.registers[0] + op.start, i32)
    found = low.plus(low.index(at, 0), own)
    assert found is not None
    return [found]


@lower.rule(ops.Broadcast)
def _(op: ops.Broadcast, low: Lowering) -> Sequence[Value]:
    """Each thread holds already what it needs, perhaps in fewer registers."""
    before, after = low.places(op.x), low.places(op.result)
    kept = np.array([extent == wide for extent, wide in zip(shape_of(op.x), op.shape, strict=True)])
    return [low.take(low[op.x], sources(before, after.registers * kept[:, None]))]


@lower.rule(ops.Reshape, ops.Permute, ops.SetLayout)
def _(op: ops.Reshape | ops.Permute | ops.SetLayout, low: Lowering) -> Sequence[Value]:
    """The layout of the result says the same of the same registers."""
    return [low[op.x]]


@lower.rule(ops.View)
def _(op: ops.View, low: Lowering) -> Sequence[Value]:
    """Runs of the last dim lie in registers side by side, lowest first."""
    return [low.add(ops.View, x=low[op.x], to=op.to)]


def shape_of(value: Value) -> tuple[int, ...]:
    shape: tuple[int, ...] = value.type.shape  # type: ignore[union-attr]
    return shape
