"""Values outside a kernel that decide what is compiled, looked at again on every call."""

from __future__ import annotations

import ast
from collections.abc import Hashable, Iterable
from functools import lru_cache
from types import FunctionType, ModuleType

from tilevm.layout import Layout
from tilevm.runtime.launch.sketch import Watched

from .captures import defaults, dotted, follow, helpers
from .function import is_helper
from .reading import assigned, in_order, parameter_names, read
from .scope import UNBOUND

FACE = "tilevm"
Place = tuple[FunctionType, tuple[str, ...]]  # a function and the dotted name that it reads


def places(roots: Iterable[FunctionType]) -> tuple[Place, ...]:
    """What ``roots`` and the helpers they call read from outside themselves."""
    pairs = ((f, chain) for f in reached(roots) for chain in outer_names(f))
    return tuple((f, chain) for f, chain in pairs if decides(f, chain, follow(f, chain)))


def reached(roots: Iterable[FunctionType]) -> tuple[FunctionType, ...]:
    """``roots`` and the helpers that they call by name, or by a parameter's default; and those that these call."""
    found = dict.fromkeys(roots)
    pending = list(found)
    while pending:
        current = pending.pop()
        values = (*(follow(current, chain) for chain in outer_names(current)), *defaults(current).values())
        new = [h for value in values for h in helpers(value) if h not in found]
        found |= dict.fromkeys(new)
        pending += new
    return tuple(found)


def outer_names(function: FunctionType) -> tuple[tuple[str, ...], ...]:
    """Each dotted name in the body of ``function`` that does not begin with a local."""
    return free_names(read(function).tree, parameter_names(function))


@lru_cache(maxsize=256)
def free_names(tree: ast.FunctionDef, parameters: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Each dotted name in the body of ``tree`` that begins with none of its parameters or variables."""
    local = {*parameters, *assigned(tree.body)}
    chains = dict.fromkeys(dotted(node) for statement in tree.body for node in in_order(statement))
    return tuple(c for c in chains if c and c[0] not in local)


def decides(function: FunctionType, chain: tuple[str, ...], value: object) -> bool:
    """Whether code may change with the value.

    Functions that a module defines do not change, builtins neither; but a name may come to mean another module.
    """
    own = chain[0] in function.__globals__ or chain[0] in function.__code__.co_freevars
    if not own or value is UNBOUND:
        return False
    return len(chain) == 1 or is_helper(value) or isinstance(value, Layout) or not callable(value)


def marks(watched: Iterable[Place]) -> tuple[Hashable, ...]:
    """What now stands at these places, comparable."""
    return tuple([mark(follow(function, chain)) for function, chain in watched])  # each launch does this


def mark(value: object) -> Hashable:
    """``value`` so that only values of one meaning are equal: 1, 1.0 and True differ, 0.0 and -0.0 too."""
    if isinstance(value, tuple):
        return tuple, *map(mark, value)
    if isinstance(value, float):
        return type(value), value.hex()
    return type(value), value if isinstance(value, Hashable) else id(value)


def guards(watched: Iterable[Place]) -> list[Watched] | None:
    """Where these values stand, name by name, for native code to look at; None where that is not for it to see."""
    found: dict[tuple[int, str], Watched] = {}
    for function, chain in watched:
        steps = list(route(function, chain))
        if len(steps) != len(chain):
            return None
        found |= {(id(step.where), chain[n]): step for n, step in enumerate(steps)}
    return list(found.values())


def route(function: FunctionType, chain: tuple[str, ...]) -> Iterable[Watched]:
    """Each name of a chain: in the closure or the module of ``function``, then in the module before. It ends before a
    name that stands nowhere, such as one that a module makes when it is asked, or a module of a class of its own may;
    tilevm's own do not change."""
    if chain[0] in function.__code__.co_freevars:
        cell = (function.__closure__ or ())[function.__code__.co_freevars.index(chain[0])]
        value = cell.cell_contents
        yield Watched(cell, None, value)
    elif chain[0] in function.__globals__:
        value = function.__globals__[chain[0]]
        yield Watched(function.__globals__, chain[0], value)
    else:
        return
    for name in chain[1:]:
        space = vars(value) if type(value) is ModuleType else {}
        if name not in space and getattr(value, "__name__", None) != FACE:
            return
        yield Watched(space, name, space.get(name))
        value = getattr(value, name)
