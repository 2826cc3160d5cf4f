"""What a kernel reads from outside itself: part of what decides whether compiled code may be used again."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType

from tilevm.layout import Layout

from .function import is_helper
from .reading import assigned, in_order, parameter_names, plain_function, read
from .scope import UNBOUND, resolve
from .values import plain, usable


def captured(function: Callable[..., object]) -> dict[str, object]:
    """The globals, closure variables and module attributes that ``function`` may read, with their present values.

    Helpers marked ``@tv.function`` are values as well, and what they read and their defaults are included. A name
    is written ``module.function:name``. Nothing is traced; branches that will not be taken count too. Functions
    handed over as compile-time arguments are not known here: call this on them as well.
    """
    found: dict[str, object] = {}
    pending = [plain_function(function)]
    seen = set(pending)
    while pending:
        current = pending.pop()
        for name, value in read_by(current):
            if is_constant(value):
                found[f"{current.__module__}.{current.__qualname__}:{name}"] = value
            new = [h for h in helpers(value) if h not in seen]
            seen.update(new)
            pending += new
    return dict(sorted(found.items()))


def read_by(function: FunctionType) -> Iterator[tuple[str, object]]:
    """What one function reads, under the names it uses; and its defaults."""
    tree = read(function).tree
    local = {*parameter_names(function), *assigned(tree.body)}
    for node in (n for s in tree.body for n in in_order(s)):
        chain = dotted(node)
        if chain and chain[0] not in local:
            value = follow(function, chain)
            if value is not UNBOUND:
                yield ".".join(chain), plain(value)
    yield from defaults(function).items()


def defaults(function: FunctionType) -> dict[str, object]:
    """What stands for parameters that a call leaves out."""
    names, values = function.__code__.co_varnames[: function.__code__.co_argcount], function.__defaults__ or ()
    last = zip(names[len(names) - len(values) :], values, strict=True)
    return {name: plain(value) for name, value in (*last, *(function.__kwdefaults__ or {}).items())}


def dotted(node: ast.AST) -> tuple[str, ...]:
    """The names of ``a.b.c``; empty for anything else."""
    if isinstance(node, ast.Name):
        return (node.id,)
    inner = dotted(node.value) if isinstance(node, ast.Attribute) else ()
    return (*inner, node.attr) if inner and isinstance(node, ast.Attribute) else ()


def follow(function: FunctionType, chain: tuple[str, ...]) -> object:
    """The value at the end of a chain that leads through modules, or UNBOUND."""
    value = resolve(function, chain[0])
    for name in chain[1:]:
        value = getattr(value, name, UNBOUND) if isinstance(value, ModuleType) else UNBOUND
    return value


def helpers(value: object) -> Iterator[FunctionType]:
    """The helpers that a value is or holds."""
    if isinstance(value, FunctionType) and is_helper(value):
        yield value
    elif isinstance(value, tuple):
        for part in value:
            yield from helpers(part)


def is_constant(value: object) -> bool:
    """Whether the value itself decides what is compiled; modules and the language's own names do not."""
    if isinstance(value, tuple):
        return all(map(is_constant, value))
    return (
        usable(value)
        and (is_helper(value) or not callable(value) or isinstance(value, Layout))
        and not isinstance(value, ModuleType)
    )
