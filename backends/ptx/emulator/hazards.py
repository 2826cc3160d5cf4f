"""What can go wrong in a run: kinds of hazards, the error that carries one, and the report of a launch."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from tilevm.source import Note, TileError

from .records import Instruction


class Hazard(Enum):
    """Kinds of hazards. ``fatal`` ones end the run, as nothing sensible can follow."""

    RACE = "race"
    UNINITIALISED = "uninitialised read"
    OUT_OF_BOUNDS = "out of bounds"
    MISALIGNED = "misaligned"
    MISSING_WAIT = "missing wait"
    DEADLOCK = "deadlock"
    DIVERGENT_BARRIER = "divergent barrier"
    UNKNOWN = "unknown instruction"
    TRAP = "trap"
    LIMIT = "limit"


class EmulationError(TileError):
    """A fault of the PTX that runs, with its kind, at the instruction where it was seen."""

    def __init__(
        self, kind: Hazard, message: str, at: Instruction, help: str, other: Instruction | None = None
    ) -> None:
        notes = [Note("made from this line", at.source.span)] if at.source else []
        if other is not None:
            notes.append(Note("the other access", other.span))
            notes += [Note("made from this line", other.source.span)] if other.source else []
        super().__init__(f"{kind.value}: {message}", at.span, notes, help)
        self.kind, self.at, self.other = kind, at, other


@dataclass(frozen=True)
class Emulation:
    """What a launch did: the hazards that were seen, each kind once a line, and how much ran.

    ``instructions`` counts instructions issued for a group of threads, ``blocks`` the blocks that ran.
    """

    hazards: tuple[EmulationError, ...]
    instructions: int
    blocks: int

    def check(self) -> Emulation:
        """Itself.

        :raises EmulationError: the first hazard, where there is one
        """
        if self.hazards:
            raise self.hazards[0]
        return self
