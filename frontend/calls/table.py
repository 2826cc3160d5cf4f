"""The table from a language object to what it does, and the binding of arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import FunctionType
from typing import Any, TypeVar

from tilevm.ir.build import Builder
from tilevm.source import TileError

from ..frame import Frame

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Row:
    """A language object, the name users know it by, and the function that gives it meaning.

    The implementation takes the builder, then what the language object takes; a ``framed`` one, which traces a
    function that it is given, takes the frame in place of the builder.
    """

    target: object
    name: str
    implementation: Callable[..., object]
    framed: bool = False

    @cached_property
    def signature(self) -> inspect.Signature:
        """What a call may pass, read from the implementation."""
        whole = inspect.signature(self.implementation)
        return whole.replace(parameters=list(whole.parameters.values())[1:])

    def usage(self) -> str:
        """The call as documentation writes it."""
        words = [spelled(p) for p in self.signature.parameters.values() if p.name not in ("self", "_")]
        return f"{self.name}({', '.join(words)})"

    def call(self, frame: Frame, args: Sequence[object], kwargs: Mapping[str, object]) -> object:
        """Call the implementation from a place in a kernel."""
        return self.invoke(frame if self.framed else frame.builder, args, kwargs)

    def invoke(self, here: Builder | Frame, args: Sequence[object], kwargs: Mapping[str, object]) -> object:
        """Call the implementation. Raises TileError for arguments that do not bind."""
        try:
            bound = self.signature.bind(*args, **kwargs)
        except TypeError as fault:
            span = (here.builder if isinstance(here, Frame) else here).span
            raise TileError(f"{self.name}: {fault}", span, help=f"it is called as {self.usage()}") from None
        return self.implementation(here, *bound.args, **bound.kwargs)


ROWS: dict[int, Row] = {}  # by identity: what a kernel calls may not be hashable


def implements(target: object, name: str = "", framed: bool = False) -> Callable[[F], F]:
    """Decorates the implementation of a language function, method, property or Python builtin."""

    def add(fn: F) -> F:
        assert id(target) not in ROWS, f"{target} is implemented twice"
        ROWS[id(target)] = Row(target, name or user_name(target), fn, framed)
        return fn

    return add


def implements_property(owner: type, name: str) -> Callable[[F], F]:
    """Decorates the implementation of a property of a language class."""
    return implements(vars(owner)[name].fget, f".{name}")


def find(target: object) -> Row | None:
    """The row of an object, if it has one."""
    return ROWS.get(id(target))


def user_name(target: object) -> str:
    """How users write it: ``tv.sum``, ``.load``, ``max``."""
    name: str = getattr(target, "__name__", "")
    if not isinstance(target, FunctionType):
        return name
    return f".{name}" if "." in target.__qualname__ else f"tv.{name}"


def spelled(parameter: inspect.Parameter) -> str:
    star = "*" if parameter.kind is inspect.Parameter.VAR_POSITIONAL else ""
    default = "" if parameter.default is inspect.Parameter.empty else f"={parameter.default!r}"
    return f"{star}{parameter.name}{default}"
