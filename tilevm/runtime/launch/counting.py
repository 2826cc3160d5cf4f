"""Grids that are functions, as callers write them anew at every call: what decides the counts that they give."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import replace
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

from tilevm.runtime.grid import trace_grid
from tilevm.runtime.launch.sketch import Call, Watched
from tilevm.source import TileError

PLAIN = frozenset({int, float, bool, str, type(None)})
FACE = "tilevm"


def recipe(grid: Any) -> Hashable | None:
    """What is alike of two functions that give the same counts for the same call: code, defaults, and what they close
    over. None where more decides. The code is told by its address, as a function written anew has the very same one:
    to compare codes by content takes microseconds. Whoever keeps the answer keeps the function.
    """
    if type(grid) is not FunctionType:
        return None
    held = [*(grid.__defaults__ or ()), *(grid.__kwdefaults__ or {}).values()]
    try:
        held += [cell.cell_contents for cell in grid.__closure__ or ()]
    except ValueError:  # not bound yet
        return None
    kinds = tuple(map(type, held))
    return (id(grid.__code__), kinds, *held) if PLAIN.issuperset(kinds) else None


def watched(grid: FunctionType) -> list[Watched] | None:
    """The names from outside that such a function reads, with their values; None where it reads what may change, or has
    a function inside."""
    if any(isinstance(constant, CodeType) for constant in grid.__code__.co_consts):
        return None
    found = list(names(grid))
    return found if all(lasting(one.value) for one in found) else None


def names(grid: FunctionType) -> Iterator[Watched]:
    """Every name of its code in its module, and in the modules that it finds there."""
    space, used = grid.__globals__, grid.__code__.co_names
    for name in used:
        yield Watched(space, name, space.get(name))
        module = space.get(name)
        if isinstance(module, ModuleType) and module.__name__ != FACE:
            yield from (Watched(vars(module), n, vars(module)[n]) for n in used if n in vars(module))


def lasting(value: object) -> bool:
    """Whether a value is what it is: a number, a module, a function of Python's or tilevm's own."""
    ours = isinstance(value, FunctionType) and value.__module__.partition(".")[0] == FACE
    return ours or type(value) in PLAIN or isinstance(value, ModuleType | BuiltinFunctionType)


def counted(call: Call, grid: Any, symbols: Callable[[], Mapping[str, Any]]) -> Call | None:
    """The call with the counts of its grid, where that is a function of ``symbols``; None where it is one that native
    code cannot follow."""
    if not callable(grid):
        return call
    outside = watched(grid) if recipe(grid) is not None else None
    if outside is None:
        return None
    try:
        return replace(call, grid=trace_grid(grid, symbols()), watched=[*call.watched, *outside])
    except TileError:  # it does with numbers what expressions do not, such as compare them
        return None
