"""Pipelines: tiles that land in shared memory when their token is waited for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np

from tilevm.ir import ops, threads
from tilevm.source import Note, Span, TileError

from .machine import Program, step
from .rounding import Array
from .values import Held, Poison, container, nothing


@dataclass
class Copy:
    """One on its way: what it brings, to which slot, and where it was asked for."""

    slot: int
    data: Array
    span: Span | None


@dataclass
class Places:
    """The slots of a stage, which begin as poison. ``coming``: token → the copies that it stands for."""

    data: Array
    poison: Array
    origin: Span | None
    coming: dict[int, list[Copy]] = field(default_factory=dict)


@step.rule(ops.Stage)
def _(op: ops.Stage, p: Program) -> Sequence[Held]:
    shape = (op.slots, *op.shape)
    p.stages[op.result] = Places(np.zeros(shape, container(op.of)), np.ones(shape, bool), op.span)
    return [Held(np.zeros((), np.int32))]


@step.rule(ops.Fetch)
def _(op: ops.Fetch, p: Program) -> Sequence[Held]:
    memory, places = p.memory[op.tensor], p.stages[op.stage]
    slot = slot_of(p, op, places)
    shape = places.data.shape[1:]
    zero = nothing(memory.dtype)
    brought = np.broadcast_to(zero, shape)
    if op.when is None or p.number(op.when, op, "the condition"):
        brought = memory.load([p.number(o, op, "an offset") for o in op.offsets], shape, zero).data
    places.coming.setdefault(p.tokens, []).append(Copy(slot, np.asarray(brought), op.span))
    return ()


@step.rule(ops.Sent)
def _(op: ops.Sent, p: Program) -> Sequence[Held]:
    p.tokens += 1
    return [Held(np.asarray(p.tokens - 1, np.int64))]


@step.rule(ops.Landed)
def _(op: ops.Landed, p: Program) -> Sequence[Held]:
    for value in op.tokens:
        token = int(p.values[value].data)
        for places in p.stages.values():
            for copy in places.coming.pop(token, ()):
                places.data[copy.slot], places.poison[copy.slot] = copy.data, False
    return ()


@step.rule(ops.Staged)
def _(op: ops.Staged, p: Program) -> Sequence[Held]:
    places = p.stages[op.stage]
    slot = slot_of(p, op, places)
    for copy in chain.from_iterable(places.coming.values()):
        if copy.slot == slot:
            raise TileError(
                f"slot {slot} is read while a copy to it is on its way",
                op.span,
                notes=[Note("the copy began here", copy.span), p.where()],
                help="wait for its token before",
            )
    poison = places.poison[slot]
    return [Held(places.data[slot].copy(), Poison(poison.copy(), places.origin) if poison.any() else None)]


@step.rule(threads.Ring)
def _(op: threads.Ring, p: Program) -> Sequence[Held]:
    slot = p.array(op.slot, op, "the slot")
    return [Held(np.asarray((slot + op.by) % op.slots, np.int32))]


def slot_of(p: Program, op: ops.Fetch | ops.Staged, places: Places) -> int:
    """The slot of an access. Raises TileError where there is none such."""
    slot = p.number(op.slot, op, "the slot")
    if not 0 <= slot < len(places.data):
        help = f"slots go from 0 to {len(places.data) - 1}: take the trip's number modulo {len(places.data)}"
        raise TileError(f"{op.name}: slot {slot} of {len(places.data)}", op.span, notes=[p.where()], help=help)
    return slot
