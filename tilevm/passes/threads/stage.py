"""Lowering of pipelines: rings of slots in shared memory, copies that run on their own, matrices read from there."""

from __future__ import annotations

from collections.abc import Sequence

from tilevm.ir import Value, ops, threads
from tilevm.layout import Layout
from tilevm.passes.threads import coordinates, matrices, shared
from tilevm.passes.threads.globals import Box, box_mask, element_offsets, together, vectors
from tilevm.passes.threads.lowering import Lowering, lower
from tilevm.types import Slots

WIDEST = 128  # bits that a thread reads at once


@lower.rule(ops.Stage)
def _(op: ops.Stage, low: Lowering) -> Sequence[Value]:
    align = 1024 if op.memory.xor else 128
    return [low.add(threads.SharedBuffer, of=op.of, count=op.memory.cosize, align=align, slots=op.slots)]


@lower.rule(threads.Ring)
def _(op: threads.Ring, low: Lowering) -> Sequence[Value]:
    return [low.add(threads.Ring, slot=low[op.slot], before=None, by=op.by, slots=op.slots)]


@lower.rule(ops.Fetch)
def _(op: ops.Fetch, low: Lowering) -> Sequence[Value]:
    kind, at = op.stage.type, coordinates.places(op.threads)
    assert isinstance(kind, Slots)
    box = Box(op.tensor, op.offsets, op.inbounds, kind.shape, at)
    memory = memory_of(op.stage)
    held = shared.offsets_of(at, memory)
    groups = together(vectors(low.facts, box), held)
    mask = box_mask(low, box, groups)
    if op.when is not None:
        mask = low.all(mask, low.splat(low[op.when], len(groups.first)))
    low.do(
        threads.AsyncCopy,
        buffer=low[op.stage],
        to=shared.spoken(low, at, memory, held[:, list(groups.first)]),
        memory=op.tensor,
        offsets=element_offsets(low, box, groups),
        mask=mask,
        slot=low[op.slot],
        width=groups.width,
    )
    return ()


@lower.rule(ops.Sent)
def _(op: ops.Sent, low: Lowering) -> Sequence[Value]:
    return [low.add(threads.AsyncCommit)]


def region(low: Lowering, op: ops.Staged) -> shared.Region:
    """Where a staged tile lies."""
    return shared.Region(low[op.stage], memory_of(op.stage), low[op.slot])


def memory_of(stage: Value) -> Layout:
    assert isinstance(stage.owner, ops.Stage), "a stage stands in the same block or outside"
    return stage.owner.memory


@lower.rule(ops.Landed)
def _(op: ops.Landed, low: Lowering) -> Sequence[Value]:
    low.do(threads.AsyncAwait, tokens=tuple(low[token] for token in op.tokens))
    return ()


@lower.rule(ops.Staged)
def _(op: ops.Staged, low: Lowering) -> Sequence[Value]:
    found = matrices.read(low, region(low, op), low.layout(op.result))
    if found is None:
        kind = op.stage.type
        assert isinstance(kind, Slots)
        found = shared.read(low, region(low, op), low.places(op.result), kind.shape, WIDEST // kind.dtype.bits)
    return [found]
