"""How long the contents of shared buffers are needed, as stretches of the function's text."""

from __future__ import annotations

from dataclasses import dataclass

from tilevm.ir import Block, Func, Op
from tilevm.ir.ops import For, While
from tilevm.ir.rewrite import walk
from tilevm.ir.threads import SharedBuffer
from tilevm.passes.threads.accesses import touched
from tilevm.passes.threads.barriers import Found, Search, State, change


@dataclass(frozen=True)
class Life:
    """From the first place of the text that needs the buffer to the last; the loops in which it is accessed."""

    buffer: SharedBuffer
    first: int
    last: int
    loops: frozenset[Op]

    def meets(self, other: Life) -> bool:
        return self.first <= other.last and other.first <= self.last


class Text:
    """Where each instruction stands: what it is in, and the stretch that it and those in it take."""

    def __init__(self, func: Func) -> None:
        self.home: dict[Op, tuple[Block, Op | None]] = {}
        self.stretch: dict[Op, tuple[int, int]] = {}
        self.count = 0
        self.number(func.body, None)

    def number(self, block: Block, around: Op | None) -> None:
        for op in block.ops:
            self.home[op] = block, around
            first = self.count = self.count + 1
            for inner in op.regions:
                self.number(inner, op)
            self.stretch[op] = first, self.count

    def within(self, op: Op, block: Block) -> Op:
        """What stands in ``block`` and is or contains ``op``."""
        home, around = self.home[op]
        while home is not block:
            assert around is not None, "a buffer is accessed outside the block that makes it"
            op = around
            home, around = self.home[op]
        return op

    def loops(self, op: Op) -> frozenset[Op]:
        """The loops around an instruction."""
        found: set[Op] = set()
        around = self.home[op][1]
        while around is not None:
            found |= {around} if isinstance(around, For | While) else set()
            around = self.home[around][1]
        return frozenset(found)


class Flights(Search):
    """Where copies into each buffer may still run: the search for barriers, asked for something else."""

    def __init__(self, func: Func) -> None:
        super().__init__(func)
        self.places: dict[SharedBuffer, set[Op]] = {}
        self.block(func.body, frozenset())

    def single(self, op: Op, state: State) -> Found:
        for access in state:
            if access.flight is not None and isinstance(access.memory.owner, SharedBuffer):
                self.places.setdefault(access.memory.owner, set()).add(op)
        return super().single(op, state)


def lives(func: Func) -> list[Life]:
    """The life of each buffer, in the order of the text.

    A buffer is made anew whenever ``shared`` is met: what is in it then is lost. So one made inside a loop lives for a
    part of a trip, from its first access to its last and until no copy into it may run; one made before a loop in which
    it is accessed lives as long as the loop.
    """
    text, flights = Text(func), Flights(func).places
    accesses: dict[SharedBuffer, list[Op]] = {op: [] for op in walk(func.body) if isinstance(op, SharedBuffer)}
    for op in walk(func.body):
        for access in touched(op) if not op.regions and type(op) not in change else ():
            if isinstance(access.memory.owner, SharedBuffer):
                accesses[access.memory.owner].append(op)
    return [_life(text, buffer, ops, flights.get(buffer, set())) for buffer, ops in accesses.items()]


def _life(text: Text, buffer: SharedBuffer, accesses: list[Op], flights: set[Op]) -> Life:
    block = text.home[buffer][0]
    parts = [text.stretch[text.within(op, block)] for op in accesses] + [text.stretch[op] for op in flights]
    first, last = zip(*(parts or [text.stretch[buffer]]), strict=True)
    return Life(buffer, min(first), max(last), frozenset().union(*map(text.loops, accesses)))
