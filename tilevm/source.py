"""Places in source text, and the one error that carries them."""

from __future__ import annotations

import linecache
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from unicodedata import combining, east_asian_width


@dataclass(frozen=True)
class Span:
    """A stretch of source on one line or more.

    Lines count from 1, columns from 0 in characters; ``end_column`` is exclusive. ``caller`` is the call
    that inlined this code, so a chain of spans leads from a helper function out to the kernel.
    """

    file: str
    line: int
    column: int
    end_line: int
    end_column: int
    function: str = ""
    caller: Span | None = None

    def __str__(self) -> str:
        return f"{display_path(self.file)}:{self.line}:{self.column + 1}"

    def called_from(self, caller: Span | None) -> Span:
        """This span, seen through the call at ``caller``."""
        return replace(self, caller=caller)

    def chain(self) -> Iterator[Span]:
        """The calls that led here, innermost first."""
        span = self.caller
        while span is not None:
            yield span
            span = span.caller


@dataclass(frozen=True)
class Note:
    """A remark beside an error; with a span it shows another place."""

    message: str
    span: Span | None = None


class TileError(Exception):
    """Everything a user can get wrong: message, place, notes and the mend.

    ``str(error)`` is the whole page: the message, an excerpt with a caret, the chain of calls, the notes and
    the help line. Faults of the compiler itself are assertions, never this.
    """

    def __init__(
        self, message: str, span: Span | None = None, notes: Sequence[Note] = (), help: str | None = None
    ) -> None:
        self.message, self.span, self.notes, self.help = message, span, tuple(notes), help
        super().__init__(message)

    def __str__(self) -> str:
        return render(self)


def display_path(file: str) -> str:
    """``file`` relative to the working directory where that is shorter."""
    if file.startswith("<"):
        return file
    try:
        relative = os.path.relpath(file)
    except ValueError:  # another drive on Windows
        return file
    return relative if len(relative) < len(file) else file


def render(error: TileError) -> str:
    """The page a person reads."""
    lines = [f"error: {error.message}"]
    if error.span:
        lines += located(error.span, "^")
    for note in error.notes:
        lines.append(f"note: {note.message}")
        if note.span:
            lines += located(note.span, "-")
    if error.help:
        lines.append(f"help: {error.help}")
    return "\n".join(lines)


def located(span: Span, mark: str) -> list[str]:
    """A place, its excerpt, and the calls that led to it."""
    lines = [f"  --> {span}", *excerpt(span, mark)]
    for call in span.chain():
        lines += [f"  called from {call}", *excerpt(call, "-")]
    return lines


def excerpt(span: Span, mark: str) -> list[str]:
    """The first line of a span with marks under it; empty when the source cannot be read."""
    linecache.checkcache(span.file)
    text = linecache.getline(span.file, span.line).rstrip("\n").replace("\t", " ")  # one column each
    if not text:
        return []
    last = span.end_column if span.end_line == span.line else len(text)
    gutter = len(str(span.line))
    before, under = width(text[: span.column]), max(1, width(text[span.column : last]))
    return [
        f" {' ' * gutter} |",
        f" {span.line} | {text}",
        f" {' ' * gutter} | {' ' * before}{mark * under}",
    ]


def width(text: str) -> int:
    """Columns that ``text`` takes in a terminal."""
    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def nearest(word: str, known: Sequence[str]) -> str | None:
    """The known word that ``word`` most likely meant, if one is near."""
    ranked = sorted((distance(word, k), k) for k in known)
    return ranked[0][1] if ranked and ranked[0][0] <= max(1, len(word) // 3) else None


def distance(a: str, b: str) -> int:
    """How many edits lead from one word to the other; two neighbours that change places are one (Damerau)."""
    before, last, row = list[int](), list[int](), list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, last, row = last, row, [i]
        for j, y in enumerate(b, 1):
            row.append(min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x != y)))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                row[j] = min(row[j], before[j - 2] + 1)
    return row[-1]
