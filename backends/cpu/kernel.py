"""One program of a kernel as an LLVM function: steps in order, numbers, loops and branches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir

from tilevm.abi import KernelAbi
from tilevm.ir import Block, Func, Op, Table, Value, ops
from tilevm.types import Scalar

from . import access, arithmetic, atomics, extremes, leaves, pieces, random, scanning, sorting, telling, view
from .casts import convert
from .context import Context
from .dot import product as dot
from .emit import I32, I64, LLVM, PTR, VOID, Emitter
from .group import Nest, leaf
from .host import Host
from .index import Node, is_tile
from .memory import Memory
from .points import dtype_of
from .realise import Realisation
from .steps import Control, Fold, Group, Number, Product, Scheduler, Step, Whole
from .streaming import streamable
from .whole import whole

RULES = (extremes, leaves, pieces, random, scanning, sorting, telling, view)  # importing them fills the tables
number: Table[[Kernel], LLVM] = Table("LLVM for an instruction on numbers")
control: Table[[Kernel, Control], None] = Table("LLVM for control flow")


class Kernel:
    """Emits ``block(words, scratch, x, y, z, nx, ny, nz)``, which runs one program of the grid."""

    def __init__(self, module: ir.Module, func: Func, abi: KernelAbi, host: Host) -> None:
        kind = ir.FunctionType(VOID, [PTR, PTR, *[I32] * 6])
        self.function = ir.Function(module, kind, "block")
        self.function.linkage = "internal"
        scheduler = Scheduler(Realisation(func), host)
        self.steps = scheduler.block(func.body)
        memory = Memory(scheduler, self.steps)
        words, scratch, *numbers = self.function.args
        self.c = Context(Emitter(module, self.function, host), scheduler, memory, scratch)
        self.c.programs, self.c.grid = numbers[:3], numbers[3:]
        self.c.read_arguments(func, abi, words)
        self.c.streamable = streamable(func, host)
        self.scratch_bytes = memory.size

    def emit(self) -> None:
        self.run(self.steps)
        self.c.e.b.ret_void()

    def run(self, steps: Sequence[Step]) -> None:
        for step in steps:
            if isinstance(step, Group):
                self.group(step)
            elif isinstance(step, Product):
                dot.emit(self.c, step)
            elif isinstance(step, Whole):
                whole(step.op, self.c, step)
            elif isinstance(step, Number):
                self.number(step.op)
            else:
                control(step.op, self, step)

    def group(self, group: Group) -> None:
        of = self.c.memory.of
        group.roots = [r for r in group.roots if not self.in_place(r)]
        if group.roots:
            Nest(self.c, group).emit()
        for root in group.roots:
            if isinstance(root, Fold) and not is_tile(root.op.result):
                buffer = of[root.op.result]
                row = access.Row(self.c.buffer(buffer), buffer.dtype, 0)
                found = access.load_scalar(self.c, row, None)
                self.c.numbers[root.op.result] = convert(self.c.e, found, buffer.dtype, dtype_of(root.op.result))

    def in_place(self, root: Any) -> bool:
        """Whether a copy would go to where its source lies."""
        of = self.c.memory.of
        if isinstance(root, Fold) or not hasattr(root, "into") or root.value is root.into:
            return False
        return root.value in of and of[root.value] is of[root.into]

    def number(self, op: Op) -> None:
        if type(op) in number:
            found = number(op, self)
        else:
            found = arithmetic.compute(op, self.c.e, [self.c.numbers[v] for v in op.operands])
        if op.results:
            self.c.numbers[op.result] = found

    def numbers(self, values: Sequence[Value]) -> list[LLVM]:
        """The LLVM values of the numbers among ``values``."""
        return [self.c.numbers[v] for v in values if not is_tile(v)]

    def name(self, values: Sequence[Value], found: Sequence[LLVM]) -> None:
        for value, made in zip((v for v in values if not is_tile(v)), found, strict=True):
            self.c.numbers[value] = made

    def region(self, steps: Sequence[Step], block: Block) -> list[LLVM]:
        """The steps of a region, and the numbers it yields."""
        self.run(steps)
        return self.numbers(block.end.operands)


@number.rule(ops.Constant)
def _(op: ops.Constant, k: Kernel) -> LLVM:
    return arithmetic.constant(k.c.e, op.value, op.of)


@number.rule(ops.ProgramId)
def _(op: ops.ProgramId, k: Kernel) -> LLVM:
    return k.c.programs[op.axis]


@number.rule(ops.NumPrograms)
def _(op: ops.NumPrograms, k: Kernel) -> LLVM:
    return k.c.grid[op.axis]


@number.rule(ops.Extent)
def _(op: ops.Extent, k: Kernel) -> LLVM:
    return k.c.extent(op.tensor, op.axis)


@number.rule(ops.Gather, ops.PointerLoad)
def _(op: ops.Gather | ops.PointerLoad, k: Kernel) -> LLVM:
    return leaf(op, Nest(k.c, Group(())), Node(op.result, ()), k.c.e.i64(0), 0, 0)


@number.rule(ops.Scatter, ops.PointerStore)
def _(op: ops.Scatter | ops.PointerStore, k: Kernel) -> LLVM:
    held = [k.c.numbers[v] for v in op.operands[1:]]
    Nest(k.c, Group(())).scatter(op, held, 0)
    return None


@number.rule(ops.Atomic, ops.AtomicCas)
def _(op: ops.Atomic | ops.AtomicCas, k: Kernel) -> LLVM:
    return atomics.one(op, k.c, [k.c.numbers[v] for v in op.operands[1:]])


@number.rule(ops.Print)
def _(op: ops.Print, k: Kernel) -> LLVM:
    telling.show(k.c, op)


@number.rule(ops.Assert)
def _(op: ops.Assert, k: Kernel) -> LLVM:
    telling.check(k.c, op, k.c.numbers[op.condition], k.c.e.i64(0))


@control.rule(ops.For)
def _(op: ops.For, k: Kernel, step: Control) -> None:
    k.run(step.entry)
    e, i, *params = k.c.e, *op.body.params
    assert isinstance(i.type, Scalar)
    width = k.c.numbers[op.lower].type
    lower, upper, stride = (k.c.index(v) for v in (op.lower, op.upper, op.step))
    count = trips(e, lower, upper, stride)

    def body(n: LLVM, carried: list[LLVM]) -> list[LLVM]:
        at = e.b.add(lower, e.b.mul(n, stride))
        k.c.numbers[i] = at if width == I64 else e.b.trunc(at, width)
        k.name(params, carried)
        k.c.loops.append((i, stride))
        made = k.region(step.regions[0], op.body)
        k.c.loops.pop()
        return made

    k.name(op.results, e.loop(count, k.numbers(op.carried), body))


def trips(e: Emitter, lower: LLVM, upper: LLVM, step: LLVM) -> LLVM:
    """``max(0, ceil((upper - lower) / step))``, and 0 for a step of 0."""
    zero, one = e.i64(0), e.i64(1)
    down = e.b.icmp_signed("<", step, zero)
    distance = e.b.select(down, e.b.sub(lower, upper), e.b.sub(upper, lower))
    size = e.b.select(down, e.b.sub(zero, step), step)
    never = e.b.or_(e.b.icmp_signed("==", step, zero), e.b.icmp_signed("<=", distance, zero))
    safe = e.b.select(e.b.icmp_signed("==", step, zero), one, size)
    count = e.b.udiv(e.b.add(distance, e.b.sub(safe, one)), safe)
    return e.b.select(never, zero, count)


@control.rule(ops.While)
def _(op: ops.While, k: Kernel, step: Control) -> None:
    k.run(step.entry)
    e = k.c.e
    first = k.numbers(op.carried)
    head, inside, done = e.block("while"), e.block("do"), e.block("done")
    before = e.b.block
    e.b.branch(head)
    e.b.position_at_end(head)
    phis = [e.b.phi(v.type) for v in first]
    k.name(op.condition.params, phis)
    (go,) = k.region(step.regions[0], op.condition)
    e.b.cbranch(go, inside, done)
    e.b.position_at_end(inside)
    k.name(op.body.params, phis)
    again = k.region(step.regions[1], op.body)
    for phi, a, b in zip(phis, first, again, strict=True):
        phi.add_incoming(a, before)
        phi.add_incoming(b, e.b.block)
    e.b.branch(head)
    e.b.position_at_end(done)
    k.name(op.results, phis)


@control.rule(ops.If)
def _(op: ops.If, k: Kernel, step: Control) -> None:
    then, otherwise = (lambda s=s, b=b: k.region(s, b) for s, b in zip(step.regions, op.regions, strict=True))
    k.name(op.results, k.c.e.either(k.c.numbers[op.condition], then, otherwise))
