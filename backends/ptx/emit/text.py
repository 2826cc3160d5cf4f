"""The text of a kernel as it grows: registers with names in order, lines, labels, and which line of source they serve.

A pure instruction is written once for the same operands (``pure``): what stands in a block serves it and the blocks
inside it, as ``scope`` tells. Registers that are written more than once (carried values of loops) are new before each
loop, so no number that was kept for them outlives what they held. What makes addresses of operands that a loop does not
change is written before the loop.
"""

from __future__ import annotations

import linecache
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from tilevm.source import Span

CLASSES = {"p": "pred", "h": "b16", "r": "b32", "rd": "b64"}  # letters of registers, and what they hold
Version = tuple[int, int]
REGISTER = re.compile(r"%(?:rd|r|p|h)\d+")
PLACE = "\t.loc "
ADDRESSING = ("add.s", "sub.s", "mul.lo.s", "mul.wide.", "shl.b", "xor.b32", "lop3.b32", "cvt.s64.", "cvt.u64.")


@dataclass(frozen=True)
class Line:
    """A line of text; with ``gives`` it only computes these registers, and goes where nobody reads them."""

    text: str
    gives: tuple[str, ...] = ()

    @property
    def is_place(self) -> bool:
        """Whether it only says where what follows comes from."""
        return self.text.startswith(PLACE)


@dataclass
class Scope:
    """What is known in a block, and where to write what leaves it: the place before a loop, None for other blocks."""

    head: list[Line] | None = None
    known: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass
class Text:
    """Lines of one kernel. ``version`` is the lowest of PTX that has all that was written."""

    version: Version
    lines: list[Line | list[Line]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(CLASSES, 0))
    files: list[str] = field(default_factory=list)
    labels: int = 0
    depth: dict[str, int] = field(default_factory=dict)  # of registers: the scope that they are the same throughout
    made: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)  # registers: pure instruction, operands
    _scopes: list[Scope] = field(default_factory=lambda: [Scope()])
    _at: Span | None = None  # the line in force
    _next: Span | None = None  # that of what is written next

    def need(self, version: Version | None) -> None:
        """What is written next takes this version."""
        self.version = max(self.version, version or self.version)

    def fresh(self, kind: str) -> str:
        """The name of a register that holds nothing yet."""
        name = f"%{kind}{self.counts[kind]}"
        self.counts[kind] += 1
        self.depth[name] = len(self._scopes) - 1
        return name

    def line(self, text: str, guard: str = "") -> None:
        """An instruction, under a predicate where ``guard`` names one (``!%p0`` for its opposite)."""
        self.turn_to(self._next)
        self.lines.append(Line(f"\t{f'@{guard} ' if guard else ''}{text};"))

    def pure(self, kind: str, op: str, *operands: str) -> str:
        """The register with the result of an instruction that only computes."""
        (name,) = self.several((kind,), op, *operands)
        return name

    def several(self, kinds: Sequence[str], op: str, *operands: str) -> tuple[str, ...]:
        """The same with results in braces, where there are more than one."""
        given = ", ".join(operands)
        key = f"{op} {given}"
        for scope in reversed(self._scopes):
            if key in scope.known:
                return scope.known[key]
        names = tuple(self.fresh(kind) for kind in kinds)
        target = names[0] if len(names) == 1 else f"{{{', '.join(names)}}}"
        level = self.write(op, Line(f"\t{op} {target}, {given};", names), operands)
        self._scopes[level].known[key] = names
        self.depth.update(dict.fromkeys(names, level))
        self.made.update(dict.fromkeys(names, (op, operands)))
        return names

    def maker(self, name: str) -> tuple[str, tuple[str, ...]]:
        """The pure instruction that made a register, and its operands; nothing where there is none such."""
        return self.made.get(name, ("", ()))

    def write(self, op: str, line: Line, operands: Sequence[str]) -> int:
        """A pure instruction, as far out as its operands allow where it makes addresses; the scope it came to."""
        level = len(self._scopes) - 1
        if op.startswith(ADDRESSING):
            deepest = max((self.depth[r] for o in operands for r in REGISTER.findall(o)), default=0)
            for at in range(deepest + 1, level + 1):
                head = self._scopes[at].head
                if head is not None:
                    head.append(line)
                    return at - 1
        self.turn_to(self._next)
        self.lines.append(line)
        return level

    def varies(self, name: str) -> bool:
        """Whether a register may change from trip to trip of the loop around."""
        loop = max((at for at, scope in enumerate(self._scopes) if scope.head is not None), default=0)
        return 0 < loop <= self.depth[name]

    def head(self) -> list[Line]:
        """A place here for what leaves the loop that follows."""
        place: list[Line] = []
        self.lines.append(place)
        return place

    @contextmanager
    def scope(self, head: list[Line] | None = None, changing: Sequence[str] = ()) -> Iterator[None]:
        """What is written inside is not known to what follows. ``head``: it is a loop, which changes some registers."""
        self._scopes.append(Scope(head))
        self.depth.update(dict.fromkeys(changing, len(self._scopes) - 1))
        try:
            yield
        finally:
            self._scopes.pop()

    def listed(self) -> list[str]:
        """All lines in order, but for those that compute what nobody reads, or tell the place of nothing."""
        lines = [line for held in self.lines for line in ([held] if isinstance(held, Line) else held)]
        read: set[str] = set()
        kept: list[str] = []
        for line in reversed(lines):
            unread = line.gives and not read.intersection(line.gives)
            if unread or (line.is_place and kept and kept[-1].startswith(PLACE)):
                continue
            kept.append(line.text)
            if not line.is_place:
                read.update(REGISTER.findall(line.text)[len(line.gives) :])
        return kept[::-1]

    def label(self, stem: str) -> str:
        """A label of its own."""
        self.labels += 1
        return f"${stem}_{self.labels}"

    def mark(self, label: str) -> None:
        """The place of a label."""
        self.lines.append(Line(f"{label}:"))

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
        text = f"{PLACE}{self.files.index(span.file) + 1} {span.line} {span.column + 1}"
        source = linecache.getline(span.file, span.line).strip()
        comment = f"\n\t// {source.encode('ascii', 'replace').decode()}" if source else ""
        self.lines.append(Line(text + comment))
