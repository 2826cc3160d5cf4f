"""Instructions on whole tiles, which lie in scratch: how their lines of elements are walked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import prod

from tilevm.ir import Table, Value

from . import access
from .access import Row
from .casts import convert
from .context import Context
from .emit import LLVM, lanes_of, memory_type
from .index import shape
from .points import dtype_of
from .steps import Whole

whole: Table[[Context, Whole], None] = Table("LLVM for an instruction on whole tiles")


@dataclass(frozen=True)
class Lines:
    """The lines of a tile along one axis: ``outer`` x ``inner`` of them, each of ``length`` elements."""

    outer: int
    length: int
    inner: int

    @classmethod
    def of(cls, extents: Sequence[int], axis: int) -> Lines:
        return cls(prod(extents[:axis]), extents[axis], prod(extents[axis + 1 :]))


@dataclass(frozen=True)
class Bundle:
    """Neighbouring lines, one a lane; ``lanes`` 0: a single line. Only the first ``tail`` lanes exist, if not 0.

    ``outer`` and ``inner`` are those of the first line. The lanes run along ``inner``, or along ``outer`` where
    a line's elements are neighbours in memory.
    """

    outer: LLVM
    inner: LLVM
    width: int  # lines side by side: the distance between elements of a line
    lanes: int = 0
    tail: int = 0

    def row(self, c: Context, value: Value, length: int, k: LLVM) -> Row:
        """Element ``k`` of these lines of a tile that has ``length`` elements a line."""
        buffer, e = c.memory.of[value], c.e
        line = e.b.add(e.b.mul(self.outer, e.i64(length)), k)
        offset = e.b.add(e.b.mul(line, e.i64(self.width)), self.inner)
        base = e.at(c.buffer(buffer), offset, memory_type(buffer.dtype))
        return Row(base, buffer.dtype, 1 if self.width > 1 else length)

    def load(self, c: Context, value: Value, length: int, k: LLVM) -> LLVM:
        row = self.row(c, value, length, k)
        return load(c, row, value, self.lanes, self.tail)

    def store(self, c: Context, value: Value, length: int, k: LLVM, x: LLVM) -> None:
        store(c, self.row(c, value, length, k), x, value, self.lanes, self.tail)


def load(c: Context, row: Row, value: Value, lanes: int, tail: int) -> LLVM:
    """Elements of a row in the dtype of ``value``, which memory may hold in a wider one."""
    if lanes:
        found = access.load_vector(c, row, c.e.i64(0), lanes, tail, None)
    else:
        found = access.load_scalar(c, row, None)
    return convert(c.e, found, row.element, dtype_of(value))


def store(c: Context, row: Row, x: LLVM, value: Value, lanes: int, tail: int) -> None:
    x = convert(c.e, x, dtype_of(value), row.element)
    if lanes:
        access.store_vector(c, row, c.e.splat(x, lanes), c.e.i64(0), tail)
    else:
        access.store_scalar(c, row, x)


def bundles(c: Context, lines: Lines, body: Callable[[Bundle], None]) -> None:
    """Code for every line of a tile, as many at a time as a vector has lanes."""
    e = c.e
    if lines.inner > 1:

        def rows(o: LLVM, _: list[LLVM]) -> list[LLVM]:
            for_vectors(c, lines.inner, lambda i, lanes, tail: body(Bundle(o, i, lines.inner, lanes, tail)))
            return []

        e.loop(lines.outer, [], rows)
    elif lines.outer > 1:
        for_vectors(c, lines.outer, lambda o, lanes, tail: body(Bundle(o, e.i64(0), 1, lanes, tail)))
    else:
        body(Bundle(e.i64(0), e.i64(0), 1))


def width(c: Context, count: int) -> int:
    """The lanes for ``count`` elements: those of 32-bit ones, fewer where there are few, but two at least."""
    return max(2, min(c.e.host.lanes(32), 1 << (count - 1).bit_length()))


def for_vectors(c: Context, count: int, body: Callable[[LLVM, int, int], None]) -> None:
    """``body(first, lanes, tail)`` for vectors over ``count`` places; ``tail`` is not 0 for a part of one."""
    e, lanes = c.e, width(c, count)
    full, tail = divmod(count, lanes)

    def one(n: LLVM, _: list[LLVM]) -> list[LLVM]:
        body(e.b.mul(n, e.i64(lanes)), lanes, 0)
        return []

    e.loop(full, [], one)
    if tail:
        body(e.i64(full * lanes), lanes, tail)


def elements(c: Context, count: int, body: Callable[[LLVM], None]) -> None:
    """``body(i)`` for i = 0 … count - 1."""

    def one(i: LLVM, _: list[LLVM]) -> list[LLVM]:
        body(i)
        return []

    c.e.loop(count, [], one)


def flat(c: Context, value: Value, i: LLVM) -> Row:
    """A row of one element: number ``i`` of a kept tile in row-major order."""
    buffer = c.memory.of[value]
    return Row(c.e.at(c.buffer(buffer), i, memory_type(buffer.dtype)), buffer.dtype, 1)


def operand(c: Context, step: Whole, value: Value, i: LLVM) -> LLVM:
    """Element ``i`` of an operand, or the number that it is."""
    if not shape(value):
        return c.numbers[value]
    held = step.held(value)
    return load(c, flat(c, held, i), held, 0, 0)


def splat(c: Context, xs: Sequence[LLVM]) -> Iterator[LLVM]:
    """Values of one width: the widest among them."""
    lanes = max(map(lanes_of, xs), default=0)
    return (c.e.splat(x, lanes) for x in xs)
