"""Loads and stores of global memory by threads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tilevm.ir import Op, Value, ops, threads
from tilevm.types import DType, Scalar, Tile

from ..memory import decoded, encoded
from ..rounding import Array
from ..values import Held, container, nothing
from .block import ThreadBlock, act
from .hazards import Hazard
from .history import Access
from .memory import GlobalMemory
from .vectors import Vectors, bits, live_of, offsets_of, race, refuse, twice, written


@dataclass(frozen=True)
class Reached:
    """Vectors of units of an argument: ``units`` of its memory, and which of them, ``vectors``."""

    memory: GlobalMemory
    unit: DType
    units: Array
    vectors: Vectors

    def place(self, n: int, k: int) -> str:
        """Unit ``k`` of vector ``n`` in words."""
        address = int(self.vectors.index[n, k]) * self.units.itemsize + self.memory.units(self.unit)[1]
        return f"%{self.memory.name}[{(address - self.memory.argument.address) // self.units.itemsize}]"

    def read(self) -> Array:
        """The numbers there, (n, width)."""
        return decoded(self.unit, self.units[self.vectors.index])


def reach(
    op: Op, b: ThreadBlock, memory: Value, offsets: Value, mask: Value | None, width: int, unit: DType, store: bool
) -> Reached:
    """The vectors of an instruction that lie inside and are aligned; others that are live are reported."""
    found = b.machine.memory[memory]
    units, start = found.units(unit)
    size = units.itemsize
    count = offsets.type.shape[0] if isinstance(offsets.type, Tile) else 1
    live = live_of(op, b, mask, count)
    at = offsets_of(op, b, offsets, live)
    first = at * size
    last = first + (width - 1) * size
    low, begin, end = found.limits(size, store)
    outside = (first < low) | (last > begin) | (last + size > end)
    says = f" of %{found.name}, which has {low // size} to {begin // size}"
    live = refuse(op, b, live, outside, Hazard.OUT_OF_BOUNDS, (f"{width} of {unit} from ", says), at)
    address = found.argument.address + first
    says = f" of %{found.name}, at an address that is no multiple of {width * size} bytes"
    live = refuse(op, b, live, address % (width * size) != 0, Hazard.MISALIGNED, (f"{width} of {unit} from ", says), at)
    index = (address[live] - start)[:, None] // size + np.arange(width)
    return Reached(found, unit, units, Vectors(live, index, cells(found, address[live], width * size), whose(live)))


def whose(live: Array) -> Array:
    """The thread of each live vector."""
    return np.nonzero(live)[0]


def cells(memory: GlobalMemory, address: Array, size: int) -> Array:
    """Where the history of ``size`` bytes at each address is kept; nothing where none is."""
    if memory.track is None:
        return np.zeros((address.size, 0), np.int64)
    granule = memory.track.granule
    return (address - memory.track.base)[:, None] // granule + np.arange(size // granule)


def note(op: Op, b: ThreadBlock, way: Access, at: Reached, differs: Array | None = None) -> None:
    """Keep an access in the history; one that races is reported. ``differs`` (n, width): as :meth:`History.clash`."""
    if at.memory.track is None or not at.vectors.threads.size:
        return
    history, vectors = at.memory.track.history, at.vectors
    warps, per_unit = b.warp_of[vectors.threads], vectors.cells.shape[1] // vectors.width
    b.machine.clocks.tick(op)
    spread = None if differs is None else differs.repeat(per_unit, axis=1)
    clash = history.clash(way, vectors.cells, warps, spread)
    history.record(way, vectors.cells, warps)  # after: threads that write at once were compared with each other
    if clash is not None:
        race(op, b, way, clash, at.place(clash.at[0], clash.at[1] // per_unit))


def unit_of(memory: Value, of: DType | None) -> DType:
    """The units that an instruction counts."""
    kind = memory.type
    assert not isinstance(kind, Scalar | Tile)
    return of or kind.dtype  # type: ignore[union-attr]


@act.rule(threads.GlobalLoad)
def _(op: threads.GlobalLoad, b: ThreadBlock) -> Sequence[Held]:
    unit = unit_of(op.memory, op.of)
    at = reach(op, b, op.memory, op.offsets, op.mask, op.width, unit, store=False)
    note(op, b, Access.READ, at)
    other = nothing(unit) if op.other is None else b.array(op.other, op, "the value outside")
    return [at.vectors.held(at.read().astype(container(unit), copy=False), None, other)]


@act.rule(threads.GlobalStore)
def _(op: threads.GlobalStore, b: ThreadBlock) -> Sequence[Held]:
    unit, held = unit_of(op.memory, op.of), b.held(op.value)
    at = reach(op, b, op.memory, op.offsets, op.mask, op.width, unit, store=True)
    written(op, b, held, at.vectors)
    put(op, b, at, encoded(unit, at.vectors.of(held.data)))
    return ()


def put(op: Op, b: ThreadBlock, at: Reached, raw: Array) -> None:
    """Write elements as they lie in memory. One that gets two values at once is reported."""
    index = at.vectors.index
    before = bits(at.units[index])
    at.units[index] = raw
    lost = bits(at.units[index]) != bits(raw)
    if lost.any():
        n, k = np.argwhere(lost)[0]
        twice(op, b, at.vectors, lost, at.place(int(n), int(k)))
    note(op, b, Access.WRITE, at, before != bits(raw))


@act.rule(ops.Extent)
def _(op: ops.Extent, b: ThreadBlock) -> Sequence[Held]:
    kind = op.result.type
    assert isinstance(kind, Scalar)
    extent = b.machine.memory[op.tensor].argument.shape[op.axis]
    return [b.spread(Held(np.asarray(extent, container(kind.dtype))))]


@act.rule(threads.Stride)
def _(op: threads.Stride, b: ThreadBlock) -> Sequence[Held]:
    return [b.spread(Held(np.asarray(b.machine.memory[op.tensor].argument.strides[op.axis], np.int64)))]
