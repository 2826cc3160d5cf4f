"""What an expression on layouts may call, and what each argument has to be."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from tilevm import layout
from tilevm.layout import Layout, Swizzle, Xor

Value: TypeAlias = "Layout | Xor | int | bool | str | tuple[Value, ...] | None"
LARGEST = 2**64  # of a number in an expression

FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    **{each.__name__: each for each in (layout.spatial, layout.local, layout.column_spatial, layout.column_local)},
    **{each.__name__: each for each in (layout.replicate, layout.row_major, layout.column_major, layout.strided)},
    **{each.__name__: each for each in (layout.coalesce, layout.complement, layout.composition)},
    **{each.__name__: each for each in (layout.logical_divide, layout.zipped_divide, layout.logical_product)},
    **{each.__name__: each for each in (layout.left_inverse, layout.right_inverse)},
    "Swizzle": Swizzle,
}
METHODS: Mapping[str, Callable[..., Any]] = {
    "permute": Layout.permute,
    "reshape": Layout.reshape,
    "flatten": Layout.flatten,
    "squeeze": Layout.squeeze,
    "unsqueeze": Layout.unsqueeze,
    "reduce": Layout.reduce,
    "slice": lambda self, index: self.slice(index)[0],
    "expand": Layout.expand,
    "swizzle": Layout.swizzle,
    "left_divide": Layout.left_divide,
    "canonical": Layout.canonical,
}


@dataclass(frozen=True)
class Kind:
    """What an argument has to be, in words, and the test for it."""

    name: str
    fits: Callable[[Value], bool]


def is_int(value: Value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_ints(value: Value) -> bool:
    return isinstance(value, tuple) and all(map(is_int, value))


def is_nested(value: Value) -> bool:
    return is_int(value) or (isinstance(value, tuple) and all(map(is_nested, value)))


def is_tiler(value: Value) -> bool:
    return is_tile(value) or (isinstance(value, tuple) and all(map(is_tile, value)))


def is_tile(value: Value) -> bool:
    return is_int(value) or isinstance(value, Layout)


INT, INTS = Kind("a whole number", is_int), Kind("a tuple of whole numbers", is_ints)
LAYOUT = Kind("a layout", lambda value: isinstance(value, Layout))
NUMBERS = Kind("a whole number or a tuple of them", lambda value: is_int(value) or is_ints(value))
KINDS: Mapping[str, Kind] = {  # by the name of the parameter, which is alike wherever it means the same
    **dict.fromkeys(("count", "bits", "base", "shift", "size", "start", "end"), INT),
    **dict.fromkeys(("self", "layout", "outer", "inner"), LAYOUT),
    "shape": INTS,
    "order": Kind("a tuple of whole numbers or None", lambda value: value is None or is_ints(value)),
    "dims": NUMBERS,
    "keepdims": Kind("True or False", lambda value: isinstance(value, bool)),
    "xor": Kind("a swizzle, such as Swizzle(3, 3, 3)", lambda value: isinstance(value, Xor)),
    "axis": Kind("'mem', 'reg' or None", lambda value: value in ("mem", "reg", None)),
    "tiler": Kind("a layout, a whole number, or a tuple of them", is_tiler),
    "index": Kind(
        "a tuple of whole numbers and None",
        lambda value: isinstance(value, tuple) and all(each is None or is_int(each) for each in value),
    ),
}
SPECIAL: Mapping[tuple[str, str], Kind] = {
    ("strided", "shape"): Kind("a number or a tuple of numbers, nested as you like", is_nested),
    ("strided", "stride"): Kind("a number or a tuple of numbers, nested as you like", is_nested),
    ("permute", "dims"): INTS,
    ("squeeze", "dims"): Kind("a whole number, a tuple of them, or None", lambda v: v is None or NUMBERS.fits(v)),
}


def call(name: str, function: Callable[..., Any], given: tuple[Value, ...], named: Mapping[str, Value]) -> Any:
    """What ``function`` makes of the arguments. Raises ValueError for arguments that it does not take."""
    try:
        bound = inspect.signature(function).bind(*given, **named)
    except TypeError as error:
        raise ValueError(f"{name}: {error}") from error
    for parameter, value in bound.arguments.items():
        kind = SPECIAL.get((name, parameter)) or KINDS[parameter]
        if not kind.fits(value):
            raise ValueError(f"{name}: {parameter} must be {kind.name}")
    return function(*bound.args, **bound.kwargs)
