"""Whatever a user writes, compiling gives verified IR or a TileError at a place: nothing else escapes."""

from __future__ import annotations

import contextlib
import io
import linecache
import math
import os
import warnings
from collections import Counter
from random import Random, SystemRandom
from typing import Any

import pytest
from hypothesis import find, given, seed, settings

import tilevm as tv
from tests.conftest import TEST_ALL
from tests.frontend.nonsense import BEGIN, functions
from tests.frontend.types_of import traced
from tilevm.passes import run_passes
from tilevm.source import TileError, render

CHUNKS = 20
EACH = 5000 if TEST_ALL else 500
FILE = "<nonsense>"
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
    """Many chunks, so that processes share them; each has functions of its own."""
    outcomes: Counter[bool] = Counter()

    @seed(f"{BASE}{chunk}")
    @settings(max_examples=EACH)
    @given(functions())
    def survives(text: str) -> None:
        outcomes[one(text)] += 1

    survives()
    assert outcomes[True] > 0, "not one of these functions compiles: they are too nonsensical"
    assert outcomes.total() >= EACH


def one(text: str) -> bool:
    """Whether a function compiles; if not, it gives a TileError that points into its text."""
    lines = text.splitlines(keepends=True)
    linecache.cache[FILE] = (len(text), None, lines, FILE)
    names = dict(NAMES)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        exec(compile(text, FILE, "exec"), names)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            run_passes(traced(names["kernel"]))
    except TileError as error:
        spans = [error.span, *error.span.chain()] if error.span else []
        assert spans, f"{error.message} has no place"
        first = names["kernel"].__code__.co_firstlineno
        assert first < spans[-1].line <= len(lines) and spans[-1].column <= len(lines[spans[-1].line - 1]), error
        assert "\n" in render(error)
        return False
    finally:
        del linecache.cache[FILE]
    return True


@pytest.mark.parametrize("word", ["while", "enumerate(", " in zip("])
def test_functions_that_fail_shrink(word: str) -> None:
    """Of all functions with something in them, the one shown has little else."""
    found = find(functions(), lambda text: word in text, settings=settings(max_examples=5000), random=Random(0))
    assert len(found.splitlines()) <= len(("def", *BEGIN, "if flag:", "    for k in range(n):", "        t = t")), found
