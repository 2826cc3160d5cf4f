"""``cp.async``: what is copied arrives at its wait, not before, and until then its place must be left alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from . import reach
from .access import nothing
from .hazards import Hazard
from .kinds import Array, constant
from .machine import Machine, Step
from .operands import Fetch, addresser, fetcher, registers_of, unknown
from .program import Program
from .reach import Access
from .records import Instruction, Number


def rule(program: Program, at: Instruction) -> Step:
    """The instructions that begin with ``cp.async``."""
    if at.has("commit_group"):
        return Step(at, lambda m, mask: m.copies.commit(m.lanes(mask)))
    if at.has("wait_all"):
        return Step(at, lambda m, mask: land(m, m.lanes(mask), None))
    if at.has("wait_group"):
        pending = int(literal(at, 0))
        return Step(at, lambda m, mask: land(m, m.lanes(mask), pending))
    if at.has("ca", "cg") and "async" in at.parts:
        return begin(program, at)
    return nothing(program, at) if at.has("prefetch") else refuse(at)


def refuse(at: Instruction) -> Step:
    raise unknown(at, "only cp.async of sm_80 is known")


def literal(at: Instruction, index: int) -> int:
    operand = at.operands[index]
    if not isinstance(operand, Number):
        raise unknown(at, "a constant is asked for")
    return int(constant(operand.text, "u32")[0])


def begin(program: Program, at: Instruction) -> Step:
    """A copy of 4, 8 or 16 bytes; of fewer source bytes the rest is filled with zeros."""
    size = literal(at, 2)
    if size not in ((16,) if at.has("cg") else (4, 8, 16)):
        raise unknown(at, f"a copy of {size} bytes does not exist")
    to, source = (addresser(program, at, o) for o in at.operands[:2])
    wanted: Fetch | None = None
    if len(at.operands) > 3:
        wanted = fetcher(program, at, at.operands[3], "u32")
    used = registers_of(program, *at.operands)

    def run(m: Machine, mask: Array | None) -> None:
        lanes = m.lanes(mask)
        lacking = m.registers.lacking(used)
        places = reach.addresses(m, at, to(m), mask, lacking)
        origin = reach.addresses(m, at, source(m), mask, lacking)
        count = np.full(len(lanes), size)
        if wanted is not None:
            count = np.broadcast_to(wanted(m), (m.threads,))[lanes].astype(np.int64)
        data, known = read(m, Access(at, "global", lanes, origin, 8, size), count)
        depart(m, Access(at, "shared", lanes, places, 8, size), data, known)

    return Step(at, run)


def read(m: Machine, access: Access, count: Array) -> tuple[Array, Array]:
    """The source's bytes, zeros from ``count`` on; a source of no bytes may lie anywhere."""
    if (count > access.size).any():
        m.fail(Hazard.OUT_OF_BOUNDS, "more source bytes than the copy has", access.at, "copy no more than its size")
    data = np.zeros((len(access.lanes), access.size), np.uint8)
    unset = np.zeros_like(data)
    for number in np.unique(count[count > 0]):
        chosen = count == number
        part = replace(access, lanes=access.lanes[chosen], places=access.places[chosen])
        if (part.places % access.size).any():
            reach.checked(m, part)
        for start in range(0, int(number), pieces(int(number))):
            piece = replace(part, places=part.places + start, count=pieces(int(number)))
            values, unknown = reach.load(m, piece)
            rows = np.flatnonzero(chosen)[:, None]
            columns = np.arange(start, start + piece.count)
            data[rows, columns], unset[rows, columns] = values, unknown
    return data, unset == 0


def pieces(number: int) -> int:
    """The largest power of two that divides a count of bytes."""
    return number & -number


def depart(m: Machine, access: Access, data: Array, known: Array) -> None:
    """The copy is under way: its place may not be reached, and what others did there must be over."""
    arena, offsets = reach.checked(m, access)
    places, warps = reach.bytes_of(offsets, access.size), m.warp[access.lanes]
    reach.report(m, access, m.shared.in_flight(places, warps), "copies to")
    reach.report(m, access, m.shared.after_writes(places, warps), "copies to")
    reach.report(m, access, m.shared.after_reads(places, warps), "copies to")
    m.shared.note_write(places, warps, access.at)
    m.shared.flying[places] = m.shared.line(access.at)
    arena.written[places] = False
    m.copies.begin(access.at, access.lanes, places, data, known)


def land(m: Machine, lanes: Array, pending: int | None) -> None:
    """Copies that these threads have now waited for arrive, as writes of theirs at this moment."""
    for copy in m.copies.landed(lanes, pending):
        m.shared.data[copy.places] = copy.data
        m.shared.written[copy.places] = copy.known
        m.shared.flying[copy.places] = 0
        m.shared.note_write(copy.places, m.warp[copy.threads], copy.at)
