"""Lowering of loads and stores of boxes."""

from __future__ import annotations

from collections.abc import Sequence

from tilevm.ir import Value, ops, threads
from tilevm.passes.threads import packed
from tilevm.passes.threads.globals import Box, box_mask, coded, decoded, element_offsets, inverse, unit_of, vectors
from tilevm.passes.threads.lowering import Lowering, lower


@lower.rule(ops.Load)
def _(op: ops.Load, low: Lowering) -> Sequence[Value]:
    box = Box(op.tensor, op.offsets, op.inbounds, op.shape, low.places(op.result))
    if box.type.packed:
        return [packed.load(low, box, None if op.other is None else low[op.other])]
    unit = unit_of(box.type.dtype)
    other = None if op.other is None else coded(low, low[op.other], unit)
    groups = vectors(low.facts, box)
    found = low.add(
        threads.GlobalLoad,
        memory=op.tensor,
        offsets=element_offsets(low, box, groups),
        mask=box_mask(low, box, groups),
        other=other,
        width=groups.width,
        of=None if unit == box.type.dtype else unit,
    )
    return [decoded(low, low.take(found, inverse(groups.order)), box.type.dtype)]


@lower.rule(ops.Store)
def _(op: ops.Store, low: Lowering) -> Sequence[Value]:
    value = low[op.value]
    box = Box(op.tensor, op.offsets, op.inbounds, op.value.type.shape, low.places(op.value))  # type: ignore[union-attr]
    once = low.first_copy(box.at)
    if box.type.packed:
        packed.store(low, box, value, once)
        return ()
    unit = unit_of(box.type.dtype)
    groups = vectors(low.facts, box)
    mask = box_mask(low, box, groups)
    if once is not None:
        mask = low.all(mask, low.splat(once, len(groups.first)))
    low.do(
        threads.GlobalStore,
        memory=op.tensor,
        value=coded(low, low.take(value, groups.order), unit),
        offsets=element_offsets(low, box, groups),
        mask=mask,
        width=groups.width,
        of=None if unit == box.type.dtype else unit,
    )
    return ()
