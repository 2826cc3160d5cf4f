"""Copies and loads of matrices that wait to be written among the products of a matrix instruction.

A burst of asynchronous copies fills the queue to memory: each holds its address until it is sent, and loads of shared
memory behind it wait too. So the copies of a trip are spread over its first products, and of the matrices of those
products each is loaded one step ahead. The assembler leaves the order of memory's instructions as it is.

A copy may be written later than it stands, up to the next commit, wait, barrier or change of memory: what it writes
nobody reads before it was waited for. A load may be, up to the next change of memory or barrier.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tilevm.ir import Effect, Op, Value, threads
from tilevm.source import Span

from .text import Text

WAITING = (threads.MatrixLoad, threads.AsyncCopy, threads.AsyncCommit, threads.Mma)  # what knows of this queue


@dataclass(frozen=True)
class Held:
    """An instruction, and where it comes from."""

    text: str
    span: Span | None

    def write(self, t: Text) -> None:
        t.locate(self.span)
        t.line(self.text)


@dataclass
class Later:
    """What waits. ``copies``: in order, commits among them; ``loads``: by each register that they give, of
    ``values``."""

    copies: list[Held] = field(default_factory=list)
    loads: dict[str, Held] = field(default_factory=dict)
    values: set[Value] = field(default_factory=set)

    def before(self, op: Op, t: Text) -> None:
        """Write all that waits where an instruction may not come before it."""
        import os

        X = int(os.environ.get("TILEVM_X", "3"))
        if not X & 1:
            held, self.copies = self.copies, []
            for one in held:
                one.write(t)
        if not X & 2:
            held = [*dict.fromkeys(self.loads.values())]
            self.loads = {}
            for one in held:
                one.write(t)
        if isinstance(op, WAITING):
            return
        if op.effect is not Effect.PURE or op.regions or not self.values.isdisjoint(op.operands):
            self.write(t)

    def write(self, t: Text) -> None:
        """Write all that waits."""
        held = [*dict.fromkeys(self.loads.values()), *self.copies]
        self.copies, self.loads, self.values = [], {}, set()
        for one in held:
            one.write(t)

    def need(self, t: Text, names: Iterable[str]) -> None:
        """Write the loads that give these registers."""
        for name in names:
            if name in self.loads:
                found = self.loads[name]
                self.loads = {other: held for other, held in self.loads.items() if held is not found}
                found.write(t)

    def copy(self, t: Text) -> None:
        """Write the next copy."""
        self.copies.pop(0).write(t)
