"""The function being traced: its names, its place, and how it reports errors."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from types import FunctionType

from tilevm.ir import Op
from tilevm.ir.build import Builder
from tilevm.source import Note, Span, TileError

from .exits import BREAK, CONTINUE, Target
from .liveness import Flow
from .reading import Source, assigned, mutated


@dataclass(eq=False)
class Frame:
    """One function on the way into IR: the kernel, or a helper inlined in it."""

    source: Source
    function: FunctionType
    builder: Builder
    names: dict[str, object]
    locals: frozenset[str]  # parameters and every name assigned somewhere in the function
    caller: Frame | None = None
    call: Span | None = None  # where the caller called this
    places: dict[str, Span] = field(default_factory=dict)  # where each name was last assigned
    rests: list[list[ast.stmt]] = field(default_factory=list)  # what follows here in each list of statements around
    targets: list[Target] = field(default_factory=list)  # where the exits of the loops around this place lead
    looked: dict[int, object] = field(default_factory=dict)  # by identity, tuples and lists that were read by name
    changes: int = 0  # how often a list was changed
    ahead: list[tuple[object, ...]] = field(default_factory=list)  # what loops at compile time have still to go over
    copies: int = 0  # of bodies repeated at compile time
    depths: list[int] = field(default_factory=list)  # how many of ``rests`` are outside each of these loops

    def span(self, node: ast.AST) -> Span:
        return self.source.span(node, self.call)

    @contextmanager
    def at(self, node: ast.AST) -> Iterator[None]:
        """Instructions and errors made inside come from ``node``."""
        with self.builder.at(self.span(node)):
            yield

    def error(
        self, message: str, node: ast.AST | None = None, notes: Sequence[Note] = (), help: str | None = None
    ) -> TileError:
        """An error at ``node``, or at the expression being traced."""
        return TileError(message, self.span(node) if node else self.builder.span, notes, help)

    @contextmanager
    def region(self, names: dict[str, object]) -> Iterator[list[Op]]:
        """Collects the instructions of a run-time block in which ``names`` are visible."""
        before = self.names
        self.names = dict(names)
        try:
            with self.builder.collect() as ops:
                yield ops
        finally:
            self.names = before

    @contextmanager
    def loop(self, node: ast.stmt) -> Iterator[None]:
        """``break`` and ``continue`` inside belong to the loop ``node``."""
        self.targets.append(self.flow.targets[node])
        self.depths.append(len(self.rests))
        try:
            yield
        finally:
            self.targets.pop()
            self.depths.pop()

    def take_rest(self) -> list[ast.stmt]:
        """What follows in the present list of statements; from now on nothing does."""
        rest, self.rests[-1] = self.rests[-1], []
        return rest

    def asks(self, which: str) -> bool:
        """Whether somebody will look at this flag."""
        if which == CONTINUE:
            return any(self.rests[self.depths[-1] :])
        return which == BREAK or self.caller is not None or bool(self.targets) or any(self.rests)

    def changed(self, statements: Sequence[ast.stmt]) -> list[str]:
        """The names whose values ``statements`` may change: those assigned, and lists changed in place."""
        lists = (n for s in statements for n in mutated(s) if isinstance(self.names.get(n), tuple))
        return list(dict.fromkeys((*assigned(statements), *lists)))

    @cached_property
    def flow(self) -> Flow:
        """Which names are read later, for each place of this function."""
        return Flow(self.source.tree.body)

    def stack(self) -> Iterator[Frame]:
        """This frame and those that called it, innermost first."""
        frame: Frame | None = self
        while frame is not None:
            yield frame
            frame = frame.caller
