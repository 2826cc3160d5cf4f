"""What stands for a value while a kernel is traced, and how messages speak of it.

A value known at run time is an IR ``Value``. Anything else is known at compile time and is the Python object
itself: numbers, strings, None, dtypes, modules, functions, and tuples of these or of run-time values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from numbers import Integral, Real
from types import ModuleType
from typing import TypeGuard

from tilevm.ir import Value
from tilevm.source import Note, Span
from tilevm.types import DType, Pointer, Scalar, Tensor, Tile, Type


@dataclass(frozen=True)
class Missing:
    """Stands for a name that has no value here, and says why."""

    reason: str
    span: Span | None = None
    help: str | None = None

    def notes(self) -> tuple[Note, ...]:
        return (Note(self.reason, self.span),)


@dataclass(frozen=True, eq=False)
class Range:
    """What a loop runs over."""

    start: object
    stop: object
    step: object
    num_stages: int = 1
    unroll: int = 1


@dataclass(frozen=True, eq=False)
class Bound:
    """A method taken from a value, not yet called."""

    receiver: object
    method: Callable[..., object]


def is_number(value: object) -> TypeGuard[bool | int | float]:
    """A Python number: weak, it takes the dtype of what it meets."""
    return isinstance(value, int | float)


def is_int(value: object) -> TypeGuard[int]:
    """A Python int that is not a bool."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_scalar(value: object) -> TypeGuard[Value]:
    """A single number known at run time."""
    return isinstance(value, Value) and isinstance(value.type, Scalar)


def is_numeric(value: object) -> TypeGuard[Value]:
    """A number or tile known at run time."""
    return isinstance(value, Value) and isinstance(value.type, Scalar | Tile)


def plain(value: object) -> object:
    """A compile-time value as the frontend computes with it: numbers of numpy become Python's."""
    if isinstance(value, bool):
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    return tuple(plain(v) for v in value) if isinstance(value, tuple) else value


def usable(value: object) -> bool:
    """Whether a Python object may be read in a kernel: it cannot change, or it is a function or module."""
    if isinstance(value, tuple):
        return all(usable(v) for v in value)
    return value is None or isinstance(value, Real | str | DType | ModuleType) or callable(value)


def runtime_parts(value: object) -> Iterator[Value]:
    """The run-time values in ``value``, through tuples."""
    if isinstance(value, Value):
        yield value
    elif isinstance(value, tuple):
        for part in value:
            yield from runtime_parts(part)


def is_static(value: object) -> bool:
    """Whether all of ``value`` is known at compile time."""
    return next(runtime_parts(value), None) is None


def same(a: object, b: object) -> bool:
    """Whether two traced values are one: the same run-time value, or equal compile-time values of one type."""
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if a is b:
        return True
    if isinstance(a, Value) or isinstance(b, Value) or type(a) is not type(b):
        return False
    return repr(a) == repr(b) if isinstance(a, float) else isinstance(a, int | str | DType) and a == b


def type_words(type: Type) -> str:
    """A type in the user's words."""
    if isinstance(type, Tensor):
        return f"a tensor {type.dtype}[{', '.join(map(str, type.dims))}]"
    if isinstance(type, Pointer):
        return f"a pointer to {type.dtype}"
    return f"{'a tile' if isinstance(type, Tile) else 'a run-time'} {type}"


def describe(value: object) -> str:
    """A traced value in the user's words."""
    if isinstance(value, Value):
        return type_words(value.type)
    for kind, words in DESCRIBE:
        if isinstance(value, kind):
            return words(value)
    if isinstance(value, type):
        return f"the class {value.__name__}"
    name = getattr(value, "__name__", None)
    return f"the function {name}" if callable(value) and name else with_article(type(value).__name__)


def with_article(noun: str) -> str:
    """``a list``, ``an ndarray``."""
    return f"{'an' if noun[:1].lower() in 'aeiou' or noun == 'ndarray' else 'a'} {noun}"


DESCRIBE: tuple[tuple[type, Callable[..., str]], ...] = (
    (bool, lambda v: f"the bool {v}"),
    (int, lambda v: f"the number {v}"),
    (float, lambda v: f"the number {v}"),
    (str, lambda v: f"the string {v!r}"),
    (type(None), lambda v: "None"),
    (tuple, lambda v: f"a tuple of {len(v)}"),
    (DType, lambda v: f"the dtype {v}"),
    (ModuleType, lambda v: f"the module {v.__name__}"),
    (Range, lambda v: "a range"),
    (slice, lambda v: "a slice"),
    (Bound, lambda v: f"the method .{v.method.__name__}"),
)
