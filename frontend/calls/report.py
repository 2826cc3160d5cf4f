"""Functions for debugging: printing and asserting at run time."""

from __future__ import annotations

from tilevm.ir import Value, ops
from tilevm.ir.build import Builder
from tilevm.source import TileError
from tilevm.types import DType

from .. import language
from ..promote import dtype_of, runtime, way_to_numbers
from ..values import describe, is_number, is_numeric
from .table import implements


@implements(language.print)
def show(builder: Builder, *values: object) -> None:
    """Values known at compile time become text; blanks stand between all."""
    text, taken = [""], []
    for n, value in enumerate(values):
        text[-1] += " " if n else ""
        if is_numeric(value):
            taken.append(value)
            text.append("")
        else:
            text[-1] += words(builder, value)
    builder.add(ops.Print, values=tuple(taken), text=tuple(text))


def words(builder: Builder, value: object) -> str:
    """A compile-time value as text."""
    if value is None or isinstance(value, str | DType) or is_number(value):
        return str(value)
    if isinstance(value, tuple) and not any(isinstance(v, Value) for v in value):
        return f"({', '.join(words(builder, v) for v in value)}{',' if len(value) == 1 else ''})"
    help = way_to_numbers(value) or "give its parts one by one"
    raise TileError(f"tv.print writes numbers, tiles and text, not {describe(value)}", builder.span, help=help)


@implements(language.device_assert)
def device_assert(builder: Builder, condition: object, message: object = "") -> None:
    if not isinstance(message, str):
        help = "write the values with tv.print before it" if isinstance(message, Value) else None
        raise TileError(f"tv.device_assert: the message is text, not {describe(message)}", builder.span, help=help)
    found = runtime(builder, condition, "tv.device_assert: the condition")
    if not dtype_of(found).is_bool:
        help = "compare, as in x >= 0"
        raise TileError(f"tv.device_assert checks bools, not {describe(condition)}", builder.span, help=help)
    builder.add(ops.Assert, condition=found, message=message)
