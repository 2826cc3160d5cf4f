"""Shared memory of one block: copies in flight, and races between warps.

For each byte it is kept who wrote it last and when, and when each warp read it last (as in FastTrack, Flanagan and
Freund 2009). Two accesses of different warps, one of them a write, race unless a barrier stands between them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .arena import Arena
from .clocks import Clocks
from .hazards import Hazard
from .kinds import Array
from .records import Instruction


@dataclass(frozen=True)
class Seen:
    """A hazard on shared memory: its kind, the first place, and the access that it collides with."""

    kind: Hazard
    place: int
    other: Instruction | None
    warps: tuple[int, int]


class Shared(Arena):
    """Bytes of shared memory with the history of accesses to each."""

    def __init__(self, size: int, warps: int, clocks: Clocks) -> None:
        super().__init__(size)
        bytes_ = len(self.data)
        self.clocks = clocks
        self.write_phase, self.read_phase = np.zeros(bytes_, np.int32), np.zeros(bytes_, np.int32)
        self.write_time, self.writer = np.zeros(bytes_, np.int32), np.zeros(bytes_, np.int16)
        self.read_time = np.zeros((warps, bytes_), np.int32)
        self.write_line, self.read_line = np.zeros(bytes_, np.int32), np.zeros(bytes_, np.int32)
        self.atomic = np.zeros(bytes_, bool)
        self.flying = np.zeros(bytes_, np.int32)
        self.lines: list[Instruction] = []
        self.numbers: dict[int, int] = {}

    def line(self, at: Instruction) -> int:
        """The number under which an instruction is noted, from 1."""
        number = self.numbers.get(id(at))
        if number is None:
            self.lines.append(at)
            number = self.numbers[id(at)] = len(self.lines)
        return number

    def told(self, kind: Hazard, places: Array, bad: Array, lines: Array, warps: Array, others: Array) -> Seen:
        first = tuple(np.argwhere(bad)[0])
        line = int(lines[first])
        other = self.lines[line - 1] if line else None
        return Seen(kind, int(places[first]), other, (int(warps[first[0]]), int(others[first])))

    def in_flight(self, places: Array, warps: Array) -> Seen | None:
        """A byte that a copy is still on its way to."""
        flying = self.flying[places]
        if not flying.any():
            return None
        return self.told(Hazard.MISSING_WAIT, places, flying > 0, flying, warps, self.writer[places])

    def after_writes(self, places: Array, warps: Array, atomic: bool = False) -> Seen | None:
        """A byte that another warp wrote, with no barrier since. ``places`` is (threads, bytes)."""
        recent = self.write_phase[places] == self.clocks.phase
        if not recent.any():
            return None
        writers = self.writer[places]
        bad = recent & (self.write_time[places] > self.clocks.known[warps[:, None], writers])
        if atomic:
            bad &= ~self.atomic[places]
        return self.told(Hazard.RACE, places, bad, self.write_line[places], warps, writers) if bad.any() else None

    def after_reads(self, places: Array, warps: Array) -> Seen | None:
        """A byte that another warp read, with no barrier since."""
        if not (self.read_phase[places] == self.clocks.phase).any():
            return None
        late = self.read_time[:, places] > self.clocks.known[warps].T[:, :, None]
        if not late.any():
            return None
        bad = np.asarray(late.any(axis=0))
        return self.told(Hazard.RACE, places, bad, self.read_line[places], warps, late.argmax(axis=0))

    def note_read(self, places: Array, warps: Array, at: Instruction) -> None:
        self.read_phase[places] = self.clocks.phase
        self.read_time[warps[:, None], places] = self.clocks.now()[warps][:, None]
        self.read_line[places] = self.line(at)

    def note_write(self, places: Array, warps: Array, at: Instruction, atomic: bool = False) -> None:
        self.write_phase[places] = self.clocks.phase
        self.write_time[places] = self.clocks.now()[warps][:, None]
        self.writer[places] = warps[:, None]
        self.write_line[places] = self.line(at)
        self.atomic[places] = atomic
