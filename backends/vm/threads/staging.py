"""Loads and stores of shared memory by threads, and copies into it that run on their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tilevm.ir import Op, Value, threads
from tilevm.types import Tile

from ..memory import decoded, encoded
from ..rounding import Array
from ..values import Held, container, nothing
from .accesses import note, reach, unit_of
from .asynchronous import Copy, Ticket
from .block import State, ThreadBlock, act
from .hazards import Hazard
from .history import Access
from .shared import Buffer, SharedMemory
from .vectors import Vectors, bits, live_of, offsets_of, race, refuse, twice


@dataclass(frozen=True)
class Staged:
    """Vectors of elements of a buffer: ``units``, all of shared memory as such elements, and which, ``vectors``."""

    shared: SharedMemory
    buffer: Buffer
    units: Array
    vectors: Vectors

    def place(self, n: int, k: int) -> str:
        """Element ``k`` of vector ``n`` in words."""
        byte = int(self.vectors.index[n, k]) * self.buffer.size
        element = (byte - self.buffer.at) // self.buffer.size
        return f"%{self.buffer.name}[{element}] (byte {byte} of shared memory)"

    @property
    def per_element(self) -> int:
        """Cells of an element."""
        return self.buffer.size // self.shared.granule

    def unwritten(self) -> Array:
        """Which elements are poison, (n, width)."""
        whole = self.shared.written[self.vectors.cells]
        return np.asarray(~whole.reshape(len(whole), -1, self.per_element).all(axis=2))


def buffer_of(b: ThreadBlock, value: Value) -> Buffer:
    found = b.values[value]
    assert isinstance(found, Buffer), f"{value} is no buffer"
    return found


def stage(op: Op, b: ThreadBlock, value: Value, offsets: Value, slot: Value | None, live: Array, width: int) -> Staged:
    """The vectors of an instruction that lie inside and are aligned; others that are live are reported."""
    buffer, shared = buffer_of(b, value), b.machine.shared
    at = offsets_of(op, b, offsets, live)
    base, count = slot_of(op, b, buffer, slot)
    name = f"%{buffer.name}" if slot is None else f"slot {base // buffer.op.count} of %{buffer.name}"
    outside, inside = (at < 0) | (at + width > count), f" of {name}, which has 0 to {count - 1}"
    live = refuse(op, b, live, outside, Hazard.OUT_OF_BOUNDS, (f"{width} of {buffer.dtype} from ", inside), at)
    byte = buffer.at + (base + at) * buffer.size
    crooked = f" of {name}, at a byte that is no multiple of {width * buffer.size}"
    wrong = byte % (width * buffer.size) != 0
    live = refuse(op, b, live, wrong, Hazard.MISALIGNED, (f"{width} of {buffer.dtype} from ", crooked), at)
    first = byte[live][:, None]
    index = first // buffer.size + np.arange(width)
    cells = first // shared.granule + np.arange(width * buffer.size // shared.granule)
    return Staged(shared, buffer, shared.elements(buffer.dtype), Vectors(live, index, cells, np.nonzero(live)[0]))


def slot_of(op: Op, b: ThreadBlock, buffer: Buffer, slot: Value | None) -> tuple[int, int]:
    """The element where offsets begin, and how many there are from there."""
    if slot is None:
        return 0, buffer.op.count * buffer.op.slots
    number = b.uniform(slot, op, "the slot")
    if not 0 <= number < buffer.op.slots:
        message = f"{op.name} reaches slot {number} of %{buffer.name}, which has 0 to {buffer.op.slots - 1}"
        b.report(Hazard.OUT_OF_BOUNDS, message, op, help="ring keeps a slot below the slots of its buffer")
        number = 0
    return number * buffer.op.count, buffer.op.count


def landed(op: Op, b: ThreadBlock, way: Access, at: Staged) -> None:
    """Reports an access of a place that a copy is on its way to."""
    flying = at.shared.flying[at.vectors.cells]
    if not flying.any():
        return
    n, k = (int(i) for i in np.argwhere(flying)[0])
    copy = b.machine.clocks.op(int(flying[n, k]))
    does = "reads" if way is Access.READ else "writes"
    message = (
        f"{op.name}: {b.who(int(at.vectors.threads[n]))} {does} {at.place(n, k // at.per_element)}, "
        "and a copy is still on its way there"
    )
    b.report(Hazard.MISSING_WAIT, message, op, other=("the copy began here", copy))


def ordered(op: Op, b: ThreadBlock, way: Access, at: Staged, record: bool = True) -> None:
    """Keep an access in the history; one that races, or comes before a copy has landed, is reported."""
    if not at.vectors.threads.size:
        return
    warps, history = b.warp_of[at.vectors.threads], at.shared.history
    b.machine.clocks.tick(op)
    landed(op, b, way, at)
    if record:
        history.record(way, at.vectors.cells, warps)
    clash = history.clash(way, at.vectors.cells, warps)
    if clash is not None:
        race(op, b, way, clash, at.place(clash.at[0], clash.at[1] // at.per_element))


@act.rule(threads.SharedBuffer)
def _(op: threads.SharedBuffer, b: ThreadBlock) -> Sequence[State]:
    buffer = b.machine.shared.buffers[op]
    b.machine.shared.forget(buffer)
    return [buffer]


def registers_of(value: Value) -> int:
    assert isinstance(value.type, Tile)
    return value.type.size


@act.rule(threads.SharedLoad)
def _(op: threads.SharedLoad, b: ThreadBlock) -> Sequence[Held]:
    live = live_of(op, b, None, registers_of(op.offsets))
    at = stage(op, b, op.buffer, op.offsets, op.slot, live, op.width)
    ordered(op, b, Access.READ, at)
    return [at.vectors.held(read(at), at.unwritten(), nothing(at.buffer.dtype), at.buffer.op)]


def read(at: Staged) -> Array:
    """The numbers there, (n, width)."""
    found = decoded(at.buffer.dtype, at.units[at.vectors.index])
    return found.astype(container(at.buffer.dtype), copy=False)


@act.rule(threads.SharedStore)
def _(op: threads.SharedStore, b: ThreadBlock) -> Sequence[Held]:
    live, held = live_of(op, b, op.mask, registers_of(op.offsets)), b.held(op.value)
    at = stage(op, b, op.buffer, op.offsets, op.slot, live, op.width)
    ordered(op, b, Access.WRITE, at)
    raw = encoded(at.buffer.dtype, at.vectors.of(held.data))
    made = np.ones(raw.shape, bool) if held.poison is None else ~at.vectors.of(held.poison.where)
    put(op, b, at, raw, made)
    return ()


def put(op: Op, b: ThreadBlock, at: Staged, raw: Array, made: Array) -> None:
    """Write elements, of which those not ``made`` are poison. One that gets two values at once is reported."""
    index, spread = at.vectors.index, made.repeat(at.per_element, axis=1)
    at.units[index] = raw
    at.shared.written[at.vectors.cells] = spread
    lost = (bits(at.units[index]) != bits(raw)) | (at.unwritten() == made)
    if lost.any():
        n, k = np.argwhere(lost)[0]
        twice(op, b, at.vectors, lost, at.place(int(n), int(k)))


@act.rule(threads.AsyncCopy)
def _(op: threads.AsyncCopy, b: ThreadBlock) -> Sequence[State]:
    """Where the mask is false nothing is read, and zeros are on their way."""
    unit = unit_of(op.memory, None)
    source = reach(op, b, op.memory, op.offsets, op.mask, op.width, unit, store=False)
    note(op, b, Access.READ, source)
    found = source.vectors.registers(source.units[source.vectors.index], encoded(unit, nothing(unit)))
    everywhere = live_of(op, b, None, registers_of(op.to))
    at = stage(op, b, op.buffer, op.to, op.slot, everywhere, op.width)
    ordered(op, b, Access.WRITE, at, record=False)
    begin(op, b, at, at.vectors.of(found))
    return ()


def begin(op: Op, b: ThreadBlock, at: Staged, raw: Array) -> None:
    """A copy is under way. Several threads may bring one element, if it is the same."""
    index, cells = at.vectors.index, at.vectors.cells
    arriving = np.zeros(at.units.size, raw.dtype)
    arriving[index] = raw
    lost = bits(arriving[index]) != bits(raw)
    if lost.any():
        n, k = np.argwhere(lost)[0]
        twice(op, b, at.vectors, lost, at.place(int(n), int(k)))
    at.shared.flying[cells] = b.machine.clocks.now
    b.copies.open.append(Copy(op, at.units, index, cells, b.warp_of[at.vectors.threads], raw))


@act.rule(threads.AsyncCommit)
def _(op: threads.AsyncCommit, b: ThreadBlock) -> Sequence[Ticket]:
    return [b.copies.commit()]


@act.rule(threads.AsyncWait)
def _(op: threads.AsyncWait, b: ThreadBlock) -> Sequence[State]:
    land(b, b.copies.wait(op.pending))
    return ()


@act.rule(threads.AsyncAwait)
def _(op: threads.AsyncAwait, b: ThreadBlock) -> Sequence[State]:
    for token in op.tokens:
        ticket = b.values[token]
        assert isinstance(ticket, Ticket), f"{token} is no token"
        land(b, b.copies.await_(ticket))
    return ()


def land(b: ThreadBlock, copies: Sequence[Copy]) -> None:
    """Copies arrive, as writes of this moment by those who began them."""
    shared = b.machine.shared
    for copy in copies:
        copy.units[copy.index] = copy.raw
        shared.written[copy.cells] = True
        shared.flying[copy.cells] = 0
        b.machine.clocks.tick(copy.op)
        shared.history.record(Access.WRITE, copy.cells, copy.warps)
