"""Python's ``sum``, ``any`` and ``all`` of the parts of a tuple or list."""

from __future__ import annotations

from functools import partial

from tilevm.ir import Value
from tilevm.ir.build import Builder
from tilevm.source import TileError
from tilevm.types import bool_

from .calls.sequences import sequence
from .calls.table import implements
from .operators import ADD, AND, OR, binary
from .promote import dtype_of
from .values import describe, is_scalar, is_static


@implements(sum)
def added(builder: Builder, x: object, start: object = 0) -> object:
    """Python's ``sum`` of several values."""
    if isinstance(x, Value):
        raise TileError(f"sum adds the parts of a tuple or list, not {describe(x)}", builder.span, help="use tv.sum")
    found = start
    for part in sequence(builder, "sum", x):
        found = binary(builder, ADD, found, part)
    return found


def joined(name: str, ends: bool, builder: Builder, x: object) -> object:
    """Python's ``any`` and ``all`` of several conditions."""
    if isinstance(x, Value):
        raise TileError(f"{name} takes a tuple or list, not {describe(x)}", builder.span, help=f"use tv.{name}")
    pending: object = not ends
    for part in sequence(builder, name, x):
        if is_static(part):
            if bool(part) is ends:
                return ends
        elif is_scalar(part) and dtype_of(part) == bool_:
            pending = binary(builder, OR if ends else AND, pending, part) if isinstance(pending, Value) else part
        else:
            raise TileError(f"{name} takes conditions, not {describe(part)}", builder.span, help="compare, as in x > 0")
    return pending


implements(any)(partial(joined, "any", True))
implements(all)(partial(joined, "all", False))
