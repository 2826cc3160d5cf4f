"""What a name means in a kernel: a local, then the function's closure, its module, Python's builtins."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from types import FunctionType

from tilevm.source import nearest

from .dispatch import expression
from .exits import HIDDEN
from .frame import Frame
from .values import Missing, describe, plain, usable

UNBOUND = object()


@expression.rule(ast.Name)
def name(node: ast.Name, frame: Frame) -> object:
    found = frame.names.get(node.id)
    if isinstance(found, Missing):
        raise frame.error(f"{node.id} has no value here", notes=found.notes(), help=found.help)
    if node.id in frame.names:
        if isinstance(found, tuple):
            frame.looked[id(found)] = found
        return found
    if node.id in frame.locals:
        raise frame.error(
            f"{node.id} is used before it is assigned",
            help=f"{node.id} is assigned further down, which makes it a local name; give it a value first",
        )
    return visible(node.id, frame)


def visible(name: str, frame: Frame) -> object:
    """The compile-time value of a name from outside the function."""
    found = resolve(frame.function, name)
    if found is UNBOUND:
        near = nearest(name, known(frame))
        raise frame.error(f"no value is called {name}", help=f"did you mean {near}?" if near else None)
    if not usable(found):
        raise frame.error(
            f"{name} is {describe(found)}, which a kernel cannot read from outside: it may change after compiling",
            help=way_in(found),
        )
    return plain(found)


def resolve(function: FunctionType, name: str) -> object:
    """The object behind a name that is not local to ``function``, or UNBOUND."""
    code = function.__code__
    if name in code.co_freevars:
        cell = (function.__closure__ or ())[code.co_freevars.index(name)]
        return next(contents(cell), UNBOUND)
    if name in function.__globals__:
        return function.__globals__[name]
    return getattr(builtins, name, UNBOUND)


def contents(cell: object) -> Iterator[object]:
    """What a closure's cell holds, if it is bound yet."""
    try:
        yield cell.cell_contents  # type: ignore[attr-defined]
    except ValueError:
        return


def known(frame: Frame) -> list[str]:
    """Every name that could have been meant."""
    local = [n for n, v in frame.names.items() if not isinstance(v, Missing) and n not in HIDDEN]
    return [*local, *frame.function.__code__.co_freevars, *frame.function.__globals__, *dir(builtins)]


def way_in(value: object) -> str:
    """How to bring an object into a kernel."""
    if isinstance(value, list | set | frozenset):
        return "make it a tuple"
    if hasattr(value, "__dlpack__") or hasattr(value, "__array_interface__"):
        return "pass it to the kernel as an argument: a parameter annotated tv.Tensor"
    if isinstance(value, dict):
        return "give its entries names of their own, or pass them as tv.constexpr parameters"
    return "pass what the kernel needs of it as a tv.constexpr parameter"
