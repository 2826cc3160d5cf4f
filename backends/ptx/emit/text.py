"""The text of a kernel as it grows: registers with names in order, lines, labels, and which line of source they serve.

A pure instruction is written once for the same operands (``pure``): what stands in a block serves it and the blocks
inside it, as ``scope`` tells. Registers that are written more than once (carried values of loops) are new before each
loop, so no number that was kept for them outlives what they held.
"""

from __future__ import annotations

import linecache
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from tilevm.source import Span

CLASSES = {"p": "pred", "h": "b16", "r": "b32", "rd": "b64"}  # letters of registers, and what they hold
Version = tuple[int, int]


@dataclass
class Text:
    """Lines of one kernel. ``version`` is the lowest of PTX that has all that was written."""

    version: Version
    lines: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(CLASSES, 0))
    files: list[str] = field(default_factory=list)
    labels: int = 0
    _known: list[dict[str, tuple[str, ...]]] = field(default_factory=lambda: [{}])
    _at: Span | None = None  # the line in force
    _next: Span | None = None  # that of what is written next

    def need(self, version: Version | None) -> None:
        """What is written next takes this version."""
        self.version = max(self.version, version or self.version)

    def fresh(self, kind: str) -> str:
        """The name of a register that holds nothing yet."""
        number = self.counts[kind]
        self.counts[kind] += 1
        return f"%{kind}{number}"

    def line(self, text: str, guard: str = "") -> None:
        """An instruction, under a predicate where ``guard`` names one (``!%p0`` for its opposite)."""
        self.turn_to(self._next)
        self.lines.append(f"\t{f'@{guard} ' if guard else ''}{text};")

    def pure(self, kind: str, op: str, *operands: str) -> str:
        """The register with the result of an instruction that only computes."""
        (name,) = self.several((kind,), op, *operands)
        return name

    def several(self, kinds: Sequence[str], op: str, *operands: str) -> tuple[str, ...]:
        """The same with results in braces, where there are more than one."""
        key = f"{op} {', '.join(operands)}"
        for known in reversed(self._known):
            if key in known:
                return known[key]
        names = tuple(self.fresh(kind) for kind in kinds)
        target = names[0] if len(names) == 1 else f"{{{', '.join(names)}}}"
        self.line(f"{op} {target}, {', '.join(operands)}")
        self._known[-1][key] = names
        return names

    @contextmanager
    def scope(self) -> Iterator[None]:
        """What is written inside is not known to what follows."""
        self._known.append({})
        try:
            yield
        finally:
            self._known.pop()

    def label(self, stem: str) -> str:
        """A label of its own."""
        self.labels += 1
        return f"${stem}_{self.labels}"

    def mark(self, label: str) -> None:
        """The place of a label."""
        self.lines.append(f"{label}:")

    def locate(self, span: Span | None) -> None:
        """What follows comes from ``span``."""
        self._next = span or self._next

    def turn_to(self, span: Span | None) -> None:
        """A ``.loc``, and the line of source as a comment, where another one is in force."""
        if span is None or (self._at is not None and (span.file, span.line) == (self._at.file, self._at.line)):
            return
        self._at = span
        if span.file not in self.files:
            self.files.append(span.file)
        self.lines.append(f"\t.loc {self.files.index(span.file) + 1} {span.line} {span.column + 1}")
        source = linecache.getline(span.file, span.line).strip()
        if source:
            self.lines.append(f"\t// {source.encode('ascii', 'replace').decode()}")
