"""A Python function turned into tile IR."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import FunctionType

from tilevm.ir import Func, Value
from tilevm.ir.build import Builder
from tilevm.ir.ops import Yield
from tilevm.ir.verify import verify
from tilevm.source import Span, TileError
from tilevm.symbolic import Expr
from tilevm.types import Type

from . import calls, comprehensions, control, expressions, logic, loops, scope, statements, totals
from .frame import Frame
from .reading import assigned, read
from .sequence import run
from .values import describe, plain, usable

RULES = (
    calls,
    comprehensions,
    control,
    expressions,
    logic,
    loops,
    scope,
    statements,
    totals,
)  # importing them fills the tables


def trace(
    function: Callable[..., object],
    types: Mapping[str, Type],
    constants: Mapping[str, object],
    grid: tuple[Expr, ...] | None = None,
) -> Func:
    """``function`` as verified tile IR.

    ``types`` gives each run-time parameter its type, ``constants`` each compile-time parameter its value; a
    parameter in neither takes its default. The result's parameters are the run-time ones, in the order of the
    signature. Raises TileError for whatever the user can get wrong. What the function reads from outside itself
    is told by :func:`tilevm.frontend.captures.captured`.
    """
    source = read(function)
    function, place = source.function, source.span(source.tree)
    builder = Builder(place)
    names = parameters(function, place, types, constants)
    params = [v for v in names.values() if isinstance(v, Value)]
    local = frozenset((*names, *assigned(source.tree.body)))
    try:
        run(source.tree.body, Frame(source, function, builder, names, local))
    except RecursionError:
        raise TileError(
            "the code is nested too deeply to compile",
            builder.span,
            help="early exits, elifs and terms of a long sum nest what stands beside them: make a loop or steps",
        ) from None
    builder.add(Yield, values=())
    return verify(Func(function.__name__, builder.finish(params), grid, place))


def parameters(
    function: FunctionType, place: Span, types: Mapping[str, Type], constants: Mapping[str, object]
) -> dict[str, object]:
    """The kernel's parameters, in order, and what they are."""
    signature = inspect.signature(function, follow_wrapped=False).parameters
    strange = [n for n in (*types, *constants) if n not in signature]
    if strange:
        raise TileError(
            f"{function.__name__} has no parameter {strange[0]}",
            place,
            help=f"its parameters are {', '.join(signature)}",
        )
    return {n: parameter(p, place, types, constants) for n, p in signature.items()}


def parameter(
    given: inspect.Parameter, place: Span, types: Mapping[str, Type], constants: Mapping[str, object]
) -> object:
    """One parameter: a run-time value, or a Python value known now."""
    if given.kind in (given.VAR_POSITIONAL, given.VAR_KEYWORD):
        raise TileError(f"a kernel has no * parameters such as {given.name}", place, help="name each parameter")
    if given.name in types:
        return Value(types[given.name], given.name)
    value = constants.get(given.name, given.default)
    if value is given.empty:
        raise TileError(
            f"the parameter {given.name} has neither a type nor a value",
            place,
            help=f"give {given.name} a type in the signature, an argument, or a default",
        )
    if not usable(value):
        raise TileError(
            f"the compile-time parameter {given.name} is {describe(value)}, which may change after compiling",
            place,
            help="compile-time values are numbers, strings, dtypes, functions, and tuples of these",
        )
    return plain(value)
