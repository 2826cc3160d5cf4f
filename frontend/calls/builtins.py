"""The Python builtins on numbers that kernels may call, ranges, and what is checked or shown while compiling."""

from __future__ import annotations

import builtins
import math
from functools import partial

from tilevm.ir import Value, ops
from tilevm.ir.build import Builder
from tilevm.source import TileError
from tilevm.types import Tensor, Tile, bool_, f32, i32

from .. import language
from ..promote import cast, dtype_of
from ..values import Range, Stream, describe, is_int, is_number, is_scalar, is_static, shown
from .arguments import static_int, whole
from .elementwise import lesser_or_greater
from .sequences import LONGEST, sequence
from .table import implements


@implements(builtins.range, "range")
def builtin_range(builder: Builder, start: object, stop: object = None, step: object = 1) -> Range:
    return loop_range(builder, start, stop, step)


@implements(language.range)
def loop_range(
    builder: Builder,
    start: object,
    stop: object = None,
    step: object = 1,
    num_stages: object = 1,
    unroll: object = 1,
) -> Range:
    first, last = (0, start) if stop is None else (start, stop)
    for part in (first, last, step):
        if not is_int(part) and not (is_scalar(part) and dtype_of(part).is_integer):
            raise TileError(f"a range runs over integers, not {describe(part)}", builder.span, help=whole(part))
    if is_int(step) and step == 0:
        raise TileError("a range cannot have the step 0", builder.span, help="1 counts up, -1 counts down")
    counts = [static_int(builder, f"tv.range: {n}", v) for n, v in (("num_stages", num_stages), ("unroll", unroll))]
    if min(counts) < 1:
        raise TileError(
            "tv.range: num_stages and unroll are at least 1", builder.span, help="1 of each is the plain loop"
        )
    return Range(first, last, step, *counts)


@implements(language.static_range)
def static_range(builder: Builder, start: object, stop: object = None, step: object = 1) -> tuple[int, ...]:
    first, last = (0, start) if stop is None else (start, stop)
    bounds = [static_int(builder, "tv.static_range: a bound", b) for b in (first, last, step)]
    if bounds[2] == 0:
        raise TileError("a range cannot have the step 0", builder.span, help="1 counts up, -1 counts down")
    numbers = range(*bounds)
    if numbers[LONGEST:]:
        raise TileError(
            f"tv.static_range repeats the loop's body {LONGEST} times at most",
            builder.span,
            help="use range or tv.range",
        )
    return tuple(numbers)


@implements(language.static_assert)
def static_assert(builder: Builder, condition: object, message: object = "") -> None:
    if not is_static(condition) or isinstance(condition, Range):
        raise TileError(
            f"tv.static_assert checks at compile time; {describe(condition)} is known only at run time",
            builder.span,
            help="check it with tv.device_assert, or test a tv.constexpr parameter",
        )
    if not condition:
        words = shown(message)
        raise TileError(
            f"assertion failed: {words}" if words else "assertion failed",
            builder.span,
            help="give compile-time arguments that meet the condition",
        )


@implements(language.static_print)
def static_print(builder: Builder, *values: object, sep: object = " ", end: object = "\n") -> None:
    for name, text in (("sep", sep), ("end", end)):
        if not isinstance(text, str):
            raise TileError(
                f"tv.static_print: {name} is a string, not {describe(text)}",
                builder.span,
                help=f'write a text, as in {name}=", "',
            )
    print(*map(shown, values), sep=str(sep), end=str(end))


@implements(len)
def length(builder: Builder, x: object) -> int:
    if isinstance(x, tuple | Range):
        return len(sequence(builder, "len", x))
    found = x.type if isinstance(x, Value) else None
    if isinstance(found, Tile):
        return found.shape[0]
    help = "read a.shape" if isinstance(found, Tensor) else None
    raise TileError(f"len takes a tuple, a list or a tile, not {describe(x)}", builder.span, help=help)


def smallest_or_largest(name: str, kind: type[ops.Binary], builder: Builder, first: object, *rest: object) -> object:
    """Python's ``min`` and ``max`` of several numbers."""
    several = isinstance(first, tuple | Stream | Range) and not rest
    values = sequence(builder, name, first) if several else (first, *rest)
    if len(values) < 2 and not several:
        raise TileError(f"{name} takes several numbers, not {describe(first)}", builder.span, help=f"use tv.{name}")
    if not values:
        raise TileError(
            f"{name} of nothing: it has no parts", builder.span, help=f"give {name} a sequence that is never empty"
        )
    for value in values:
        if not is_number(value) and not is_scalar(value):
            help = f"use tv.{kind.name} for two tiles, tv.{name} to reduce one"
            raise TileError(f"{name} takes numbers, not {describe(value)}", builder.span, help=help)
    found, *others = values
    for other in others:
        found = lesser_or_greater(name, kind, getattr(builtins, name), builder, found, other)
    return found


implements(min)(partial(smallest_or_largest, "min", ops.Minimum))
implements(max)(partial(smallest_or_largest, "max", ops.Maximum))


@implements(int)
def to_int(builder: Builder, x: object) -> object:
    if isinstance(x, float) and not math.isfinite(x):
        raise TileError(f"int({x}) is no number", builder.span, help="test it before with math.isfinite")
    if is_number(x):
        return int(x)
    value = one_number(builder, "int", x)
    return value if dtype_of(value).is_integer else cast(builder, value, i32)


@implements(float)
def to_float(builder: Builder, x: object) -> object:
    if is_number(x) or isinstance(x, str):
        try:
            return float(x)
        except (ValueError, OverflowError) as fault:
            raise TileError(
                f"float: {fault}",
                builder.span,
                help="float takes numbers up to 1.8e308, and texts such as '2.5', 'inf' and 'nan'",
            ) from None
    value = one_number(builder, "float", x)
    return value if dtype_of(value).is_float else cast(builder, value, f32)


@implements(bool)
def to_bool(builder: Builder, x: object) -> object:
    if not isinstance(x, Value):
        return bool(x)
    return cast(builder, one_number(builder, "bool", x), bool_)


def one_number(builder: Builder, name: str, x: object) -> Value:
    """A single run-time number."""
    if is_scalar(x):
        return x
    raise TileError(f"{name} takes one number, not {describe(x)}", builder.span, help="a tile converts with .to(dtype)")
