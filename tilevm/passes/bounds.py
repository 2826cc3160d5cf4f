"""Accesses proved to lie inside their tensor, so that no mask is needed."""

from __future__ import annotations

from dataclasses import replace
from math import gcd
from typing import Any

from tilevm.ir import Block, Func, Op, Value, ops
from tilevm.ir.build import Builder
from tilevm.ir.rewrite import rewrite
from tilevm.passes.integers import Linear
from tilevm.symbolic import Combine, Expr, Name, Number
from tilevm.types import Dim, DType, Scalar, Tensor

LONGEST = 2**31 - 1  # of an extent that fits i32


class Facts:
    """What a function tells about its integers."""

    def __init__(self, func: Func) -> None:
        self.divisors: dict[str, int] = {}
        self.extents = set[object]()  # the names of those that fit i32
        self.loops: dict[Value, ops.For] = {}
        self.grid = func.grid
        self._sums: dict[Value, Linear] = {}  # found once: shared operands would double the walk at every step
        for param in func.params:
            if isinstance(param.type, Tensor):
                for dim in param.type.dims:
                    if dim.name is not None:
                        self.divisors[dim.name] = max(self.divisors.get(dim.name, 1), dim.divisor)
                        if not dim.wide:
                            self.extents.add(dim.name)
        self._collect(func.body)

    def _collect(self, block: Block) -> None:
        for op in block.ops:
            if isinstance(op, ops.For):
                self.loops[op.body.params[0]] = op
            for inner in op.regions:
                self._collect(inner)
            for value in op.results:
                if isinstance(value.type, Scalar) and value.type.dtype.is_integer:
                    self.linear(value)  # from the first on, so that no sum has to be taken apart to its beginnings

    def linear(self, value: Value) -> Linear:
        """``value`` as a sum; a value that is none is an atom of its own, as is one that may wrap below 32 bits."""
        if value not in self._sums:
            self._sums[value] = self._linear(value)
        return self._sums[value]

    def _linear(self, value: Value) -> Linear:
        op: Any = value.owner
        if isinstance(value.type, Scalar) and value.type.dtype.bits < 32 and not isinstance(op, ops.Constant):
            return Linear(((value, 1),))
        if isinstance(op, ops.Constant):
            return Linear(constant=int(op.value))
        if isinstance(op, ops.Extent):
            return extent(op.tensor.type.dims[op.axis])  # type: ignore[union-attr]
        if isinstance(op, ops.Add):
            return self.linear(op.a) + self.linear(op.b)
        if isinstance(op, ops.Sub):
            return self.linear(op.a) - self.linear(op.b)
        if isinstance(op, ops.Mul):
            a, b = self.linear(op.a), self.linear(op.b)
            if b.number is not None:
                return a * b.number
            if a.number is not None:
                return b * a.number
        if isinstance(op, ops.ProgramId):
            return Linear(((f"program_id({op.axis})", 1),))
        return Linear(((value, 1),))

    def divides(self, factor: int, sum_: Linear) -> bool:
        """Whether ``factor`` divides every term."""
        if sum_.constant % factor:
            return False
        return all(
            f * self.divisors.get(a, 1) % factor == 0 if isinstance(a, str) else f % factor == 0 for a, f in sum_.terms
        )

    def multiple(self, sum_: Linear) -> int:
        """The largest number known to divide the sum; 0 for a sum that is always 0."""
        return gcd(sum_.constant, *(factor * self.multiple_of(atom) for atom, factor in sum_.terms))

    def multiple_of(self, atom: object) -> int:
        """What divides an atom: an extent's divisor; what divides the first index of a loop and its step."""
        if isinstance(atom, str):
            return self.divisors.get(atom, 1)
        loop = self.loops.get(atom) if isinstance(atom, Value) else None
        if loop is None:
            return 1
        return gcd(*(self.multiple(self.linear(value)) for value in (loop.lower, loop.step)))

    def low(self, sum_: Linear) -> int | None:
        """A number that the sum never falls below."""
        lows: dict[object, int] = {}
        for atom, _ in sum_.terms:
            if isinstance(atom, str):
                lows[atom] = 0  # extents and program ids
            elif isinstance(atom, Value):
                least = self.least(atom)
                if least is not None:
                    lows[atom] = least
        return sum_.at_least(lows)

    def least(self, value: Value) -> int | None:
        """A number that a value which is no sum never falls below."""
        if value in self.loops:
            return self.first_index(self.loops[value])
        op: Any = value.owner
        if isinstance(op, ops.Maximum):
            return max((int(v.owner.value) for v in op.operands if isinstance(v.owner, ops.Constant)), default=None)
        divisor = self.linear(op.b).number if isinstance(op, ops.FloorDiv) else None
        least = self.least(op.a) if divisor is not None and divisor > 0 else None
        return None if least is None or divisor is None else least // divisor

    def high(self, sum_: Linear) -> Linear | None:
        """A sum of extents that ``sum_`` never exceeds."""
        total = Linear(constant=sum_.constant)
        for atom, factor in sum_.terms:
            if factor < 0:
                return None
            top = self.most(atom, factor)
            if top is None:
                return None
            total = total + top
        return total

    def most(self, atom: object, factor: int) -> Linear | None:
        """The most that ``factor`` times an atom can be."""
        if isinstance(atom, Value):
            return self.last_index(self.loops[atom], factor) if atom in self.loops else self.top(atom, factor)
        if isinstance(atom, str) and atom.startswith("program_id("):
            return self.last_program(int(atom[11:-1]), factor)
        return Linear(((atom, factor),))

    def top(self, value: Value, factor: int = 1) -> Linear | None:
        """A sum of extents that ``factor`` times a number never exceeds."""
        op: Any = value.owner
        if isinstance(op, ops.Minimum):
            found = (self.top(v, factor) for v in op.operands)
            return next((top for top in found if top is not None), None)
        if isinstance(op, ops.Maximum):
            least, tops = self.least(value), [self.top(v) for v in op.operands if not isinstance(v.owner, ops.Constant)]
            top = tops[0] if len(tops) == 1 else None
            room = None if top is None or least is None else self.low(top + Linear(constant=-least))
            return top * factor if top is not None and room is not None and room >= 0 else None
        if isinstance(op, ops.FloorDiv):
            divisor, least = self.linear(op.b).number, self.least(op.a)
            whole = divisor is not None and divisor > 0 and factor % divisor == 0 and least is not None and least >= 0
            return self.top(op.a, factor // divisor) if whole and divisor is not None else None
        found_ = self.linear(value)
        known = found_.terms != ((value, 1),) and self.stays_above(value)
        top = self.high(found_) if known or value in self.loops else None
        return None if top is None else top * factor

    def first_index(self, loop: ops.For) -> int | None:
        """A number that a loop's index never falls below."""
        step = self.linear(loop.step).number
        if step is None or step < 1 or not self.stays_below(loop.lower):
            return None
        return self.low(self.linear(loop.lower))

    def last_index(self, loop: ops.For, factor: int) -> Linear | None:
        """Of a loop's index: upper - step where step divides the distance, else upper - 1."""
        step = self.linear(loop.step).number
        if step is None or step < 1 or not self.stays_above(loop.upper):
            return None
        lower, upper = self.linear(loop.lower), self.linear(loop.upper)
        whole = self.stays_above(loop.lower) and self.stays_below(loop.lower) and self.divides(step, upper - lower)
        top = self.high(upper)
        return None if top is None else (top + Linear(constant=-(step if whole else 1))) * factor

    def stays_above(self, value: Value) -> bool:
        """Whether ``value``, as the sum that it is, has no need to wrap at the least number of its type."""
        least = self.low(self.linear(value))
        return least is not None and least >= int(integer(value).min)

    def stays_below(self, value: Value) -> bool:
        """The same for the largest number."""
        most = self.high(self.linear(value))
        if most is None or any(atom not in self.extents for atom, _ in most.terms):
            return False
        return most.constant + sum(max(f, 0) * LONGEST for _, f in most.terms) <= int(integer(value).max)

    def last_program(self, axis: int, factor: int) -> Linear | None:
        """Of a program id: with cdiv(E, B) programs factor B gives E - B where B divides E, else at most E - 1."""
        if self.grid is None:
            return None
        if axis >= len(self.grid):
            return Linear()
        count = self.grid[axis]
        if isinstance(count, Number):
            return Linear(constant=(max(count.value, 1) - 1) * factor)
        whole = count_of(count)
        if whole is None:
            return None
        extent_, block = whole
        if factor % block:
            return None
        return (extent_ + Linear(constant=-block if self.divides(block, extent_) else -1)) * (factor // block)


def integer(value: Value) -> DType:
    assert isinstance(value.type, Scalar)
    return value.type.dtype


def count_of(count: Expr) -> tuple[Linear, int] | None:
    """A grid axis as (extent, block) of ``cdiv(extent, block)``."""
    if isinstance(count, Name):
        return Linear(((count.name, 1),)), 1
    if isinstance(count, Combine) and count.operator == "cdiv" and isinstance(count.b, Number) and count.b.value > 0:
        if isinstance(count.a, Name):
            return Linear(((count.a.name, 1),)), count.b.value
    return None


def extent(dim: Dim) -> Linear:
    """The extent as a number or a name; nothing is known of a wide one, as sums of i32 may wrap on the way to it."""
    if dim.wide:
        return Linear(((object(), 1),))
    if dim.size is not None:
        return Linear(constant=dim.size)
    return Linear(((dim.name or object(), 1),))


def prove_bounds(func: Func) -> Func:
    """``func`` with ``inbounds`` set on each dimension of a load or store that is proved to lie inside.

    Offsets and extents are sums of dims, program ids (bounded by the grid) and loop indices (bounded by the loop).
    A dimension is inside when its least offset is at least 0 and extent - size - largest offset is at least 0.
    """
    facts = Facts(func)

    def rule(op: Op, builder: Builder) -> tuple[Value, ...] | None:
        if not isinstance(op, ops.Load | ops.Store):
            return None
        found = tuple(inside(facts, op, d) for d in range(len(op.offsets)))
        if not any(found) or found == op.inbounds:
            return None
        made = replace(op, inbounds=found, hints=tuple(r.hint for r in op.results))
        return builder.append(made).results

    return rewrite(func, rule)


def inside(facts: Facts, op: ops.Load | ops.Store, axis: int) -> bool:
    """Whether every element along ``axis`` lies inside the tensor."""
    kind = op.tensor.type
    shape = op.shape if isinstance(op, ops.Load) else op.value.type.shape  # type: ignore[union-attr]
    assert isinstance(kind, Tensor)
    at = facts.linear(op.offsets[axis])
    low, high = facts.low(at), facts.high(at)
    if low is None or low < 0 or high is None:
        return False
    room = facts.low(extent(kind.dims[axis]) - high + Linear(constant=-shape[axis]))
    return room is not None and room >= 0
