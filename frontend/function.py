"""The mark of helper functions: kernels inline what bears it."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any, TypeVar
from weakref import WeakSet

from tilevm.source import TileError

from .reading import keep_lines

F = TypeVar("F", bound=Callable[..., Any])

HELPERS: WeakSet[Any] = WeakSet()


def function(helper: F) -> F:
    """Lets kernels call ``helper``: its body is inlined at every call. Elsewhere it stays a Python function.

    Compile-time arguments (numbers, dtypes, functions, …) stay so inside. It may return anywhere; where a
    run-time condition decides, every return gives values of the same types.
    """
    if not isinstance(helper, FunctionType):
        raise TileError(
            f"@tv.function marks a function written with def, not a {type(helper).__name__}", help="put it above a def"
        )
    HELPERS.add(helper)
    keep_lines(helper)
    return helper


def is_helper(candidate: object) -> bool:
    """Whether :func:`function` has marked it."""
    return isinstance(candidate, FunctionType) and candidate in HELPERS
