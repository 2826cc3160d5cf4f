"""What can go wrong between threads: kinds of hazards, the error that carries one, and where it goes."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from tilevm.ir import Op
from tilevm.source import Note, Span, TileError


class Hazard(Enum):
    """Kinds of hazards."""

    RACE = "race"
    MISSING_WAIT = "missing wait"
    UNINITIALISED = "uninitialised read"
    OUT_OF_BOUNDS = "out of bounds"
    MISALIGNED = "misaligned"
    DIVERGENCE = "divergence"


HELP = {
    Hazard.RACE: "put a barrier between the two accesses, or let one thread alone write the place",
    Hazard.MISSING_WAIT: "wait for the group of the copy, and where another thread began it also at a barrier",
    Hazard.UNINITIALISED: "write every element before it is used",
    Hazard.OUT_OF_BOUNDS: "keep offsets inside, or give a mask that is false beyond",
    Hazard.MISALIGNED: "take a narrower width, or offsets that are multiples of it from an aligned address",
    Hazard.DIVERGENCE: "make it of what is alike in all threads of the block",
}


class HazardError(TileError):
    """A fault of a thread-level function as it runs. ``kind``; ``other``: the access that it collides with."""

    def __init__(
        self,
        kind: Hazard,
        message: str,
        op: Op,
        notes: Sequence[Note] = (),
        other: tuple[str, Op] | None = None,
        help: str | None = None,
    ) -> None:
        self.kind = kind
        self.other: Span | None = other[1].span if other else None
        told = [Note(other[0], other[1].span)] if other else []
        super().__init__(f"{kind.value}: {message}", op.span, [*told, *notes], help or HELP[kind])


class Watch:
    """Where hazards go: the first is raised, or, where ``keep``, all are kept, each kind once a place."""

    def __init__(self, keep: bool) -> None:
        self.keep = keep
        self.found: dict[tuple[Hazard, Span | str], HazardError] = {}

    def report(self, error: HazardError) -> None:
        """Raises HazardError, unless hazards are kept: then the caller goes on as well as it can."""
        if not self.keep:
            raise error
        self.found.setdefault((error.kind, error.span or error.message), error)
