"""The machine: programs one after another, blocks instruction by instruction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tilevm.abi import KernelAbi
from tilevm.backend import Argument, Array as Tensor
from tilevm.ir import Block, Func, Op, Table, Value, ops
from tilevm.source import Note, TileError
from tilevm.types import Pointer, Scalar, Tensor as TensorType, Type

from .elementwise import compute
from .memory import Memory
from .packed import PackedMemory
from .rounding import Array
from .values import Held, fit

step: Table[[Program], Sequence[Held]] = Table("meaning of an instruction")
ELEMENTWISE = (ops.Unary, ops.Binary, ops.Compare, ops.Fma, ops.Select, ops.Cast, ops.Philox)


class Program:
    """One program of the grid: its place, the values it has made, and the arguments."""

    def __init__(self, place: tuple[int, int, int], grid: tuple[int, int, int], memory: Mapping[Value, Memory]) -> None:
        self.place, self.grid, self.memory = place, grid, memory
        self.values: dict[Value, Held] = {}
        self.stages: dict[Value, Any] = {}  # places of tiles that are copied ahead, and the copies on their way
        self.tokens = 0

    def block(self, block: Block, given: Sequence[Held] = ()) -> list[Held]:
        """Run a block on its parameters; what it yields."""
        self.values.update(zip(block.params, given, strict=True))
        for op in block.ops[:-1]:
            self.values.update(zip(op.results, self.run(op), strict=True))
        return [self.values[v] for v in block.end.operands]

    def run(self, op: Op) -> Sequence[Held]:
        if isinstance(op, ELEMENTWISE):
            return [compute(op, [self.values[v] for v in op.operands])]
        return step(op, self)

    def number(self, value: Value, op: Op, what: str) -> int:
        """An integer that decides where or whether something happens, so it may not be poison."""
        return int(self.array(value, op, what))

    def array(self, value: Value, op: Op, what: str) -> Array:
        """A value that may not be poison anywhere."""
        held = self.values[value]
        if held.poison is not None and held.poison.where.any():
            raise self.poisoned(op, held, what)
        return held.data

    def poisoned(self, op: Op, held: Held, what: str) -> TileError:
        assert held.poison is not None
        origin = Note("the tile was made here, with nothing in it", held.poison.origin)
        return TileError(
            f"{what} of {op.name} was never written",
            op.span,
            notes=[origin, self.where()],
            help="write every element before using it, or begin with tv.zeros",
        )

    def where(self) -> Note:
        return Note(f"in program {self.place}")


class Run:
    """A function that the machine runs as it stands."""

    def __init__(self, func: Func, abi: KernelAbi) -> None:
        self._func, self._abi = func, abi
        self.stages: Mapping[str, str] = {}
        self.resources: Mapping[str, int] = {}
        self.binary = b""

    def launch(self, grid: tuple[int, int, int], arguments: Sequence[Argument]) -> None:
        params = self._func.params
        memory = {p: memory_of(a) for p, a in zip(params, arguments, strict=True) if isinstance(a, Tensor)}
        numbers = {p: scalar(p.type, a) for p, a in zip(params, arguments, strict=True) if not isinstance(a, Tensor)}
        for z in range(grid[2]):
            for y in range(grid[1]):
                for x in range(grid[0]):
                    program = Program((x, y, z), grid, memory)
                    program.values.update(numbers)
                    program.block(replace(self._func.body, params=()))


def memory_of(argument: Tensor) -> Memory:
    return PackedMemory(argument) if argument.packed else Memory(argument)


def scalar(kind: Type, value: int | float | bool) -> Held:
    assert isinstance(kind, Scalar) and not isinstance(kind, TensorType | Pointer)
    if kind.dtype.is_integer:
        return Held(fit(kind.dtype, np.asarray(int(value) & (2**kind.dtype.bits - 1), np.uint64)))
    return Held(fit(kind.dtype, np.asarray(value)))
