"""Mutants that nothing catches, as files list them: what was done, where, how often, and why nothing can come of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

UNKNOWN = "?"  # in place of a reason that nobody has given yet
NONE = "nothing survives"


@dataclass(frozen=True, order=True)
class Survivor:
    """A mutation of ``code``, registers and values without their numbers; ``origin``: the line of the program."""

    kind: str
    origin: str
    code: str


@dataclass(frozen=True)
class Listed:
    """How many mutants alike survive, and why."""

    count: int
    reason: str


def survivor(kind: str, origin: str, code: str) -> Survivor:
    """What stays the same when registers, values and addresses change their numbers."""
    plain = re.sub(r"(%[a-z]+)\d+", r"\1", re.sub(r"%\d+", "%", code.strip()))
    return Survivor(kind, origin or "-", re.sub(r"\+\d+\]", "+n]", plain))


def read(path: Path) -> dict[Survivor, Listed]:
    """What a file lists; nothing where there is none."""
    found = {}
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    for part in text.split("\n\n"):
        if part.strip() not in ("", NONE):
            head, origin, code, reason = (line.strip() for line in part.strip().split("\n"))
            kind, _, count = head.rpartition(" x ")
            found[Survivor(kind, origin, code)] = Listed(int(count), reason)
    return found


def written(counts: Mapping[Survivor, int], before: Mapping[Survivor, Listed]) -> str:
    """The file for ``counts``, with the reasons that it had ``before``."""
    parts = []
    for one, count in sorted(counts.items()):
        reason = before[one].reason if one in before else UNKNOWN
        parts.append(f"{one.kind} x {count}\n  {one.origin}\n  {one.code}\n  {reason}\n")
    return "\n".join(parts) or NONE


def unlisted(counts: Counter[Survivor], listed: Mapping[Survivor, Listed]) -> list[str]:
    """Survivors of a sample that the file does not have, or not as often."""
    return [f"{one}: {n}" for one, n in counts.items() if one not in listed or listed[one].count < n]
