"""What Python itself makes of a random program: the same text, run on one column after another."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

from tests.agreement.programs import ROWS

BITS = 32


class Wrapped(int):
    """A 32-bit integer that wraps; a division by zero gives 0, its remainder the dividend."""


def wrapped(value: int) -> Wrapped:
    value &= (1 << BITS) - 1
    return Wrapped(value - (1 << BITS) if value >> (BITS - 1) else value)


def divided(x: int, y: int) -> int:
    return x // y if y else 0


def remainder(x: int, y: int) -> int:
    return x % y if y else x


WORK: dict[str, Callable[[int, int], int]] = {
    "add": int.__add__,
    "sub": int.__sub__,
    "mul": int.__mul__,
    "and": int.__and__,
    "or": int.__or__,
    "xor": int.__xor__,
    "floordiv": lambda x, y: divided(int(x), int(y)),
    "mod": lambda x, y: remainder(int(x), int(y)),
}


def forward(work: Callable[[int, int], int]) -> Callable[[int, int], Wrapped]:
    return lambda x, y: wrapped(work(x, y))


def backward(work: Callable[[int, int], int]) -> Callable[[int, int], Wrapped]:
    return lambda x, y: wrapped(work(y, x))


for name, work in WORK.items():
    setattr(Wrapped, f"__{name}__", forward(work))
    setattr(Wrapped, f"__r{name}__", backward(work))


class Column:
    """A tensor of which only one column is there."""

    def __init__(self, values: list[int]) -> None:
        self.values = values

    def load(self, at: tuple[int, int], shape: tuple[int, int]) -> Wrapped:
        return Wrapped(self.values[at[0]])

    def store(self, at: tuple[int, int], value: int) -> None:
        self.values[at[0]] = wrapped(value)


def counted(*bounds: int) -> Iterator[Wrapped]:
    """``range`` of the language: a step of 0 gives nothing."""
    if len(bounds) > 2 and bounds[2] == 0:
        return iter(())
    return map(Wrapped, builtins.range(*bounds))


LANGUAGE = SimpleNamespace(
    kernel=lambda *_, **__: lambda function: function,
    function=lambda function: function,
    where=lambda condition, a, b: a if condition else b,
    full=lambda shape, value, dtype: wrapped(value),
    i32=None,
    range=counted,
    static_range=builtins.range,
)


def run_plainly(source: str, columns: list[list[int]], n: int, times: int = 1) -> list[list[int]]:
    """What the kernel in ``source`` stores, row by row; each column stands ``times`` side by side."""
    names: dict[str, Any] = {"tv": LANGUAGE, "range": counted}
    exec(compile(source.replace("import tilevm as tv\n", ""), "<program>", "exec"), names)
    made = []
    for values in columns:
        out = Column([0] * ROWS)
        names["kernel"](Column(values), out, Wrapped(n))
        made.append(out.values)
    return [[int(column[row]) for column in made] * times for row in range(ROWS)]
