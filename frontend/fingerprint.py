"""What decides the code that a kernel becomes, as text that is the same in every process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from types import BuiltinFunctionType, FunctionType, ModuleType

from tilevm.layout import Layout
from tilevm.types import DType

from .captures import defaults, follow, helpers
from .function import is_helper
from .reading import read
from .watch import Place, reached

Words = list[str]


class Unstable(Exception):
    """Something decides the code of which nothing lasting can be said."""


def fingerprint(
    kernel: FunctionType, watched: Iterable[Place], constants: Mapping[str, object], *others: object
) -> str | None:
    """The sources of a kernel and its helpers, the values that they read, the constants, and ``others`` by ``repr``.

    None where a value is of a kind that another process could not compare with its own.
    """
    functions = reached([kernel, *(h for v in constants.values() for h in helpers(v))])
    try:
        words = [word for function in functions for word in of_function(function)]
        words += [f"{function.__qualname__}:{'.'.join(c)}={token(follow(function, c))}" for function, c in watched]
        words += [f"{name}={token(value)}" for name, value in constants.items()]
    except Unstable:
        return None
    return "\0".join([*words, *map(repr, others)])


def of_function(function: FunctionType) -> Words:
    """Where a function stands, its text, and its defaults."""
    source = read(function)
    first = min([source.tree.lineno, *(d.lineno for d in source.tree.decorator_list)])
    text = "".join(source.lines[first - 1 : source.tree.end_lineno])
    return [f"{source.file}:{first}", text, *(f"{name}={token(value)}" for name, value in defaults(function).items())]


def token(value: object) -> str:
    """A value as text: equal only for values of one meaning. Raises Unstable where there is none."""
    if isinstance(value, tuple):
        return f"({', '.join(map(token, value))})"
    if value is None or isinstance(value, bool | int | float | str | DType):
        return f"{type(value).__name__} {value!r} {fields_of(value)}"
    if isinstance(value, Layout):
        return f"layout {value}"
    if isinstance(value, FunctionType) and is_helper(value):
        return f"helper {value.__module__}.{value.__qualname__} {read(value).tree.lineno}"
    if isinstance(value, FunctionType | BuiltinFunctionType | type):
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, ModuleType):
        return f"module {value.__name__}"
    raise Unstable


def fields_of(value: object) -> str:
    """All that a dtype holds: two of them may share a name."""
    return ", ".join(f"{f.name}={getattr(value, f.name)}" for f in fields(value)) if isinstance(value, DType) else ""
