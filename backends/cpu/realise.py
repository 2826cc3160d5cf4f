"""The choice between a tile kept in scratch memory and one made anew where it is used."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from tilevm.ir import Block, Effect, Func, Op, Table, Value, ops
from tilevm.types import DType, Scalar, Tensor, Tile, f32

from .alias import disturbs, goes_straight
from .index import is_inline, is_tile, moves, shape

RECOMPUTE = 6  # so many cheap instructions are run twice rather than their result stored and read back
DEEPEST = 100  # instructions that are made one inside the other

cost: Table[[], int] = Table("cost of one element")


@cost.rule(Op)
def _(op: Op) -> int:
    return 1


@cost.rule(ops.FloatUnary)
def _(op: ops.FloatUnary) -> int:
    return 10


@cost.rule(ops.Div, ops.FloorDiv, ops.Mod, ops.Sqrt)
def _(op: Op) -> int:
    return 6


@cost.rule(ops.Floor, ops.Ceil)
def _(op: Op) -> int:
    return 1


@cost.rule(ops.Gather, ops.PointerLoad)
def _(op: Op) -> int:
    return 10


@cost.rule(ops.Philox)
def _(op: ops.Philox) -> int:
    return 60


@cost.rule(ops.Load)
def _(op: ops.Load) -> int:
    kind = op.tensor.type
    assert isinstance(kind, Tensor)
    return 1 if kind.strides[-1] == 1 else 10


def stored(value: Value) -> DType:
    """The dtype a kept value has in scratch: sums and extremes of 16-bit floats stay in f32 until they are read."""
    assert isinstance(value.type, Tile | Scalar)
    dtype = value.type.dtype
    return f32 if isinstance(value.owner, ops.Reduce) and dtype.is_float and dtype.bits < 32 else dtype


class Realisation:
    """Which tile values are *kept*: written to scratch once. All others are made where they are used."""

    def __init__(self, func: Func) -> None:
        self.kept: set[Value] = set()
        self._place: dict[Op, int] = {}
        self._home: dict[Value, Block] = {}
        self._users: dict[Value, list[tuple[Op, Block]]] = {}
        self._writes: list[int] = []
        self._roots: dict[Value, set[Op]] = {}
        self._order: list[Op] = []
        self._depth: dict[Value, int] = {}
        self._read(func.body)
        for op in reversed(self._order):
            self._by_structure(op)
        for op in self._order:
            self._by_cost(op)
            self._by_depth(op)

    def inline(self, value: Value) -> bool:
        """Whether the value is made where it is used."""
        return is_inline(value.owner) and value not in self.kept

    def made_here(self, value: Value) -> bool:
        """Whether a tile is made from its operands, element by element, by whoever uses it."""
        if not is_tile(value) or not self.inline(value):
            return False
        return not moves(value.owner)

    def taken_apart(self, value: Value) -> bool:
        """Whether more than one instruction takes the elements of what is made where it is used."""
        return self.inline(value) and len(self._roots[value]) > 1

    def _read(self, block: Block) -> None:
        for value in block.params:
            self._home[value] = block
        for op in block.ops:
            self._place[op] = len(self._order)
            self._order.append(op)
            if op.effect is Effect.WRITE and not op.terminator:
                self._writes.append(self._place[op])
            for value in op.operands:
                self._users.setdefault(value, []).append((op, block))
            for value in op.results:
                self._home[value] = block
            for inner in op.regions:
                self._read(inner)

    def _by_structure(self, op: Op) -> None:
        for value in op.results:
            if not is_tile(value):
                continue
            roots = self._roots[value] = set(self._consumers(value))
            kept = self._moved(value) or (not self.free(value) and self._must(op, value, roots))
            if kept or not is_inline(op):
                self.kept.add(value)

    def _consumers(self, value: Value) -> Iterator[Op]:
        for user, _ in self._users.get(value, ()):
            if is_inline(user) and is_tile(user.result) and user.result not in self.kept:
                yield from self._roots[user.result]
            else:
                yield user

    def _moved(self, value: Value) -> bool:
        return any(moves(user) for user, _ in self._users.get(value, ()))

    def _must(self, op: Op, value: Value, roots: set[Op]) -> bool:
        users = self._users.get(value, ())
        if any(block is not self._home[value] for _, block in users):
            return True  # used inside a loop or a branch: made once, outside
        if any(isinstance(user, ops.Yield) for user, _ in users):
            return True
        if op.effect is not Effect.READ:
            return False
        first, last = self._place[op], max((self._place[r] for r in roots), default=0)
        if any(first < w < last for w in self._writes):
            return True
        return any(disturbs(r, op, True) or (disturbs(r, op, False) and not goes_straight(op, r)) for r in roots)

    def free(self, value: Value) -> bool:
        """Made of numbers alone, so cheaper to make than to read."""
        op = value.owner
        if isinstance(op, ops.Splat | ops.Arange | ops.Empty):
            return True
        return isinstance(op, ops.Broadcast | ops.Permute | ops.Reshape) and self.free(op.x)

    def _by_cost(self, op: Op) -> None:
        for value in op.results:
            if not self.inline(value):
                continue
            if (len(self._roots.get(value, ())) > 1 and self._dear(value)) or self._repeated(value):
                self.kept.add(value)

    def _repeated(self, value: Value) -> bool:
        """Whether rows are computed that a broadcast then takes many times."""
        op = value.owner
        if (
            op is None
            or self.free(value)
            or not is_tile(value)
            or isinstance(op, ops.Load | ops.Broadcast | ops.Reshape)
        ):
            return False
        return any(prod(user.shape) >= 8 * prod(shape(value)) for user in self._broadcasts(value))

    def _broadcasts(self, value: Value) -> Iterator[ops.Broadcast]:
        """What stretches a value, behind dimensions of extent 1 that it is given."""
        for user, _ in self._users.get(value, ()):
            if isinstance(user, ops.Broadcast):
                yield user
            elif isinstance(user, ops.Reshape) and self.inline(user.result):
                yield from self._broadcasts(user.result)

    def _dear(self, value: Value) -> bool:
        """Whether it takes more than :data:`RECOMPUTE` to make ``value`` again."""
        total, seen, pending = 0, set[Value](), [value]
        while pending and total <= RECOMPUTE:
            found = pending.pop()
            if found in seen or found.owner is None or not is_tile(found) or not self.inline(found):
                continue
            seen.add(found)
            if not self.free(found):
                total += cost(found.owner)
                pending += found.owner.operands
        return total > RECOMPUTE

    def _by_depth(self, op: Op) -> None:
        """What is made from its operands is emitted by a function that calls itself: not without end."""
        depth = 1 + max((self._depth.get(v, 0) for v in op.operands), default=0)
        for value in op.results:
            if is_tile(value) and self.inline(value):
                if depth > DEEPEST:
                    self.kept.add(value)
                else:
                    self._depth[value] = depth
