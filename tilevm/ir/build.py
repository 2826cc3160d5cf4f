"""The builder: appends instructions at a place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

from tilevm.ir.core import Block, Op, Value
from tilevm.ir.ops import Cast, Constant, Yield
from tilevm.source import Span
from tilevm.types import DType, Scalar, Tile

P = ParamSpec("P")
AnOp = TypeVar("AnOp", bound=Op)


class Builder:
    """Collects the instructions of one block at a time; each takes ``span`` unless it brings its own."""

    def __init__(self, span: Span | None = None) -> None:
        self.span = span
        self._open: list[list[Op]] = [[]]

    def add(self, kind: Callable[P, AnOp], *args: P.args, **fields: P.kwargs) -> AnOp:
        """Make an instruction and append it."""
        fields.setdefault("span", self.span)
        return self.append(kind(*args, **fields))

    def append(self, op: AnOp) -> AnOp:
        """Append an instruction made elsewhere."""
        self._open[-1].append(op)
        return op

    def constant(self, value: int | float | bool, of: DType) -> Value:
        """A number of dtype ``of``, converted as Python converts it."""
        held: Any = bool(value) if of.is_bool else float(value) if of.is_float else int(value)
        return self.add(Constant, value=held, of=of).result

    def cast(self, x: Value, to: DType, saturate: bool = False) -> Value:
        """A number or tile as ``to``, with natural rounding; itself when it is."""
        assert isinstance(x.type, Scalar | Tile), "not numeric"
        if x.type.dtype == to:
            return x
        return self.add(Cast, random=None, x=x, to=to, saturate=saturate, rounding="natural").result

    @contextmanager
    def at(self, span: Span | None) -> Iterator[None]:
        """Instructions made inside come from ``span``."""
        before, self.span = self.span, span or self.span
        try:
            yield
        finally:
            self.span = before

    @contextmanager
    def collect(self) -> Iterator[list[Op]]:
        """Instructions made inside go to the list it gives, not to the block outside."""
        ops: list[Op] = []
        self._open.append(ops)
        try:
            yield ops
        finally:
            self._open.pop()

    @property
    def count(self) -> int:
        """How many instructions were appended to the block that is being made."""
        return len(self._open[-1])

    def since(self, count: int) -> list[Op]:
        """Those appended since there were ``count``."""
        return self._open[-1][count:]

    def finish(self, params: Sequence[Value] = ()) -> Block:
        """All that was appended outside any ``collect``, as a block."""
        return Block(tuple(params), tuple(self._open[0]))


def block(params: Sequence[Value], ops: Sequence[Op], values: Sequence[Value], span: Span | None = None) -> Block:
    """``ops``, ended by a yield of ``values``."""
    return Block(tuple(params), (*ops, Yield(values=tuple(values), span=span)))
