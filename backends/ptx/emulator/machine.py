"""One block as it runs: its threads, who stands where, barriers, and the hazards that were seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

import numpy as np

from .arena import Arena
from .barriers import Barrier, missing_threads
from .clocks import Clocks
from .copies import Copies
from .hazards import EmulationError, Hazard
from .kinds import Array
from .memory import Memory
from .program import Program
from .records import Instruction
from .registers import Registers
from .shared import Shared

LANES = 32  # of a warp, as PTX has it for every target so far
PATIENCE = 2000  # turns of one place before those who stand further on get one
Run = Callable[["Machine", Array | None], None]


@dataclass(frozen=True)
class Step:
    """An instruction made ready. ``run`` acts for the threads of a mask, None for all of the block.

    ``flow`` says that it places its threads itself; ``members`` gives, for each thread, the lanes of its warp that
    must take part together.
    """

    at: Instruction
    run: Run
    flow: bool = False
    members: Callable[[Machine], Array] | None = None


@dataclass(frozen=True)
class Launch:
    """What the blocks of a launch have in common."""

    program: Program
    steps: Sequence[Step]
    grid: tuple[int, int, int]
    block: tuple[int, int, int]
    params: Arena
    outer: dict[str, int]
    memory: Memory
    arena: Arena
    shared_bytes: int
    limit: int
    hazards: dict[tuple[Hazard, int], EmulationError] = field(default_factory=dict)


class Machine:
    """The threads of a block, padded to whole warps. Threads that stand at one instruction run together."""

    def __init__(self, launch: Launch, block: tuple[int, int, int]) -> None:
        self.launch, self.block = launch, block
        count = int(np.prod(launch.block))
        self.warps = (count + LANES - 1) // LANES
        self.threads = self.warps * LANES
        self.warp = np.arange(self.threads) // LANES
        self.alive = np.arange(self.threads) < count
        self.registers = Registers(launch.program.registers, self.threads)
        self.clocks = Clocks(self.warps)
        self.shared = Shared(launch.shared_bytes, self.warps, self.clocks)
        self.local = Arena(launch.program.local_bytes * self.threads)
        self.copies = Copies(self.threads)
        self.barriers: dict[int, Barrier] = {}
        self.places: dict[int, Array | None] = {0: None if self.alive.all() else self.alive.copy()}
        self.parked: dict[int, Array] = {}
        self.special = special_registers(launch, block, self.threads)
        self.issued = 0
        self.here = 0  # where a step that places its threads itself stands

    def run(self) -> None:
        """All threads to their end."""
        turns: dict[int, int] = {}
        while self.places:
            at = min(self.places)
            turns[at] = turns.get(at, 0) + 1
            if turns[at] > PATIENCE and len(self.places) > 1:  # those who spin may wait for those further on
                at = max(self.places)
                turns.clear()
            self.advance(at, self.places.pop(at))
            if not self.places:
                self.settle()

    def settle(self) -> None:
        """Nobody can go on: who waits at a barrier waits for nobody, or for ever."""
        for barrier in list(self.barriers.values()):
            self.release(barrier)
        if self.places:
            return
        waiting = [b.at for b in self.barriers.values() if b.waits.any()]
        waiting += [self.launch.steps[at].at for at in self.parked]
        if waiting:
            self.fail(Hazard.DEADLOCK, missing_threads(self, waiting[0]), waiting[0], "let every thread reach it")

    def advance(self, at: int, mask: Array | None) -> None:
        """Threads from one place on, until they branch, wait or meet others."""
        steps = self.launch.steps
        while True:
            self.issued += 1
            if self.issued > self.launch.limit:
                message = f"the block issued {self.launch.limit} instructions without coming to its end"
                self.fail(Hazard.LIMIT, message, steps[at].at, "look for a loop without end, or raise limit=")
            step = steps[at]
            active: Array | None = mask
            if step.members is not None:
                mask = active = self.gather(at, mask, step)
                if mask is not None and not mask.any():
                    return
            if step.at.guard:
                active = self.chosen(step.at, mask)
            if step.flow:
                self.branch(step, at, mask, active)
                return
            if active is None or active.any():
                step.run(self, active)
            at += 1
            if at in self.places:
                self.go(at, mask)
                return

    def branch(self, step: Step, at: int, mask: Array | None, active: Array | None) -> None:
        """An instruction that places its threads itself; those that its guard leaves out go on after it."""
        if active is not None:
            rest = ~active if mask is None else mask & ~active
            if rest.any():
                self.go(at + 1, rest)
            if not active.any():
                return
        self.here = at
        step.run(self, active)

    def chosen(self, at: Instruction, mask: Array | None) -> Array | None:
        """Threads of a mask whose guard holds."""
        value = self.registers.read(at.guard)
        lacking = self.registers.lacking([at.guard])
        if lacking is not None and (lacking if mask is None else lacking & mask).any():
            self.fail(Hazard.UNINITIALISED, f"the guard {at.guard} has no value", at, "set the predicate first")
        value = ~value if at.inverted else value
        value = value if mask is None else value & mask
        return None if value.all() else value

    def go(self, at: int, mask: Array | None) -> None:
        """Threads go on from a place, together with those that stand there."""
        there = self.places.get(at, False)
        if mask is None or there is None:
            self.places[at] = None
            return
        joined = mask if there is False else mask | there
        self.places[at] = None if joined.all() else joined

    def gather(self, at: int, mask: Array | None, step: Step) -> Array | None:
        """Threads whose partners are all here; the others wait for theirs."""
        if mask is None:
            return None
        parked = self.parked.pop(at, None)
        here = mask if parked is None else mask | parked
        assert step.members is not None
        wanted = np.broadcast_to(step.members(self), (self.threads,)).astype(np.uint64)
        present = pack_lanes(here)
        alive = pack_lanes(self.alive)
        absent = (wanted & alive & ~present)[:] != 0
        absent_warps = np.zeros(self.warps, bool)
        absent_warps[self.warp[absent & here]] = True
        wait = here & absent_warps[self.warp]
        if wait.any():
            self.parked[at] = wait
        ready = here & ~wait
        return None if ready.all() else ready

    def arrive(self, barrier: Barrier) -> None:
        """Threads have come to a barrier; lets all go on if they were the last."""
        self.barriers[barrier.number] = barrier
        if barrier.complete(self):
            self.release(barrier)

    def release(self, barrier: Barrier) -> None:
        """Lets those who wait go on, if all have come that must."""
        if not barrier.complete(self):
            return
        del self.barriers[barrier.number]
        self.clocks.learn(np.unique(self.warp[barrier.waits & self.alive]), barrier.learnt)
        for resume in barrier.resumes:
            resume(self, barrier)
        for at, mask in barrier.next.items():
            self.go(at, mask if not mask.all() else None)

    def leave(self, mask: Array | None) -> None:
        """Threads end."""
        self.alive = np.zeros(self.threads, bool) if mask is None else self.alive & ~mask
        for barrier in list(self.barriers.values()):
            self.release(barrier)

    def lanes(self, mask: Array | None) -> Array:
        """Numbers of the threads in a mask."""
        return np.arange(self.threads) if mask is None else np.flatnonzero(mask)

    def see(self, kind: Hazard, message: str, at: Instruction, help: str, other: Instruction | None = None) -> None:
        """Notes a hazard, once for each kind and line, and goes on."""
        key = (kind, at.span.line)
        if key not in self.launch.hazards:
            where = f" (block {self.block[0]}, {self.block[1]}, {self.block[2]})"
            self.launch.hazards[key] = EmulationError(kind, message + where, at, help, other)

    def fail(self, kind: Hazard, message: str, at: Instruction, help: str) -> NoReturn:
        """Notes a hazard after which nothing sensible can follow, and ends the run."""
        self.see(kind, message, at, help)
        raise self.launch.hazards[kind, at.span.line]


def pack_lanes(mask: Array) -> Array:
    """For each thread the lanes of its warp that are in a mask, lane 0 in bit 0."""
    rows = mask.reshape(-1, LANES).astype(np.uint64)
    return np.repeat((rows << np.arange(LANES, dtype=np.uint64)).sum(axis=1), LANES)


def special_registers(launch: Launch, block: tuple[int, int, int], threads: int) -> dict[str, Array]:
    """What ``%tid`` and its like hold in each thread."""
    count = np.arange(threads)
    x, y, _ = launch.block
    tid = (count % x, count // x % y, count // (x * y))
    values: dict[str, Array] = {
        "%laneid": count % LANES,
        "%warpid": count // LANES,
        "%nwarpid": np.full(threads, (threads + LANES - 1) // LANES),
        "%smid": np.zeros(threads),
        "%nsmid": np.ones(threads),
        "%gridid": np.zeros(threads),
    }
    for axis, letter in enumerate("xyz"):
        values[f"%tid.{letter}"] = tid[axis]
        values[f"%ntid.{letter}"] = np.full(threads, launch.block[axis])
        values[f"%ctaid.{letter}"] = np.full(threads, block[axis])
        values[f"%nctaid.{letter}"] = np.full(threads, launch.grid[axis])
    lane = (count % LANES).astype(np.uint64)
    one = np.uint64(1)
    below = (one << lane) - one
    everyone, eq = np.uint64(0xFFFFFFFF), one << lane
    masks = {"eq": eq, "lt": below, "le": below | eq, "gt": everyone & ~(below | eq), "ge": everyone & ~below}
    values |= {f"%lanemask_{name}": mask for name, mask in masks.items()}
    values["%dynamic_smem_size"] = np.full(threads, launch.shared_bytes - launch.program.shared_bytes)
    values["%total_smem_size"] = np.full(threads, launch.shared_bytes)
    return {name: value.astype(np.uint32) for name, value in values.items()}
