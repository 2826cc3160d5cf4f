"""The function being traced: its names, its place, and how it reports errors."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FunctionType

from tilevm.ir import Op
from tilevm.ir.build import Builder
from tilevm.source import Note, Span, TileError

from .reading import Source


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
    returned: bool = False
    result: object = None
    regions: list[str] = field(default_factory=list)  # the run-time statements around this place
    places: dict[str, Span] = field(default_factory=dict)  # where each name was last assigned

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
    def region(self, what: str, names: dict[str, object]) -> Iterator[list[Op]]:
        """Collects the instructions of a run-time block in which ``names`` are visible."""
        before = self.names
        self.names = dict(names)
        self.regions.append(what)
        try:
            with self.builder.collect() as ops:
                yield ops
        finally:
            self.names = before
            self.regions.pop()

    def stack(self) -> Iterator[Frame]:
        """This frame and those that called it, innermost first."""
        frame: Frame | None = self
        while frame is not None:
            yield frame
            frame = frame.caller
