"""Loads of matrices and asynchronous copies that wait to be written among the products of a matrix instruction.

Of the matrices that products take each is loaded one step of K ahead. Where a block has a processor for itself, the
copies of a trip are spread over its products: all its warps come to them at once, and no other block's products fill
the time until memory has taken the burst. The assembler leaves the order of memory's instructions as it is.

A load may be written later than it stands, up to the next change of memory or barrier. A copy may be, up to the next
commit, wait, barrier or change of memory: what it writes nobody reads before it was waited for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tilevm.ir import Block, Effect, Op, Value, threads
from tilevm.source import Span

from .text import Text

ALONE = 8  # warps of a block that has a processor for itself, as a rule
WAITING = (threads.MatrixLoad, threads.AsyncCopy, threads.AsyncCommit, threads.Mma)  # what knows of this queue


@dataclass(frozen=True)
class Held:
    """An instruction, where it comes from, and the registers that it gives where it is a load."""

    text: str
    span: Span | None
    gives: tuple[str, ...] = ()

    def write(self, t: Text) -> None:
        t.locate(self.span)
        t.line(self.text)


@dataclass
class Later:
    """What waits. ``copies``: in order, commits among them; ``loads``: by each register that they give, of
    ``values``. ``spreads``: whether copies wait at all."""

    copies: list[Held] = field(default_factory=list)
    loads: dict[str, Held] = field(default_factory=dict)
    values: set[Value] = field(default_factory=set)
    spreads: bool = False

    @contextmanager
    def among(self, block: Block, warps: int, t: Text) -> Iterator[None]:
        """What stands in a block, written by its end. Its copies wait for its product where it has but one: they would
        stand between the operands of several, of which registers cannot hold all."""
        outer = self.spreads
        self.spreads = warps >= ALONE and sum(isinstance(op, threads.Mma) for op in block.ops) == 1
        yield
        self.write(t)
        self.spreads = outer

    def before(self, op: Op, t: Text) -> None:
        """Write all that waits where an instruction may not come before it."""
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
                for given in found.gives:
                    del self.loads[given]
                found.write(t)

    def copy(self, t: Text, one: Held) -> None:
        """An asynchronous copy, or a commit of some."""
        if self.spreads:
            self.copies.append(one)
        else:
            one.write(t)

    def spread(self, t: Text, done: int, total: int, copies: int) -> None:
        """Write as many of ``copies``, which waited when the first of ``total`` products was made, as are due."""
        while copies - len(self.copies) < copies * done // total:
            self.copies.pop(0).write(t)
