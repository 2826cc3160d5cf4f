"""Values that a branch or a loop hands on: tuples taken apart, and what may stand at each place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tilevm.ir import Op, Value
from tilevm.ir.build import Builder
from tilevm.types import Scalar, Tile, Type

from .promote import CHECKS, literal
from .stretch import stretch
from .values import List, describe, is_number, is_numeric, like


@dataclass(frozen=True)
class Slot:
    """Stands for the value number ``index`` of those handed on."""

    index: int


def flatten(value: object) -> Iterator[object]:
    """The parts of ``value`` that are neither tuples nor lists, in order."""
    if isinstance(value, tuple):
        for part in value:
            yield from flatten(part)
    else:
        yield value


def rebuild(value: object, parts: Iterator[object]) -> object:
    """A value shaped as ``value`` from new parts."""
    if isinstance(value, tuple):
        return like(value, [rebuild(part, parts) for part in value])
    return next(parts)


def labels(name: str, value: object) -> Iterator[str]:
    """How each of the parts that :func:`flatten` gives is written: ``name``, ``name[1]``, …"""
    if isinstance(value, tuple):
        for at, part in enumerate(value):
            yield from labels(f"{name}[{at}]", part)
    else:
        yield name


def alike(a: object, b: object) -> bool:
    """Whether both are made of tuples and lists in the same way."""
    if isinstance(a, tuple) and isinstance(b, tuple):
        return isinstance(a, List) is isinstance(b, List) and len(a) == len(b) and all(map(alike, a, b))
    return not isinstance(a, tuple) and not isinstance(b, tuple)


def fill(template: object, values: Sequence[Value]) -> object:
    """``template`` with its slots filled."""
    return rebuild(template, (values[p.index] if isinstance(p, Slot) else p for p in flatten(template)))


def fits(value: object, type: Type) -> bool:
    """Whether ``value`` is, or as a Python number can become, of ``type``."""
    if is_number(value) and isinstance(type, Scalar):
        return CHECKS[(type.dtype.is_float, type.dtype.is_bool)](value, type.dtype) is None
    return is_numeric(value) and value.type == type


def give(builder: Builder, ops: list[Op], value: object, type: Type) -> Value:
    """``value``, which fits, in ``type``; a constant goes to the end of ``ops``."""
    if isinstance(value, Value):
        return value
    assert is_number(value) and isinstance(type, Scalar), "checked by fits"
    with builder.collect() as more:
        made = literal(builder, value, type.dtype)
    ops += more
    return made


def zeros(builder: Builder, type: Type) -> Value:
    """What stands for a number or tile that nobody reads."""
    assert isinstance(type, Scalar | Tile), "numbers and tiles are handed on"
    zero = builder.constant(0, type.dtype)
    return stretch(builder, zero, type.shape)


def disagreement(name: str, a: tuple[object, str], b: tuple[object, str]) -> tuple[str, str]:
    """What is wrong when a name is ``a`` at one place and ``b`` at another, and the mend."""
    (first, here), (second, there) = a, b
    message = f"{name} is {describe(first)} {here} and {describe(second)} {there}"
    return message, mend(name, first, second)


def mend(name: str, a: object, b: object) -> str:
    """How to give both places one type."""
    if isinstance(a, List) and isinstance(b, List):
        return "a list keeps its length at run time; a loop over tv.static_range repeats its body at compile time"
    late = next((v for v in (b, a) if is_numeric(v)), None)
    if late is None or not (fixed_or_numeric(a) and fixed_or_numeric(b)):
        return f"keep {name} as it is; only numbers and tiles can change at run time"
    found, other = late.type, a if late is b else b
    if isinstance(found, Tile) and not (is_numeric(other) and isinstance(other.type, Tile)):
        number = (other if is_number(other) else 0) if not found.dtype.is_bool else False
        return f"make it a tile in both places, as in {name} = tv.full({found.shape}, {number}, tv.{found.dtype})"
    if other is None:
        return f"give {name} a value of type {found} in both places"
    return mend_numbers(name, found, other)


def mend_numbers(name: str, found: Type, other: object) -> str:
    """The same for a number or two values known at run time."""
    assert isinstance(found, Scalar | Tile), "numeric"
    if found.dtype.is_bool and is_number(other):
        return "make both conditions, by comparing: x != 0"
    if is_number(other):
        shown = float(other) if found.dtype.is_float else other
        return f"write {name} = {shown}" if found.dtype.is_float else f"convert with .to(tv.{found.dtype})"
    assert is_numeric(other) and isinstance(other.type, Scalar | Tile)
    if other.type.shape != found.shape:
        return f"{name} keeps one shape; use another name for the other value"
    return f"convert one of them, as in .to(tv.{other.type.dtype})"


def fixed_or_numeric(value: object) -> bool:
    return value is None or is_number(value) or is_numeric(value)
