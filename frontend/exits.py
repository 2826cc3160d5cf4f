"""How control leaves a place before its end: flags kept beside the names, under words that no name can have.

``break``, ``continue`` and ``return`` set a flag: False, True, or a run-time bool where only some runs leave. A
branch or a loop hands flags on as it hands on names, so early exits need no instruction of their own.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tilevm.ir import Value

BREAK, CONTINUE, RETURN = FLAGS = ("break", "continue", "return")
GONE = "is not reached"  # True where no run goes on: every one has left, by whichever way
SOME = None  # a flag that some runs have set, and at which nobody will look
RESULT = "return value"
HIDDEN = frozenset((*FLAGS, GONE, RESULT))
STAYS: Mapping[str, object] = dict.fromkeys((*FLAGS, GONE), False)
STATEMENTS = (ast.Break, ast.Continue, ast.Return)


@dataclass(frozen=True)
class Target:
    """What a ``break`` and a ``continue`` of a loop lead to: the names that are read from there on."""

    after: frozenset[str]
    again: frozenset[str]


def flag(names: Mapping[str, object], which: str) -> object:
    """False, True, a run-time bool, or :data:`SOME`."""
    return names.get(which, False)


def gone(names: Mapping[str, object]) -> bool:
    """Whether no run goes on from here."""
    return flag(names, GONE) is True


def perhaps(names: Mapping[str, object]) -> dict[str, Value]:
    """The flags that only a run can tell."""
    return {f: v for f in FLAGS if isinstance(v := flag(names, f), Value)}


def leaves(names: Mapping[str, object]) -> bool:
    """Whether some run may have left before here."""
    return any(flag(names, f) is not False for f in (*FLAGS, GONE))


def holds_exit(statements: Iterable[ast.stmt]) -> bool:
    """Whether the text of ``statements`` holds a break, a continue or a return."""
    return any(isinstance(n, STATEMENTS) for s in statements for n in ast.walk(s))
