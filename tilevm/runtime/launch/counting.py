"""Grids that are functions, as callers write them anew at every call: what decides the counts that they give."""

from __future__ import annotations

import builtins
import math
import sys
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import replace
from types import BuiltinFunctionType, CellType, FunctionType, ModuleType
from typing import Any

from tilevm.runtime.grid import trace_grid
from tilevm.runtime.launch.reads import Chain, reads, writes
from tilevm.runtime.launch.sketch import Call, Watched
from tilevm.source import TileError
from tilevm.types import DType

PLAIN = frozenset({int, float, bool, str, type(None)})
FACE, LANGUAGE = "tilevm", "tilevm.frontend.language"
NAMES = "abs all any bool divmod enumerate float int len list max min pow range reversed round sorted sum tuple zip"
PURE = frozenset(  # what gives the same for the same arguments, and does not tell an expression from a number
    [getattr(builtins, name) for name in NAMES.split()]
    + [function for function in vars(math).values() if isinstance(function, BuiltinFunctionType)]
)


def recipe(grid: Any) -> Hashable | None:
    """What is alike of two functions that give the same counts for the same call: code, module, defaults, and what they
    close over. None where more decides. The code is told by its address, as a function written anew has the very same
    one: to compare codes by content takes microseconds. Whoever keeps the answer keeps the function.
    """
    if type(grid) is not FunctionType:
        return None
    held = [*(grid.__defaults__ or ()), *(grid.__kwdefaults__ or {}).values()]
    try:
        held += [cell.cell_contents for cell in grid.__closure__ or ()]
    except ValueError:  # not bound yet
        return None
    kinds = tuple(map(type, held))
    return (id(grid.__code__), id(grid.__globals__), kinds, *held) if PLAIN.issuperset(kinds) else None


def frozen(grid: Any) -> Any:
    """A function as it is now: what it closes over and its defaults stay, whatever its maker does with them. What is no
    plain function is given back as it is, and so is one that itself changes what it closes over."""
    if type(grid) is not FunctionType or (grid.__closure__ and writes(grid.__code__)):
        return grid
    cells = tuple(map(held, grid.__closure__ or ()))
    made = FunctionType(grid.__code__, grid.__globals__, grid.__name__, grid.__defaults__, cells)
    made.__kwdefaults__ = None if grid.__kwdefaults__ is None else {**grid.__kwdefaults__}
    made.__dict__.update(grid.__dict__)  # where decorators leave the signature
    return made


def held(cell: CellType) -> CellType:
    """Another cell with what this one holds now; the same where it is not bound yet."""
    try:
        return CellType(cell.cell_contents)
    except ValueError:
        return cell


def watched(grid: FunctionType) -> list[Watched] | None:
    """The names from outside that such a function reads, with their values; None where it reads what may change, or
    does more than read and compute."""
    chains = reads(grid.__code__)
    if chains is None or type(grid.__globals__) is not dict:
        return None
    found = [followed(grid, chain) for chain in chains]
    return None if None in found else list(unique(step for route in found for step in route or ()))


def followed(grid: Any, chain: Chain) -> list[Watched] | None:
    """Each name of a chain: in the module of ``grid`` or among Python's own, then in the module before. None where it
    leads to what may change, or through what answers for itself."""
    first, *names = chain
    space = grid.__globals__
    found = [Watched(space, first, space.get(first))]
    value = space[first] if first in space else grid.__builtins__.get(first)
    for name in names:
        if constant(value):  # and all of its attributes
            return found
        if value is sys.modules[FACE] and own(getattr(value, name, None)):
            value = getattr(value, name)
        elif type(value) is ModuleType and name in vars(value):
            found.append(Watched(vars(value), name, vars(value)[name]))
            value = vars(value)[name]
        else:
            return None
    return found if constant(value) or own(value) or pure(value) else None


def constant(value: object) -> bool:
    return type(value) in PLAIN or type(value) is DType


def own(value: object) -> bool:
    """Whether a value is one of the language: what its functions give in Python depends on their arguments alone."""
    function = type(value) is FunctionType and value.__globals__.get("__name__") == LANGUAGE
    return function or type(value) is DType


def pure(value: object) -> bool:
    return type(value) in (BuiltinFunctionType, type) and value in PURE


def unique(steps: Iterable[Watched]) -> Iterator[Watched]:
    """Without those that stand at a place once more."""
    return iter({(id(step.where), step.key): step for step in steps}.values())


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
