"""Instructions that make and rearrange registers, of one thread or between the lanes of a warp."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tilevm.ir import Op, ops, threads
from tilevm.source import TileError
from tilevm.types import Scalar, Tile

from ..elementwise import compute
from ..instructions import constant, rearranged
from ..rounding import Array
from ..values import Held, Poison, container, merge
from ..view import recast
from .block import ThreadBlock, act
from .hazards import Hazard


@act.rule(ops.Unary, ops.Binary, ops.Compare, ops.Fma, ops.Select, ops.Cast)
def _(op: Op, b: ThreadBlock) -> Sequence[Held]:
    return [compute(op, [b.held(v) for v in op.operands])]


@act.rule(ops.Philox)
def _(op: ops.Philox, b: ThreadBlock) -> Sequence[Held]:
    """Threads of one seed together."""
    seed, index = b.held(op.seed), b.held(op.index)
    out = np.zeros(index.data.shape, np.uint32)
    for one in np.unique(seed.data):
        rows = seed.data == one
        out[rows] = compute(op, [Held(np.asarray(one)), Held(index.data[rows])]).data
    wide = rearranged(seed, lambda x: column(x, index.data))
    return [Held(out, merge(wide, index))]


def column(x: Array, like: Array) -> Array:
    """A number of each thread, to meet the registers of ``like``."""
    return x.reshape(-1, *(1,) * (like.ndim - 1))


@act.rule(ops.Constant)
def _(op: ops.Constant, b: ThreadBlock) -> Sequence[Held]:
    return [b.spread(constant(op))]


@act.rule(ops.ProgramId)
def _(op: ops.ProgramId, b: ThreadBlock) -> Sequence[Held]:
    return [b.spread(Held(np.asarray(b.place[op.axis], np.int32)))]


@act.rule(ops.NumPrograms)
def _(op: ops.NumPrograms, b: ThreadBlock) -> Sequence[Held]:
    return [b.spread(Held(np.asarray(b.machine.grid[op.axis], np.int32)))]


@act.rule(threads.ThreadId)
def _(op: threads.ThreadId, b: ThreadBlock) -> Sequence[Held]:
    return [Held(np.arange(b.threads, dtype=np.int32))]


@act.rule(threads.Numbers)
def _(op: threads.Numbers, b: ThreadBlock) -> Sequence[Held]:
    row = np.asarray(op.values, container(op.of))
    return [Held(np.broadcast_to(row, (b.threads, row.size)))]


@act.rule(threads.Ring)
def _(op: threads.Ring, b: ThreadBlock) -> Sequence[Held]:
    held = b.held(op.slot)
    if op.before is not None:
        before = b.held(op.before).data
        if np.any((before + 1) % op.slots != held.data):
            raise TileError(
                f"ring: slot {held.data[0]} does not follow slot {before[0]} of {op.slots}",
                op.span,
                help="carry the slot from trip to trip by a ring that moves by 1, or leave out what was before",
            )
    moved = held.data + np.int32(op.by)
    return [Held(np.where(moved >= op.slots, moved - np.int32(op.slots), moved), held.poison)]


@act.rule(ops.Splat)
def _(op: ops.Splat, b: ThreadBlock) -> Sequence[Held]:
    (count,) = op.shape
    return [rearranged(b.held(op.x), lambda x: np.broadcast_to(x[:, None], (b.threads, count)))]


@act.rule(ops.View)
def _(op: ops.View, b: ThreadBlock) -> Sequence[Held]:
    kind, held = op.x.type, b.held(op.x)
    assert isinstance(kind, Scalar | Tile)
    if isinstance(kind, Tile):
        return [recast(held, kind.dtype, op.to)]
    return [rearranged(recast(rearranged(held, lambda x: x[:, None]), kind.dtype, op.to), lambda x: x[:, 0])]


@act.rule(threads.Take)
def _(op: threads.Take, b: ThreadBlock) -> Sequence[Held]:
    registers = list(op.registers)
    return [rearranged(b.held(op.x), lambda x: x[:, registers])]


@act.rule(threads.Register)
def _(op: threads.Register, b: ThreadBlock) -> Sequence[Held]:
    return [rearranged(b.held(op.x), lambda x: x[:, op.at])]


@act.rule(threads.Join)
def _(op: threads.Join, b: ThreadBlock) -> Sequence[Held]:
    parts = [rearranged(b.held(x), lambda x: x.reshape(b.threads, -1)) for x in op.xs]
    data = np.concatenate([p.data for p in parts], axis=1)
    known = next((p.poison for p in parts if p.poison is not None), None)
    if known is None:
        return [Held(data)]
    where = [p.poison.where if p.poison else np.zeros(p.data.shape, bool) for p in parts]
    return [Held(data, Poison(np.concatenate(where, axis=1), known.origin))]


@act.rule(threads.Pick)
def _(op: threads.Pick, b: ThreadBlock) -> Sequence[Held]:
    held = b.held(op.x)
    index = within(op, b, b.array(op.index, op, "an index"), held.data.shape[1], "register")
    return [rearranged(held, lambda x: np.take_along_axis(x, index, axis=1))]


def within(op: Op, b: ThreadBlock, index: Array, count: int, what: str) -> Array:
    """``index``, of which each must be below ``count``; what is not is reported, and 0 goes on."""
    wrong = (index < 0) | (index >= count)
    if wrong.any():
        at = tuple(np.argwhere(wrong)[0])
        message = f"{op.name}: {b.who(int(at[0]))} asks for {what} {index[at]} of {count}"
        b.report(Hazard.OUT_OF_BOUNDS, message, op, help=f"{what}s are 0 to {count - 1}")
    return np.where(wrong, 0, index).astype(np.int64)


@act.rule(threads.Shuffle)
def _(op: threads.Shuffle, b: ThreadBlock) -> Sequence[Held]:
    lane = within(op, b, b.array(op.lane, op, "the lane"), b.lanes, "lane")
    return [rearranged(b.held(op.x), from_threads(b.warp_of * b.lanes + lane))]


@act.rule(threads.ShuffleXor)
def _(op: threads.ShuffleXor, b: ThreadBlock) -> Sequence[Held]:
    me = np.arange(b.threads)
    lane = within(op, b, (me % b.lanes) ^ op.mask, b.lanes, "lane")
    return [rearranged(b.held(op.x), from_threads(b.warp_of * b.lanes + lane))]


def from_threads(source: Array) -> Callable[[Array], Array]:
    return lambda x: np.asarray(x[source])
