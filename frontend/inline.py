"""Helper functions, traced where they are called."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from types import FunctionType

from tilevm.source import Note

from .exits import RESULT, RETURN, flag
from .frame import Frame
from .parameters import constexprs
from .reading import Source, assigned, read
from .sequence import run
from .values import describe, is_static, plain, usable

DEEPEST = 40  # helpers inside helpers


def inline(helper: FunctionType, frame: Frame, args: Sequence[object], kwargs: Mapping[str, object]) -> object:
    """Trace the body of ``helper`` on these arguments; its result."""
    stack = list(frame.stack())
    if any(f.function is helper for f in stack):
        raise frame.error(
            f"{helper.__name__} calls itself; helpers are inlined, so this would never end",
            help="write a loop, or one helper for each level",
        )
    if len(stack) > DEEPEST:
        raise frame.error(
            f"helpers call each other more than {DEEPEST} deep",
            help="join some of them: each call is inlined in its caller",
        )
    source = read(helper)
    names = bind(helper, source, frame, args, kwargs)
    local = frozenset((*names, *assigned(source.tree.body)))
    inner = Frame(source, helper, frame.builder, names, local, frame, frame.builder.span)
    run(source.tree.body, inner)
    return returned(inner, frame)


def returned(inner: Frame, frame: Frame) -> object:
    """What a helper gives back. Raises TileError where only some runs return a value."""
    value = inner.names.get(RESULT)
    if value is not None and flag(inner.names, RETURN) is not True:
        name, place = inner.function.__name__, inner.places.get(RESULT)
        raise frame.error(
            f"{name} returns {describe(value)} at one place, and nothing at its end",
            notes=(Note("it returns here, under a condition that is known only at run time", place),),
            help=f"end {name} with a return of the same type",
        )
    return value


def bind(
    helper: FunctionType, source: Source, frame: Frame, args: Sequence[object], kwargs: Mapping[str, object]
) -> dict[str, object]:
    """The helper's parameters and what they are in this call."""
    signature, name = inspect.signature(helper, follow_wrapped=False), helper.__name__
    notes = (Note(f"{name} is defined here", source.span(source.tree)),)
    if any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in signature.parameters.values()):
        raise frame.error(
            f"{name} takes * parameters, which kernels do not support",
            notes=notes,
            help="name each parameter; a tuple holds any number of values",
        )
    try:
        given = signature.bind(*args, **kwargs).arguments
    except TypeError as fault:
        help = f"it takes {', '.join(signature.parameters) or 'nothing'}"
        raise frame.error(f"{name}: {fault}", notes=notes, help=help) from None
    late = sorted(n for n in constexprs(helper) if n in given and not is_static(given[n]))
    if late:
        found = describe(given[late[0]])
        raise frame.error(
            f"{name}: {late[0]} is a compile-time parameter, and {found} is not known then",
            notes=notes,
            help=f"take it from a tv.constexpr parameter of the kernel, or let {late[0]} be a tv.Tile",
        )
    defaults = {n: p.default for n, p in signature.parameters.items() if n not in given}
    odd = next((n for n, v in defaults.items() if not usable(v)), None)
    if odd:
        raise frame.error(
            f"{name}: the default of {odd} is {describe(defaults[odd])}, which may change",
            notes=notes,
            help="defaults are numbers, texts, dtypes, functions, and tuples of these; pass other values in the call",
        )
    return {n: given[n] if n in given else plain(defaults[n]) for n in signature.parameters}
