"""The pass: a function of tiles that lie in layouts, as what each thread of a block does."""

from __future__ import annotations

from dataclasses import replace

from tilevm.ir import Block, Func
from tilevm.passes.threads import (
    boxes,
    control,
    convert,
    indexed,
    numbers,
    order,
    pieces,
    product,
    reduce,
    report,
    scans,
    stage,
)
from tilevm.passes.threads.lowering import Lowering
from tilevm.target import Target

RULES = (
    numbers,
    control,
    boxes,
    indexed,
    convert,
    reduce,
    product,
    pieces,
    scans,
    order,
    report,
    stage,
)  # they enter rules


def to_threads(func: Func, target: Target, warps: int) -> Func:
    """``func`` for the threads of blocks of ``warps`` of ``target``: addresses from layouts, conversions by plan,
    products by the machine's instructions. Barriers and places in shared memory are still to be found.
    """
    low = Lowering(func, target, warps)
    for op in func.body.ops:
        low.op(op)
    body = Block(func.params, low.builder.finish().ops)
    return replace(func, body=body, warps=warps, target=target.name)
