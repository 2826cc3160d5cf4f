"""The state of a lowering: what stands for each value, and how threads compute where things lie."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from tilevm.ir import Block, Func, Op, Table, Value, ops, threads
from tilevm.ir.build import Builder
from tilevm.layout import Layout
from tilevm.passes.bounds import Facts
from tilevm.passes.layouts.room import room
from tilevm.passes.threads import coordinates
from tilevm.passes.threads.coordinates import Digit, Places
from tilevm.passes.threads.parity import Term, terms
from tilevm.target import Target
from tilevm.types import DType, Scalar, Tile, i32

lower: Table[[Any], Sequence[Value]] = Table("lowering to threads")  # takes a Lowering


class Lowering:
    """``func``, whose tiles lie in layouts, being written anew for the threads of a block.

    A number stays a number, which every thread computes; a tile becomes a register array.
    """

    def __init__(self, func: Func, target: Target, warps: int) -> None:
        self.func, self.target = func, target
        self.room = room(target, warps)
        self.facts = Facts(func)
        self.builder = Builder()
        self.now: dict[Value, Value] = {}
        self.tid = self.add(threads.ThreadId)

    # values ------------------------------------------------------------------------------------------------

    def __getitem__(self, value: Value) -> Value:
        """What stands for a value of the tile level."""
        return self.now.get(value, value)

    def add(self, kind: type[Op], **fields: Any) -> Value:
        """Append an instruction; its one result."""
        return self.builder.add(kind, **fields).result

    def do(self, kind: type[Op], **fields: Any) -> None:
        """Append an instruction without results."""
        self.builder.add(kind, **fields)

    def number(self, value: int | float | bool, of: DType = i32) -> Value:
        return self.builder.constant(value, of)

    def numbers(self, values: Iterable[int], of: DType = i32) -> Value:
        return self.add(threads.Numbers, values=tuple(map(int, values)), of=of)

    def splat(self, x: Value, count: int) -> Value:
        """A number in ``count`` registers; a register array stays as it is."""
        return x if isinstance(x.type, Tile) else self.add(ops.Splat, x=x, shape=(count,))

    def full(self, value: int | float | bool, of: DType, count: int) -> Value:
        return self.splat(self.number(value, of), count)

    def take(self, x: Value, registers: Sequence[int]) -> Value:
        """``x`` with its registers renamed; itself where they stay."""
        if tuple(registers) == tuple(range(size(x))):
            return x
        return self.add(threads.Take, x=x, registers=tuple(map(int, registers)))

    def both(self, kind: type[ops.Binary], a: Value, b: Value) -> Value:
        """``a kind b`` of two numbers or arrays; a number meets an array as one in every register."""
        count = max(size(a), size(b))
        if isinstance(a.type, Tile) or isinstance(b.type, Tile):
            a, b = self.splat(a, count), self.splat(b, count)
        return self.add(kind, a=a, b=b)

    def compare(self, kind: type[ops.Compare], a: Value, b: Value) -> Value:
        count = max(size(a), size(b))
        if isinstance(a.type, Tile) or isinstance(b.type, Tile):
            a, b = self.splat(a, count), self.splat(b, count)
        return self.add(kind, a=a, b=b)

    def cast(self, x: Value, to: DType) -> Value:
        return self.builder.cast(x, to)

    def plus(self, a: Value | None, b: Value | None) -> Value | None:
        """The sum, where None is zero."""
        if a is None or b is None:
            return b if a is None else a
        return self.both(ops.Add, a, b)

    # places ------------------------------------------------------------------------------------------------

    def layout(self, value: Value) -> Layout:
        assert isinstance(value.type, Tile) and value.type.layout is not None, f"{value} lies nowhere"
        return value.type.layout

    def places(self, value: Value) -> Places:
        return coordinates.places(self.layout(value))

    def of_thread(self, table: np.ndarray, digits: Sequence[Digit]) -> Value | None:
        """The number ``table[thread]``, which ``digits`` make too; None for zero. By masks and shifts where it is
        linear over GF(2), else digit by digit."""
        found = terms(table)
        if found is not None:
            return self.joined(found)
        total: Value | None = None
        for digit in digits:
            total = self.plus(total, self.digit(digit))
        return total

    def joined(self, found: Sequence[Term]) -> Value | None:
        """Parts of the thread's number, moved into place and flipped together."""
        total: Value | None = None
        taken = 0
        for term in found:
            part: Value = self.number(term.constant) if not term.mask else self.moved(term)
            clash = taken & term.reach
            taken |= term.reach
            total = part if total is None else self.both(ops.Xor if clash else ops.Add, total, part)
        return total

    def moved(self, term: Term) -> Value:
        part, every = self.tid, (1 << (self.room.threads - 1).bit_length()) - 1
        kept = every >> -term.shift << -term.shift if term.shift < 0 else every
        if term.mask != kept:
            part = self.both(ops.And, part, self.number(term.mask))
        if term.shift:
            kind = ops.Shl if term.shift > 0 else ops.Shr
            part = self.both(kind, part, self.number(abs(term.shift)))
        return part

    def digit(self, digit: Digit) -> Value:
        part = self.tid
        if digit.stride > 1:
            part = self.both(ops.FloorDiv, part, self.number(digit.stride))
        if digit.stride * digit.extent < self.room.threads:
            part = self.both(ops.Mod, part, self.number(digit.extent))
        return part if digit.weight == 1 else self.both(ops.Mul, part, self.number(digit.weight))

    def index(self, at: Places, dim: int) -> Value | None:
        """The thread's part of the index along ``dim``; None where it has none."""
        return self.of_thread(at.threads[dim], at.digits[dim])

    def within(self, at: Places, shape: tuple[int, ...], registers: Sequence[int]) -> Value | None:
        """Whether these registers hold elements of a tile of ``shape``; None where all do."""
        found: Value | None = None
        for dim in at.exceeds(shape):
            own = self.numbers(at.registers[dim][list(registers)])
            index = self.plus(self.index(at, dim), own)
            assert index is not None
            found = self.all(found, self.compare(ops.Lt, index, self.number(shape[dim])))
        return found

    def defined(self, x: Value, at: Places, shape: tuple[int, ...]) -> Value:
        """``x`` with 0 in registers beyond a tile of ``shape``, where memory has nothing: it may decide a branch."""
        inside = self.within(at, shape, range(at.layout.registers))
        if inside is None:
            return x
        zero = self.full(0, dtype_of(x), size(x))
        return self.add(ops.Select, condition=self.splat(inside, size(x)), a=x, b=zero)

    def first_copy(self, at: Places) -> Value | None:
        """Whether this thread holds the first of the replicas; None where there is but one."""
        found: Value | None = None
        for digit in at.copies:
            found = self.all(found, self.compare(ops.Eq, self.digit(digit), self.number(0)))
        return found

    def all(self, a: Value | None, b: Value | None) -> Value | None:
        """Both conditions, where None always holds."""
        if a is None or b is None:
            return b if a is None else a
        return self.both(ops.And, a, b)

    # blocks ------------------------------------------------------------------------------------------------

    def block(self, block: Block) -> Block:
        """A block inside, lowered; its parameters become what threads hold of them."""
        params = tuple(Value(held(p), p.hint) for p in block.params)
        self.now.update(zip(block.params, params, strict=True))
        with self.builder.collect() as made:
            for op in block.ops:
                self.op(op)
        return Block(params, tuple(made))

    def op(self, op: Op) -> None:
        with self.builder.at(op.span):
            found = lower(op, self)
        for old, new in zip(op.results, found, strict=True):
            if not new.hint:
                new.hint = old.hint
            self.now[old] = new


def size(value: Value) -> int:
    """The registers of a number or a register array."""
    return value.type.size if isinstance(value.type, Tile) else 1


def dtype_of(value: Value) -> DType:
    assert isinstance(value.type, Scalar | Tile), f"{value.type} has no dtype"
    return value.type.dtype


def held(value: Value) -> Any:
    """The type of what a thread holds of a value."""
    if not isinstance(value.type, Tile):
        return value.type
    assert value.type.layout is not None, f"{value} lies nowhere"
    return Tile(value.type.dtype, (value.type.layout.registers,))
