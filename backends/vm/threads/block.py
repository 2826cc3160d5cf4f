"""A block of threads: its place in the grid, and the values that its threads have made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tilevm.ir import Block as Region, Op, Table, Value
from tilevm.source import Note
from tilevm.target import Target

from ..rounding import Array
from ..values import Held, Poison
from .asynchronous import Copies, Ticket
from .hazards import Hazard, HazardError, Watch
from .history import Clocks
from .memory import GlobalMemory
from .shared import Buffer, SharedMemory

State = Held | Buffer | Ticket  # what a value of the IR is: numbers of threads, a place in shared memory, a token


@dataclass(frozen=True)
class Machine:
    """What the blocks of a launch have in common."""

    target: Target
    warps: int
    grid: tuple[int, int, int]
    memory: Mapping[Value, GlobalMemory]
    shared: SharedMemory
    clocks: Clocks
    watch: Watch

    @property
    def lanes(self) -> int:
        return self.target.lanes

    @property
    def threads(self) -> int:
        return self.warps * self.target.lanes


class ThreadBlock:
    """One block: all its threads run an instruction together.

    A number is an array of shape (threads,), a register array one of (threads, registers).
    """

    def __init__(self, machine: Machine, place: tuple[int, int, int]) -> None:
        self.machine, self.place = machine, place
        self.values: dict[Value, State] = {}
        self.copies = Copies()
        self.threads, self.lanes = machine.threads, machine.lanes
        self.warp_of = np.arange(self.threads) // self.lanes
        machine.clocks.begin()
        machine.shared.begin()

    def run(self, block: Region, given: Sequence[State] = ()) -> list[State]:
        """Run instructions on the parameters of their block; what it yields."""
        self.values.update(zip(block.params, given, strict=True))
        for op in block.ops[:-1]:
            self.values.update(zip(op.results, act(op, self), strict=True))
        return [self.values[v] for v in block.end.operands]

    def held(self, value: Value) -> Held:
        """The numbers of a value, of which some may be poison."""
        found = self.values[value]
        assert isinstance(found, Held), f"{value} is no number"
        return found

    def array(self, value: Value, op: Op, what: str) -> Array:
        """The numbers of a value that decides where or whether something happens. Poison is reported."""
        held = self.held(value)
        if held.poison is not None and held.poison.where.any():
            self.poisoned(op, held.poison, held.poison.where, what)
        return held.data

    def uniform(self, value: Value, op: Op, what: str) -> int:
        """A number that must be alike in all threads; what differs is reported, and thread 0's goes on."""
        return self.alike(self.array(value, op, what), op, what)

    def alike(self, data: Array, op: Op, what: str) -> int:
        apart = np.flatnonzero(data != data[0])
        if apart.size:
            t = int(apart[0])
            self.report(
                Hazard.DIVERGENCE,
                f"{what} of {op.name} differs between threads: {data[0]} in thread 0, {data[t]} in thread {t}",
                op,
            )
        return int(data[0])

    def poisoned(self, op: Op, poison: Poison, where: Array, what: str) -> None:
        thread = int(np.argwhere(where)[0][0])
        origin = Note("what it holds comes from here, and was never written", poison.origin)
        self.report(
            Hazard.UNINITIALISED, f"{what} of {op.name} was never written, in {self.who(thread)}", op, notes=[origin]
        )

    def report(
        self,
        kind: Hazard,
        message: str,
        op: Op,
        notes: Sequence[Note] = (),
        other: tuple[str, Op] | None = None,
        help: str | None = None,
    ) -> None:
        """Raises HazardError, unless hazards are kept."""
        place = Note(f"in program {self.place}")
        self.machine.watch.report(HazardError(kind, message, op, [*notes, place], other, help))

    def who(self, thread: int) -> str:
        """A thread in words."""
        return f"thread {thread} (warp {thread // self.lanes}, lane {thread % self.lanes})"

    def spread(self, held: Held) -> Held:
        """One number, the same in every thread."""
        return Held(np.broadcast_to(held.data, (self.threads,)))


act: Table[[ThreadBlock], Sequence[State]] = Table("meaning of an instruction of threads")
