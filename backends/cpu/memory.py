"""Scratch memory: which tiles share a buffer, how long each lives, where it lies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from tilevm.ir import Value, ops
from tilevm.types import DType

from .dot.plan import Dot
from .emit import memory_bytes
from .index import identity, is_tile, shape, whole_tile
from .realise import stored
from .steps import Control, Fold, Group, Keep, Product, Scheduler, Step, Whole

ALIGN = 64  # bytes: a cache line, and the widest vector


@dataclass(eq=False)
class Buffer:
    """``size`` elements of ``dtype``, live from step ``first`` to step ``last``, at ``offset`` bytes."""

    dtype: DType
    size: int
    first: int
    last: int
    offset: int = -1

    @property
    def bytes(self) -> int:
        return -(-self.size * memory_bytes(self.dtype) // ALIGN) * ALIGN


@dataclass(frozen=True)
class Read:
    """A use of a kept value; ``aligned``: element by element with what the step writes."""

    step: int
    value: Value
    aligned: bool


class Memory:
    """Buffers of all kept values of a function, and of what its products take."""

    def __init__(self, scheduler: Scheduler, steps: list[Step]) -> None:
        self.of: dict[Value, Buffer] = {}
        self._scheduler = scheduler
        self._number: dict[int, int] = {}
        self._loops: list[tuple[int, int]] = []
        self._reads: dict[Value, list[Read]] = {}
        self._writes: dict[Value, list[int]] = {}
        self._prefer: dict[Value, list[Value]] = {}
        self._count(steps)
        self._place(steps)
        self.size = self._lay_out()

    def _count(self, steps: list[Step]) -> None:
        for step in steps:
            if isinstance(step, Control):
                self._count(list(step.entry))
            n = self._number[id(step)] = len(self._number)
            for read in self._uses(step, n):
                self._reads.setdefault(read.value, []).append(read)
            for value in written(step):
                self._writes.setdefault(value, []).append(n)
            if isinstance(step, Control):
                for region in step.regions:
                    self._count(region)
                if not isinstance(step.op, ops.If):
                    self._loops.append((n, len(self._number) - 1))

    def _uses(self, step: Step, n: int) -> Iterator[Read]:
        if isinstance(step, Group):
            whole = identity(len(step.domain))
            for root in step.roots:
                for node in self._scheduler.nodes(root, step.made):
                    yield from self._read(node.value, n, node.map == whole)
        if isinstance(step, Product):
            yield Read(n, step.plan.packed, False)
            for value in (step.op.a, step.op.b):
                for node in self._scheduler.below(whole_tile(value), set()):
                    yield from self._read(node.value, n, False)
            for node in self._scheduler.below(whole_tile(step.op.acc), set()):
                yield from self._read(node.value, n, node.map == identity(2))
        if isinstance(step, Whole):
            for value in filter(is_tile, step.op.operands):
                yield Read(n, step.held(value), False)

    def _read(self, value: Value, n: int, aligned: bool) -> Iterator[Read]:
        yield Read(n, value, aligned)
        if isinstance(value.owner, ops.Reshape | ops.Slice):
            yield Read(n, value.owner.x, False)

    def _place(self, steps: list[Step]) -> None:
        for step in steps:
            n = self._number[id(step)]
            if isinstance(step, Product):
                self._prefer.setdefault(step.op.result, []).append(step.op.acc)
                if step.plan.start.base is not None:
                    self._prefer[step.op.result].append(step.plan.start.base)
            for value in written(step):
                self._define(value, n)
            if isinstance(step, Control):
                self._control(step, n)

    def _control(self, step: Control, n: int) -> None:
        op = step.op
        if isinstance(op, ops.If):
            for value in filter(is_tile, op.results):
                self._define(value, n)
        self._place(list(step.entry))
        if isinstance(op, ops.For | ops.While):
            self._carry(op)
        for region in step.regions:
            self._place(region)
        if isinstance(op, ops.For | ops.While):
            params = op.body.params[-len(op.carried) :] if op.carried else ()
            for result, param in zip(op.results, params, strict=True):
                if is_tile(result):
                    self.of[result], self._writes[result] = self.of[param], self._writes.get(param, [])

    def _carry(self, op: ops.For | ops.While) -> None:
        """The carried tiles of a loop: parameter, result and, where it may, what the body yields share a buffer."""
        params = op.body.params[1:] if isinstance(op, ops.For) else op.body.params
        others = op.condition.params if isinstance(op, ops.While) else params
        for param, other, new in zip(params, others, op.body.end.operands, strict=True):
            if not is_tile(param):
                continue
            self.of[other], self._writes[other] = self.of[param], self._writes.get(param, [])
            self._prefer.setdefault(new, []).append(param)
            if isinstance(new.owner, Dot) and len(self._reads.get(new.owner.acc, ())) == 1:
                self._prefer.setdefault(new.owner.acc, []).append(param)

    def _define(self, value: Value, n: int) -> None:
        """A buffer for ``value``, written at step ``n``: one that it may share, or a new one."""
        if value not in self.of:
            shared = (self.of[w] for w in self._prefer.get(value, ()) if w in self.of)
            fresh = Buffer(stored(value), prod(shape(value)), n, n)
            self.of[value] = next((b for b in shared if self._may_share(b, value, n)), fresh)
        self.of[value].last = max(self.of[value].last, n)

    def _may_share(self, buffer: Buffer, value: Value, n: int) -> bool:
        """Nothing in ``buffer`` is read after ``value`` goes there, nor out of step with it; and the reverse."""
        if (buffer.dtype, buffer.size) != (stored(value), prod(shape(value))):
            return False
        held = [v for v, b in self.of.items() if b is buffer]
        if any(later(r, n) for v in held for r in self._reads.get(v, ())):
            return False
        again = [w for v in held for w in self._writes.get(v, ()) if w > n]
        if any(later(r, w) for w in again for r in self._reads.get(value, ())):
            return False
        return not any(self._read_next_trip(v, n) for v in held)

    def _read_next_trip(self, value: Value, n: int) -> bool:
        """Whether a loop around step ``n`` reads ``value`` and never writes it, so that it has to outlive a trip."""
        loops = [(first, last) for first, last in self._loops if first <= n <= last]
        return any(
            any(first <= r.step <= last for r in self._reads.get(value, ()))
            and not any(first < w <= last for w in self._writes.get(value, ()))
            for first, last in loops
        )

    def _lay_out(self) -> int:
        for value, buffer in self.of.items():
            steps = [r.step for r in self._reads.get(value, ())]
            buffer.last = max([buffer.last, *steps])
        buffers = sorted(dict.fromkeys(self.of.values()), key=lambda b: b.first)
        for buffer in buffers:
            for first, last in self._loops:
                if buffer.first <= last and buffer.last >= first and not first < buffer.first <= buffer.last <= last:
                    buffer.last = max(buffer.last, last)
        return _first_fit(buffers)


def later(read: Read, n: int) -> bool:
    """Whether a read comes after what step ``n`` writes, or out of step with it."""
    return read.step > n or (read.step == n and not read.aligned)


def written(step: Step) -> list[Value]:
    """What a step writes in scratch, in order."""
    if isinstance(step, Group):
        return [r.into if isinstance(r, Keep) else r.op.result for r in step.roots if isinstance(r, Keep | Fold)]
    if isinstance(step, Whole):
        return step.kept()
    return [step.op.result, *step.plan.scratch()] if isinstance(step, Product) else []


def _first_fit(buffers: list[Buffer]) -> int:
    """Offsets for buffers in order of their first step; the bytes needed in all."""
    placed: list[Buffer] = []
    for buffer in buffers:
        buffer.offset = 0
        for other in sorted((p for p in placed if p.last >= buffer.first), key=lambda p: p.offset):
            if other.offset < buffer.offset + buffer.bytes and buffer.offset < other.offset + other.bytes:
                buffer.offset = other.offset + other.bytes
        placed.append(buffer)
    return max((b.offset + b.bytes for b in buffers), default=0)
