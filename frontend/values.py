"""What stands for a value while a kernel is traced, and how messages speak of it.

A value known at run time is an IR ``Value``. Anything else is known at compile time and is the Python object
itself: numbers, strings, None, dtypes, modules, functions, and tuples and lists of these or of run-time values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from numbers import Integral, Real
from types import ModuleType
from typing import TypeGuard

from tilevm.ir import Value
from tilevm.layout import Layout
from tilevm.source import Note, Span
from tilevm.types import DType, Pointer, Scalar, Tensor, Tile, Type


@dataclass(frozen=True)
class Missing:
    """Stands for a name that has no value here, and says why."""

    reason: str
    span: Span | None = None
    help: str | None = None
    unread: bool = False  # nothing reads the name from here on

    def notes(self) -> tuple[Note, ...]:
        return (Note(self.reason, self.span),)


class List(tuple[object, ...]):
    """A list whose length is known at compile time. To change it is to put another in its place.

    ``origins`` tells which of Python's lists it may be, so that no list is changed under one of two names.
    """

    origins: frozenset[object]

    def __new__(cls, parts: Iterable[object] = (), origins: frozenset[object] | None = None) -> List:
        made = super().__new__(cls, parts)
        made.origins = frozenset((object(),)) if origins is None else origins
        return made

    def __eq__(self, other: object) -> bool:
        return isinstance(other, List) and tuple.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = tuple.__hash__

    def __repr__(self) -> str:
        return f"[{', '.join(map(repr, self))}]"


@dataclass(frozen=True, eq=False)
class Stream:
    """What gives its parts once: ``zip(…)``, ``enumerate(…)``, a generator expression."""

    what: str
    parts: tuple[object, ...]


def like(value: tuple[object, ...], parts: Iterable[object]) -> tuple[object, ...]:
    """A tuple for a tuple; for a list, the same list with other parts."""
    return List(parts, value.origins) if isinstance(value, List) else tuple(parts)


def blend(a: object, b: object, made: object) -> object:
    """``made`` stands for either of ``a`` and ``b``, which are alike: its lists may be those of both."""
    if not isinstance(a, tuple) or not isinstance(b, tuple) or not isinstance(made, tuple):
        return made
    parts = map(blend, a, b, made)
    return List(parts, a.origins | b.origins) if isinstance(a, List) and isinstance(b, List) else tuple(parts)


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
        return isinstance(a, List) is isinstance(b, List) and len(a) == len(b) and all(map(same, a, b))
    if a is b:
        return True
    if isinstance(a, Value) or isinstance(b, Value) or type(a) is not type(b):
        return False
    return repr(a) == repr(b) if isinstance(a, float) else isinstance(a, int | str | DType) and a == b


def type_words(type: Type) -> str:
    """A type in the user's words."""
    if isinstance(type, Tensor):
        return f"a{' packed' * type.packed} tensor {type.dtype}[{', '.join(map(str, type.dims))}]"
    if isinstance(type, Pointer):
        return f"a pointer to {type.dtype}"
    return f"{'a tile' if isinstance(type, Tile) else 'a run-time'} {type}"


def digits(number: int | float) -> str:
    """A number that may have very many digits."""
    huge = isinstance(number, int) and number.bit_length() > 128
    return f"an int of {int(number).bit_length()} bits" if huge else str(number)


def number_words(number: int) -> str:
    return digits(number) if number.bit_length() > 128 else f"the number {number}"


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


def shown(value: object) -> str:
    """A value as text made while compiling shows it: what is known then as Python does, the rest by its type."""
    return value if isinstance(value, str) else shown_inside(value)


def shown_inside(value: object) -> str:
    if isinstance(value, List):
        return f"[{', '.join(map(shown_inside, value))}]"
    if isinstance(value, tuple):
        return f"({', '.join(map(shown_inside, value))}{',' * (len(value) == 1)})"
    known = value is None or isinstance(value, int | float | str)
    return repr(value) if known else str(value) if isinstance(value, DType) else describe(value)


def with_article(noun: str) -> str:
    """``a list``, ``an ndarray``."""
    return f"{'an' if noun[:1].lower() in 'aeiou' or noun == 'ndarray' else 'a'} {noun}"


DESCRIBE: tuple[tuple[type, Callable[..., str]], ...] = (
    (bool, lambda v: f"the bool {v}"),
    (int, number_words),
    (float, lambda v: f"the number {v}"),
    (str, lambda v: f"the string {v!r}"),
    (type(None), lambda v: "None"),
    (List, lambda v: f"a list of {len(v)}"),
    (tuple, lambda v: f"a tuple of {len(v)}"),
    (Layout, lambda v: f"the layout {v}"),
    (DType, lambda v: f"the dtype {v}"),
    (ModuleType, lambda v: f"the module {v.__name__}"),
    (Range, lambda v: "a range"),
    (Stream, lambda v: v.what),
    (slice, lambda v: "a slice"),
    (Bound, lambda v: f"the method .{v.method.__name__}"),
)
