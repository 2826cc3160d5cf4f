"""``@tv.kernel``: a Python function that is compiled for what it is called with."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from functools import update_wrapper
from threading import RLock
from types import FunctionType
from typing import Any, NamedTuple, TypeVar, overload

from tilevm.backend import Argument
from tilevm.driver import choose, compile_func
from tilevm.runtime.arguments import Seen, read
from tilevm.runtime.compiled import Compiled
from tilevm.runtime.contract import Contract
from tilevm.runtime.grid import Grid, symbols, trace_grid
from tilevm.runtime.specialise import Specs, conforms, declared, specialise
from tilevm.signature import PointerSpec, Signature, TensorSpec, parse
from tilevm.source import TileError, nearest
from tilevm.types import Type

from .function import is_helper
from .parameters import constexprs, pointers
from .trace import trace
from .values import describe, plain, usable
from .watch import Place, mark, marks, places

F = TypeVar("F", bound=Callable[..., Any])


class Options(NamedTuple):
    """How to launch, as reserved keywords say it."""

    num_warps: int = 4
    target: str | None = None
    device: str | None = None
    stream: object = None


class Call(NamedTuple):
    """One call, taken apart: the run-time values in order, the compile-time ones, how to launch."""

    values: Sequence[Any]
    constants: Mapping[str, object]
    mark: Hashable  # of the constants
    options: Options


class Kernel:
    """``kernel(*args, **constexprs)`` compiles what is not compiled yet, and runs.

    ``kernel[grid](*args, num_warps=4, target=None, device=None, stream=None, **constexprs)`` says the grid too: one
    to three counts, or a function of dims, integer arguments and constants. Safe to call from many threads.
    """

    __wrapped__: FunctionType

    def __init__(self, function: FunctionType, signature: Signature, grid: Callable[..., Any] | None = None) -> None:
        update_wrapper(self, function)
        self.signature, self.grid = signature, grid
        self.params = parameters(function)
        self.constexprs = constexprs(function)
        self.runtime = tuple(n for n in self.params if n not in self.constexprs)
        self.specs = specs_of(self, signature)
        self.defaults = {n: plain(p.default) for n, p in self.params.items() if p.default is not p.empty}
        self._plain = Call((), *self._constants({}), Options())
        self._watched: dict[tuple[FunctionType, ...], tuple[Place, ...]] = {}
        self._known: dict[Hashable, Compiled] = {}
        self._made: dict[Hashable, Compiled] = {}
        self._lock = RLock()

    def __repr__(self) -> str:
        return f"<kernel {self.__name__}({', '.join(self.params)})>"

    def __call__(self, *args: Any, **keywords: Any) -> None:
        self._launch(None, args, keywords)
