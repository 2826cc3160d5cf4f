"""Accesses to the spaces of memory, and everything that an access can do wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .arena import Arena
from .hazards import Hazard
from .kinds import Array
from .machine import Machine
from .memory import BASE, LOCAL_WINDOW, SHARED_WINDOW, WINDOW
from .records import Instruction
from .shared import Seen

SPACES = ("global", "shared", "local", "param", "const")
ASK = "put a barrier between the two accesses"
WAIT = "wait for the copy's group, and then let the threads meet at a barrier"


@dataclass(frozen=True)
class Access:
    """What some threads reach at once: ``count`` values of ``bits`` bits from the place of each."""

    at: Instruction
    space: str
    lanes: Array
    places: Array
    bits: int
    count: int

    @property
    def size(self) -> int:
        """Bytes that a thread reaches."""
        return self.bits // 8 * self.count


def space_of(at: Instruction) -> str:
    """The space an opcode names; empty for generic addresses."""
    return next((s for p in at.parts[1:] if (s := p.split("::")[0]) in SPACES), "")


def split(access: Access) -> list[tuple[Array, Access]]:
    """A generic access by the spaces its addresses lie in; with each part, which of the threads it has."""
    if access.space:
        return [(np.arange(len(access.lanes)), access)]
    parts = []
    places = access.places
    shared = (places >= SHARED_WINDOW) & (places < SHARED_WINDOW + WINDOW)
    local = (places >= LOCAL_WINDOW) & (places < LOCAL_WINDOW + WINDOW)
    windows = ((shared, "shared", SHARED_WINDOW), (local, "local", LOCAL_WINDOW), (~(shared | local), "global", 0))
    for chosen, space, window in windows:
        if chosen.any():
            own = replace(access, space=space, lanes=access.lanes[chosen], places=places[chosen] - window)
            parts.append((np.flatnonzero(chosen), own))
    return parts


def arena_of(m: Machine, access: Access) -> tuple[Arena, Array]:
    """The bytes of a space, and the offsets in it."""
    if access.space in ("global", "const"):
        return m.launch.arena, access.places - BASE
    if access.space == "shared":
        return m.shared, access.places
    if access.space == "param":
        return m.launch.params, access.places
    size = m.launch.program.local_bytes
    inside = (access.places >= 0) & (access.places + access.size <= size)
    return m.local, np.where(inside, access.places + access.lanes * size, -1)


def describe(m: Machine, access: Access, which: int) -> str:
    """Where the first faulty address lies, and whose it is."""
    place, thread = int(access.places[which]), int(access.lanes[which])
    if access.space in ("global", "const"):
        where = m.launch.memory.describe(place)
    else:
        sizes = {"shared": m.shared.size, "local": m.launch.program.local_bytes, "param": m.launch.params.size}
        where = f"byte {place} of {sizes[access.space]} bytes of {access.space} memory"
    return f"thread {thread} reaches {access.size} bytes at {where}"


def checked(m: Machine, access: Access) -> tuple[Arena, Array]:
    """The bytes and offsets of an access that is aligned and inside."""
    arena, offsets = arena_of(m, access)
    crooked = access.places % access.size != 0
    if crooked.any():
        message = describe(m, access, int(crooked.argmax()))
        m.fail(Hazard.MISALIGNED, message, access.at, f"make the address a multiple of {access.size}")
    outside = arena.outside(offsets, access.size)
    if outside.any():
        message = describe(m, access, int(outside.argmax()))
        m.fail(Hazard.OUT_OF_BOUNDS, message, access.at, "mask the access, or make the memory larger")
    return arena, offsets


def bytes_of(offsets: Array, size: int) -> Array:
    """The place of each byte: (threads, bytes)."""
    return offsets[:, None] + np.arange(size)


def report(m: Machine, access: Access, seen: Seen | None, verb: str) -> None:
    """Notes a hazard on shared memory, with both of its lines."""
    if seen is None:
        return
    warp, other = seen.warps
    if seen.kind is Hazard.MISSING_WAIT:
        message = f"warp {warp} {verb} byte {seen.place} of shared memory while a copy is on its way there"
        m.see(seen.kind, message, access.at, WAIT, seen.other)
        return
    message = f"warps {warp} and {other} both reach byte {seen.place} of shared memory, and no barrier is between"
    m.see(seen.kind, message, access.at, ASK, seen.other)


def load(m: Machine, access: Access) -> tuple[Array, Array]:
    """Values, (threads, count) of unsigned numbers, and for each ones for the bits without a value."""
    values = np.zeros((len(access.lanes), access.count), np.dtype(f"u{access.bits // 8}"))
    unknown = np.zeros_like(values)
    for chosen, part in split(access):
        arena, offsets = checked(m, part)
        each = offsets[:, None] + np.arange(part.count) * (part.bits // 8)
        values[chosen] = arena.load(each, part.bits)
        unknown[chosen] = arena.unwritten(each, part.bits)
        if part.space == "shared":
            observe(m, part, offsets)
    return values, unknown


def observe(m: Machine, access: Access, offsets: Array) -> None:
    """A read of shared memory enters its history."""
    places, warps = bytes_of(offsets, access.size), m.warp[access.lanes]
    report(m, access, m.shared.in_flight(places, warps), "reads")
    report(m, access, m.shared.after_writes(places, warps), "reads")
    m.shared.note_read(places, warps, access.at)


def store(m: Machine, access: Access, values: Array, unknown: Array | None) -> None:
    """Values to memory; to global memory only those that are known."""
    for chosen, part in split(access):
        arena, offsets = checked(m, part)
        lacking = None if unknown is None else unknown[chosen]
        if lacking is not None and lacking.any() and part.space == "global":
            message = f"thread {int(part.lanes[lacking.any(axis=1)][0])} stores a value that was never set"
            m.see(Hazard.UNINITIALISED, message, part.at, "set the register or the memory it came from first")
        if part.space == "shared":
            change(m, part, offsets, values[chosen])
        each = offsets[:, None] + np.arange(part.count) * (part.bits // 8)
        arena.store(each, values[chosen], part.bits, lacking)


def change(m: Machine, access: Access, offsets: Array, values: Array) -> None:
    """A write to shared memory enters its history."""
    places, warps = bytes_of(offsets, access.size), m.warp[access.lanes]
    clash(m, access, offsets, values)
    report(m, access, m.shared.in_flight(places, warps), "writes")
    report(m, access, m.shared.after_writes(places, warps), "writes")
    report(m, access, m.shared.after_reads(places, warps), "writes")
    m.shared.note_write(places, warps, access.at)


def clash(m: Machine, access: Access, offsets: Array, values: Array) -> None:
    """Two threads that store different values to one place at once."""
    order = np.argsort(offsets, kind="stable")
    same = offsets[order[1:]] == offsets[order[:-1]]
    if not same.any():
        return
    differ = same & (values[order[1:]] != values[order[:-1]]).any(axis=1)
    if differ.any():
        first = int(differ.argmax())
        a, b = sorted(int(access.lanes[order[i]]) for i in (first, first + 1))
        message = f"threads {a} and {b} store different values to byte {int(offsets[order[first]])} at once"
        m.see(Hazard.RACE, message, access.at, "let one of them store, or use an atomic")


def addresses(m: Machine, at: Instruction, value: Array, mask: Array | None, lacking: Array | None) -> Array:
    """The addresses of the threads in a mask, all of them known."""
    lanes = m.lanes(mask)
    if lacking is not None and lacking[lanes].any():
        thread = int(lanes[lacking[lanes]][0])
        m.fail(Hazard.UNINITIALISED, f"the address of thread {thread} was never set", at, "set the register first")
    return np.broadcast_to(value, (m.threads,))[lanes]
