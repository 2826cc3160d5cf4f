"""A call of a kernel, taken apart: which values are arguments, which are constants, how to launch."""

from __future__ import annotations

import inspect
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import FunctionType
from typing import Any, NamedTuple

from tilevm.source import TileError, nearest

from .captures import follow
from .memory import Pointer
from .parameters import constexprs
from .values import describe, plain, usable
from .watch import mark


class Options(NamedTuple):
    """What the reserved keywords say that decides the code."""

    num_warps: int = 4
    target: str | None = None
    device: str | None = None


RESERVED = (*Options._fields, "stream")


class Call(NamedTuple):
    """Run-time values in the order of the parameters; compile-time ones by name, and comparable.

    ``stream``: what orders the launch on a card; None for what is current there.
    """

    values: Sequence[Any]
    constants: Mapping[str, object]
    mark: Hashable
    options: Options
    stream: object = None


@dataclass(frozen=True)
class Parameters:
    """The parameters of a kernel, in order: which are compile-time, which pointers, what stands for those left out."""

    kernel: str
    names: tuple[str, ...]
    constexprs: frozenset[str]
    pointers: frozenset[str]
    defaults: Mapping[str, object]

    @classmethod
    def of(cls, function: FunctionType) -> Parameters:
        """Raises TileError where a parameter cannot be one of a kernel."""
        found = inspect.signature(function, follow_wrapped=False).parameters.values()
        for param in found:
            if param.kind in (param.VAR_POSITIONAL, param.VAR_KEYWORD):
                raise TileError(
                    f"{function.__name__}: a kernel has no * parameters such as {param.name}",
                    help="name each parameter",
                )
            if param.name in RESERVED:
                raise TileError(
                    f"{function.__name__} has a parameter {param.name}, a word that launches use themselves",
                    help=f"call it otherwise; reserved are {', '.join(RESERVED)}",
                )
        defaults = {p.name: p.default for p in found if p.default is not p.empty}
        pointers = frozenset(p.name for p in found if is_pointer(p.annotation, function))
        return cls(function.__name__, tuple(p.name for p in found), constexprs(function), pointers, defaults)

    @cached_property
    def runtime(self) -> tuple[str, ...]:
        """The parameters that are known only when the kernel runs."""
        return tuple(n for n in self.names if n not in self.constexprs)

    @cached_property
    def usual(self) -> Call | None:
        """Calls that give every run-time value by position and nothing else; None where the order forbids them."""
        if self.names[: len(self.runtime)] != self.runtime or not self.constexprs <= self.defaults.keys():
            return None
        return Call((), *self.constants({}), Options())

    def sort(self, args: Sequence[Any], keywords: Mapping[str, Any]) -> Call:
        """A call's values. Raises TileError for those missing, unknown, given twice or too many."""
        if not keywords and len(args) == len(self.runtime) and self.usual is not None:
            return self.usual._replace(values=args)
        options = {n: v for n, v in keywords.items() if n in Options._fields}
        given = self.by_name(args, {n: v for n, v in keywords.items() if n not in RESERVED})
        values = [given[n] if n in given else self.default(n) for n in self.runtime]
        return Call(values, *self.constants(given), launch_options(options), keywords.get("stream"))

    def by_name(self, args: Sequence[Any], keywords: Mapping[str, Any]) -> dict[str, Any]:
        if len(args) > len(self.names):
            takes = f"{len(self.names)} parameters ({', '.join(self.names)})"
            raise TileError(f"{self.kernel} has {takes}, and {len(args)} values are given", help="leave out the others")
        given = dict(zip(self.names, args, strict=False))
        for name, value in keywords.items():
            if name not in self.names:
                raise self.unknown(name)
            if name in given:
                raise TileError(f"{self.kernel}: {name} is given twice, by position and by name", help="leave one out")
            given[name] = value
        return given

    def unknown(self, name: str) -> TileError:
        near = nearest(name, [*self.names, *RESERVED])
        known = f"its parameters are {', '.join(self.names)}; launches take {', '.join(RESERVED)}"
        return TileError(f"{self.kernel} has no parameter {name}", help=f"did you mean {near!r}?" if near else known)

    def default(self, name: str) -> Any:
        if name not in self.defaults:
            kind = "compile-time parameter" if name in self.constexprs else "argument"
            raise TileError(f"{self.kernel} needs its {kind} {name}", help=f"give it by position, or as {name}=…")
        return self.defaults[name]

    def constants(self, given: Mapping[str, Any]) -> tuple[dict[str, object], Hashable]:
        """The compile-time values, and what compares equal only where all of them mean the same."""
        found = {n: plain(given[n] if n in given else self.default(n)) for n in self.names if n in self.constexprs}
        for name, value in found.items():
            if not usable(value):
                raise TileError(
                    f"{self.kernel}: the compile-time parameter {name} is {describe(value)}, which may change",
                    help="compile-time values are numbers, strings, dtypes, functions, and tuples of these",
                )
        return found, tuple(map(mark, found.values()))


def launch_options(given: Mapping[str, Any]) -> Options:
    """The reserved keywords, checked as far as their own values tell."""
    options = Options(**given)
    warps = options.num_warps
    if isinstance(warps, bool) or not isinstance(warps, int) or not 1 <= warps <= 32:
        raise TileError(f"num_warps is {warps!r}", help="give a number of warps from 1 to 32, such as 4")
    for word in ("target", "device"):
        value = getattr(options, word)
        if value is not None and not isinstance(value, str):
            raise TileError(f"{word} is {value!r}", help=f'give its name, as in {word}="cpu"')
    return options


def is_pointer(annotation: object, function: FunctionType) -> bool:
    """Whether an annotation is ``tv.Pointer``, as an object or as text."""
    if isinstance(annotation, str):
        return follow(function, tuple(annotation.split("."))) is Pointer
    return annotation is Pointer
