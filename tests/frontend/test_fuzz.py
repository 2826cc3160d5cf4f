"""Whatever a user writes, compiling gives verified IR or a TileError at a place: nothing else escapes."""

from __future__ import annotations

import contextlib
import io
import linecache
import math
import os
import warnings
from random import SystemRandom
from typing import Any

import pytest

import tilevm as tv
from tests.conftest import TEST_ALL
from tests.frontend.nonsense import Nonsense
from tests.frontend.types_of import traced
from tilevm.passes import run_passes
from tilevm.source import TileError, render

CHUNKS = 20
EACH = 5000 if TEST_ALL else 500
TOGETHER = 25  # functions in a module
BASE = "" if os.environ.get("CI") == "true" else f"{SystemRandom().randrange(2**32)}-"


@tv.function
def helper(x: Any, y: Any = 2) -> Any:
    return x * y


@tv.function
def early(x: Any, y: Any = 0) -> Any:
    for i in range(3):
        if i == y:
            return x
    return x + 1


NAMES: dict[str, Any] = {"tv": tv, "math": math, "helper": helper, "early": early, "K": 4, "LIST": [1], "TUPLE": (1, 2)}
NAMES["HELPERS"] = (helper, tv.exp)


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_nothing_else_escapes(chunk: int) -> None:
    compiled = sum(survives(f"{BASE}{chunk}-{number}") for number in range(EACH // TOGETHER))
    assert compiled > 0, "not one of these functions compiles: they are too nonsensical"


def survives(seed: str) -> int:
    """How many functions of a module compile; the others give an error that points into their text."""
    writer, file = Nonsense(seed), f"<nonsense {seed}>"
    text = "".join(writer.function(f"kernel{k}") for k in range(TOGETHER))
    lines = text.splitlines(keepends=True)
    linecache.cache[file] = (len(text), None, lines, file)
    names = dict(NAMES)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        exec(compile(text, file, "exec"), names)
    try:
        return sum(one(names[f"kernel{k}"], lines) for k in range(TOGETHER))
    finally:
        del linecache.cache[file]


def one(kernel: Any, lines: list[str]) -> bool:
    """Whether a function compiles. Whatever else it gives than a TileError is shown with the function."""
    first = kernel.__code__.co_firstlineno - 1
    end = next((k for k in range(first + 1, len(lines)) if lines[k].startswith("def ")), len(lines))
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            run_passes(traced(kernel))
    except TileError as error:
        spans = [error.span, *error.span.chain()] if error.span else []
        assert spans, f"{error.message} has no place\n{''.join(lines[first:end])}"
        last = spans[-1]
        assert first < last.line <= end and last.column <= len(lines[last.line - 1]), error
        assert "\n" in render(error)
        return False
    except Exception as fault:
        pytest.fail(f"{type(fault).__name__}: {fault}\n{''.join(lines[first:end])}")
    return True
