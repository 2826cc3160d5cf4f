"""The driver's functions, each call checked: a result other than 0 is a TileError that says what it means."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any

from tilevm.optional import require
from tilevm.source import Note, TileError

from .codes import MEANINGS, Meaning

OLDEST = 11080  # which launches with attributes, and reads PTX 7.8
MODULE = "cuda.bindings.driver"
UNNAMED = re.compile(r"(\d+) is not a valid CUresult")  # how the package tells of a result that it has no name for


class CudaError(TileError):
    """A call of the driver that failed; ``code`` is its result."""

    def __init__(self, code: int, message: str, notes: tuple[Note, ...] = (), help: str | None = None) -> None:
        self.code = code
        super().__init__(message, notes=notes, help=help)


@cache
def bindings() -> ModuleType:
    """cuda-python's functions of the driver. Raises TileError where the package is not installed."""
    return require(MODULE, "a device of CUDA", "cuda")


@cache
def driver() -> ModuleType:
    """The same, with the driver running.

    Raises TileError where there is no driver, it does not start, or it is older than launches with attributes.
    """
    api = bindings()
    try:
        code, _ = result(api.cuInit, 0)
    except RuntimeError as error:  # of cuda.pathfinder: no libcuda
        raise TileError(
            "there is no driver of NVIDIA here",
            notes=[Note(str(error).partition(". ")[0])],
            help="install it where there is a card; device='emulator' runs the same PTX without one",
        ) from None
    if code:
        raise failure("cuInit", code, "the driver of CUDA does not start")
    found = version(api)
    if found < OLDEST:
        raise TileError(
            f"the driver is of CUDA {release(found)}, and tilevm needs {release(OLDEST)} or newer",
            help="install a newer driver; device='emulator' runs the same PTX without one",
        )
    return api


def version(api: ModuleType) -> int:
    """The CUDA that the driver is made for, as in 12040."""
    code, found = result(api.cuDriverGetVersion)
    if code:
        raise failure("cuDriverGetVersion", code, "the driver does not tell its version")
    return int(found)


def release(number: int) -> str:
    """A version as people write it."""
    return f"{number // 1000}.{number % 1000 // 10}"


def call(name: str, *arguments: Any, doing: str) -> Any:
    """What a function of the driver gives. ``doing``: what for, as in "memory for x on cuda:0"; errors begin with it.

    Raises CudaError where it fails.
    """
    code, given = attempt(name, *arguments)
    if code:
        raise failure(name, code, f"{doing} fails")
    return given


def attempt(name: str, *arguments: Any) -> tuple[int, Any]:
    """The result of a function of the driver, and what it gives where that is 0."""
    return result(getattr(driver(), name), *arguments)


def result(function: Callable[..., Any], *arguments: Any) -> tuple[int, Any]:
    """The same of a function of cuda-python."""
    try:
        found, *given = function(*arguments)
    except ValueError as error:
        if number := UNNAMED.match(str(error)):
            return int(number[1]), None
        raise
    return int(found), given[0] if len(given) == 1 else given


def failure(name: str, code: int, message: str, notes: tuple[Note, ...] = (), help: str | None = None) -> CudaError:
    """The error of a result. ``message`` says what could not be done; what the result means is added."""
    meaning = MEANINGS.get(code, Meaning(f"CUDA error {code}", "the driver does not say more", "see the CUDA manual"))
    notes = (Note(f"{name} gives {meaning.name} ({code})"), *notes)
    return CudaError(code, f"{message}: {meaning.text}", notes, help or meaning.mend)


@cache
def address(name: str) -> int:
    """Where a function of the driver is, for code that calls it without Python."""
    code, found = attempt("cuGetProcAddress", name.encode(), OLDEST, 0)
    where = found[0] if isinstance(found, list) else found
    if code or not where:
        raise failure("cuGetProcAddress", code or 500, f"the driver has no {name}")
    return int(where)
