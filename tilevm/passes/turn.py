"""Products with too few rows for an instruction, turned: (a @ b) as (bᵀ @ aᵀ)ᵀ, whose columns may be few."""

from __future__ import annotations

from collections.abc import Sequence

from tilevm.ir import Func, Op, Value, ops
from tilevm.ir.build import Builder
from tilevm.ir.rewrite import rewrite
from tilevm.passes.cse import share
from tilevm.passes.layouts.products import of_warps, tile_of
from tilevm.target import Target


def turn(func: Func, target: Target) -> Func:
    """``func`` with every product turned that an instruction divides only then."""

    def rule(op: Op, builder: Builder) -> Sequence[Value] | None:
        if not isinstance(op, ops.Dot):
            return None
        (rows, depth), columns = tile_of(op.a).shape, tile_of(op.acc).shape[1]
        atoms = list(of_warps(op, target))
        if any(atom.divides(rows, columns, depth) for atom in atoms):
            return None
        if not any(atom.divides(columns, rows, depth) for atom in atoms):
            return None
        a, b, acc = (turned(builder, value) for value in (op.b, op.a, op.acc))
        return [turned(builder, builder.add(ops.Dot, a=a, b=b, acc=acc, precision=op.precision).result)]

    return share(rewrite(func, rule))


def turned(builder: Builder, value: Value) -> Value:
    """A matrix with its dimensions swapped."""
    made = value.owner
    if isinstance(made, ops.Permute) and made.dims == (1, 0):
        return made.x
    return builder.add(ops.Permute, x=value, dims=(1, 0)).result
