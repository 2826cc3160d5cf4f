"""Branches, ends, traps and barriers: where threads go."""

from __future__ import annotations

import numpy as np

from .barriers import Barrier
from .hazards import Hazard
from .kinds import Array
from .machine import LANES, Machine, Step
from .operands import Fetch, fetcher, putter, unknown
from .program import Program
from .records import Instruction, Name, Operand


def branch(program: Program, at: Instruction) -> Step:
    target = at.operands[0]
    if not isinstance(target, Name) or target.name not in program.labels:
        raise unknown(at, "the label is not in this function")
    to = program.labels[target.name]
    return Step(at, lambda m, mask: m.go(to, mask), flow=True)


def end(program: Program, at: Instruction) -> Step:
    return Step(at, lambda m, mask: m.leave(mask), flow=True)


def trap(program: Program, at: Instruction) -> Step:
    def run(m: Machine, mask: Array | None) -> None:
        m.fail(Hazard.TRAP, f"thread {int(m.lanes(mask)[0])} came to a trap", at, "see what leads to it")

    return Step(at, run)


def driver_call(program: Program, at: Instruction) -> Step:
    """Functions that the driver brings: a failed assertion ends the run; what ``printf`` would print is dropped."""
    name = next(o.name for o in at.operands if isinstance(o, Name))
    if name == "vprintf":
        return Step(at, lambda m, mask: None)

    def run(m: Machine, mask: Array | None) -> None:
        thread = int(m.lanes(mask)[0])
        m.fail(Hazard.TRAP, f"thread {thread} failed an assertion", at, "see the line of the assertion")

    return Step(at, run)


def barrier(program: Program, at: Instruction) -> Step:
    """``bar`` and ``barrier``: ``sync`` waits, ``arrive`` announces, ``red`` waits and reduces a predicate."""
    if at.has("warp"):
        return Step(at, lambda m, mask: None, members=fetcher(program, at, at.operands[0], "u32"))
    action = next((p for p in at.parts if p in ("sync", "arrive", "red")), "")
    if not action or at.has("cluster"):
        raise unknown(at, "this barrier is not known")
    operands = at.operands[1:-1] if action == "red" else at.operands
    number = fetcher(program, at, operands[0], "u32")
    count = fetcher(program, at, operands[1], "u32") if len(operands) > 1 else None
    aligned = at.parts[0] == "bar" or at.has("aligned")
    result = reduction(program, at) if action == "red" else None

    def run(m: Machine, mask: Array | None) -> None:
        here = np.ones(m.threads, bool) if mask is None else mask
        if aligned:
            check_whole(m, at, here)
        numbers = np.broadcast_to(number(m), (m.threads,))
        for one in np.unique(numbers[here]):
            join(m, at, int(one), wanted(m, count, here), here & (numbers == one), action, result)

    return Step(at, run, flow=True)


def wanted(m: Machine, count: Fetch | None, here: Array) -> int | None:
    """How many threads a barrier is for."""
    return None if count is None else int(np.broadcast_to(count(m), (m.threads,))[here][0])


def check_whole(m: Machine, at: Instruction, here: Array) -> None:
    """Aligned barriers are for whole warps."""
    rows, alive = here.reshape(-1, LANES), m.alive.reshape(-1, LANES)
    broken = rows.any(axis=1) & (alive & ~rows).any(axis=1)
    if broken.any():
        warp = int(broken.argmax())
        message = f"{int(rows[warp].sum())} of the {int(alive[warp].sum())} threads of warp {warp} come to {at.text}"
        m.see(Hazard.DIVERGENT_BARRIER, message, at, "let all threads of a warp reach it, or use barrier.sync")


class Reduce:
    """What ``bar.red`` writes, once all votes are in."""

    def __init__(self, program: Program, at: Instruction) -> None:
        self.name = next((p for p in ("popc", "and", "or") if at.has(p)), "")
        self.put = putter(program, at, at.operands[0], "u32" if self.name == "popc" else "pred")

    def __call__(self, m: Machine, barrier: Barrier, mask: Array) -> None:
        votes = barrier.votes[barrier.waits]
        found = {"popc": np.uint32(votes.sum()), "and": votes.all(), "or": votes.any()}[self.name]
        self.put(m, np.array([found]), mask, None)


def reduction(program: Program, at: Instruction) -> tuple[Fetch, Reduce]:
    source: Operand = at.operands[-1]
    return fetcher(program, at, source, "pred"), Reduce(program, at)


def join(
    m: Machine,
    at: Instruction,
    number: int,
    count: int | None,
    here: Array,
    action: str,
    result: tuple[Fetch, Reduce] | None,
) -> None:
    """Threads come to a barrier."""
    none = np.zeros(m.threads, bool)
    barrier = m.barriers.get(number)
    if barrier is None:
        barrier = Barrier(number, count, at, none, none, none, np.zeros(m.warps, np.int64))
    if barrier.count != count:
        message = f"barrier {number} is for {barrier.count} threads where others wait, here for {count}"
        m.see(Hazard.DIVERGENT_BARRIER, message, at, "give the same count everywhere", barrier.at)
    if (barrier.arrived & here).any():
        m.see(Hazard.DIVERGENT_BARRIER, f"threads come to barrier {number} twice", at, "let the first one open first")
    barrier.arrived = barrier.arrived | here
    barrier.learnt = np.maximum(barrier.learnt, m.clocks.arrive(np.unique(m.warp[here])))
    after = m.here + 1
    if action == "arrive":
        m.go(after, here)
    else:
        barrier.waits = barrier.waits | here
        barrier.next[after] = barrier.next.get(after, none) | here
    if result is not None:
        get, write = result
        barrier.votes = np.where(here, np.broadcast_to(get(m), (m.threads,)), barrier.votes)
        barrier.resumes.append(lambda machine, opened: write(machine, opened, here))
    m.arrive(barrier)
