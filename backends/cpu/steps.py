"""A kernel as steps: groups of instructions that share a loop, matrix products, numbers, and control flow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tilevm.ir import Block, Effect, Op, Value, ops
from tilevm.types import Tile, u8

from .alias import disturbs
from .dot.plan import Dot, Plan, plan
from .host import Host
from .index import Node, identity, inputs, is_inline, is_tile, is_whole, moves, shape, whole_tile
from .realise import Realisation
from .work import work

LOOK_BACK = 12  # steps that are searched for loops to join


@dataclass(eq=False)
class Keep:
    """Write ``value`` to scratch; ``into`` is the value whose memory it goes to."""

    value: Value
    into: Value


@dataclass(eq=False)
class Write:
    """Store a tile to global memory."""

    op: ops.Store | ops.Scatter | ops.PointerStore


@dataclass(eq=False)
class Fold:
    """Reduce a tile along an axis, into scratch."""

    op: ops.Reduce


Root = Keep | Write | Fold


@dataclass(eq=False)
class Group:
    """Roots that run in one nest of loops over ``domain``."""

    domain: tuple[int, ...]
    roots: list[Root] = field(default_factory=list)

    @property
    def made(self) -> set[Value]:
        """Values that the group writes to scratch."""
        return {r.into if isinstance(r, Keep) else r.op.result for r in self.roots if not isinstance(r, Write)}


@dataclass(eq=False)
class Product:
    """A dot, and how it is made."""

    op: Dot
    plan: Plan


@dataclass(eq=False)
class Whole:
    """An instruction on whole tiles in scratch.

    ``staged``: where operands lie that are copied for it; ``work``: bytes of its own.
    """

    op: Op
    staged: dict[Value, Value]
    work: Value | None = None

    def held(self, value: Value) -> Value:
        """The value under which an operand is kept."""
        return self.staged.get(value, value)

    def kept(self) -> list[Value]:
        """What the instruction writes in scratch."""
        return [v for v in (*self.op.results, self.work) if v is not None and is_tile(v)]


@dataclass(eq=False)
class Number:
    """An instruction on scalars."""

    op: Op


@dataclass(eq=False)
class Control:
    """A loop or branch, with the steps of each region; ``entry`` fills carried tiles before it."""

    op: Op
    entry: list[Group]
    regions: list[list[Step]]


Step = Group | Product | Whole | Number | Control


def sources(root: Root) -> list[Value]:
    """The tiles that a root reads over its domain."""
    if isinstance(root, Keep):
        return [root.value]
    if isinstance(root, Fold):
        return [root.op.x]
    skip = root.op.pointer if isinstance(root.op, ops.PointerStore) else root.op.tensor
    return [v for v in root.op.operands if v is not skip and is_tile(v)]


def domain(root: Root) -> tuple[int, ...]:
    return shape(sources(root)[0])


class Scheduler:
    """Deals the instructions of a function out to steps."""

    def __init__(self, realised: Realisation, host: Host) -> None:
        self.realised, self.host = realised, host
        self._place: dict[Op, int] = {}

    def block(self, block: Block) -> list[Step]:
        """The steps of a block without its yield; carried tiles are copied by :meth:`handover`."""
        steps: list[Step] = []
        for op in block.ops:
            self._place[op] = len(self._place)
            product = Product(op, plan(op, self.host, self.realised)) if isinstance(op, Dot) else None
            root = self.packing(product) if product else self.root(op)
            if root:
                self.settle(root, steps)
            step = product or (None if root else self.step(op))
            if isinstance(step, Whole):
                for value, staged in step.staged.items():
                    self.settle(Keep(value, staged), steps)
            if step is not None:
                steps.append(step)
        return steps

    def settle(self, root: Root, steps: list[Step]) -> None:
        """Put ``root`` into the nearest group that it may join, past steps that it does not depend on."""
        needs = {n.value for n in self.reads(root, set())}
        for step in reversed(steps[-LOOK_BACK:]):
            if isinstance(step, Group) and self.joins(step, root):
                step.roots.append(root)
                return
            if not self.passes(root, needs, step):
                break
        steps.append(Group(domain(root), [root]))

    def passes(self, root: Root, needs: set[Value], step: Step) -> bool:
        """Whether ``root``, made from ``needs``, may as well run before ``step``."""
        if isinstance(root, Write) or isinstance(step, Control):
            return False
        if isinstance(step, Group):
            made, writes = step.made, any(isinstance(r, Write) for r in step.roots)
        else:
            made, writes = set(step.op.results), step.op.effect is Effect.WRITE
        reads = any(v.owner is not None and v.owner.effect is Effect.READ for v in needs)
        return not made & needs and not (reads and writes)

    def packing(self, product: Product) -> Root | None:
        """The left operand of a product on its way into rows, along with what else the loops before make."""
        return Keep(product.op.a, product.plan.packed) if product.plan.fused else None

    def root(self, op: Op) -> Root | None:
        if isinstance(op, ops.Reduce):
            return Fold(op)
        if isinstance(op, ops.Store | ops.Scatter | ops.PointerStore) and is_tile(op.value):
            return Write(op)
        if is_inline(op) and op.result in self.realised.kept:
            return Keep(op.result, op.result)
        return None

    def step(self, op: Op) -> Step | None:
        if is_whole(op):
            made = [v for v in op.operands if is_tile(v) and self.realised.inline(v)]
            own = Value(Tile(u8, (work(op),)), "work") if type(op) in work else None
            return Whole(op, {v: Value(v.type, "staged") for v in made}, own)
        if isinstance(op, ops.For | ops.While):
            params = op.body.params[1:] if isinstance(op, ops.For) else op.body.params
            entry = self.handover(op.carried, params)
            regions = [self.region(r, params if r is op.body else ()) for r in op.regions]
            return Control(op, entry, regions)
        if isinstance(op, ops.If):
            return Control(op, [], [self.region(r, op.results) for r in op.regions])
        inline = is_inline(op) and is_tile(op.result)
        return None if inline or op.terminator else Number(op)

    def region(self, block: Block, into: tuple[Value, ...]) -> list[Step]:
        steps = self.block(block)
        values = block.end.operands if into else ()
        return [*steps, *self.handover(values, into)]

    def handover(self, values: tuple[Value, ...], into: tuple[Value, ...]) -> list[Group]:
        """Copies of tiles into the memory of others; numbers need none."""
        pairs = [(v, to) for v, to in zip(values, into, strict=True) if is_tile(v) and v is not to]
        staged = {v: Value(v.type, "swap") for v, _ in pairs if v in into}  # would be overwritten before it is read
        first = [Group(shape(v), [Keep(v, stage)]) for v, stage in staged.items()]
        return first + [Group(shape(v), [Keep(staged.get(v, v), to)]) for v, to in pairs]

    def joins(self, group: Group, root: Root) -> bool:
        """Whether ``root`` may run in the loops of ``group``."""
        if domain(root) != group.domain:
            return False
        made, written = group.made, [r.op for r in group.roots if isinstance(r, Write)]
        whole = identity(len(group.domain))
        for node in self.reads(root, set(made)):
            if node.value in made and (node.map != whole or self.folded(group, node.value)):
                return False
            read_by = node.value.owner
            if isinstance(read_by, ops.Load | ops.Gather | ops.PointerLoad):
                if self.opens(node.value, made | self.begun(root)) and any(
                    self._place[w] < self._place[read_by] for w in written
                ):
                    return False
        if not isinstance(root, Write):
            return True
        if any(disturbs(root.op, w, True) for w in written):
            return False
        return not any(
            n.value.owner is not None and self.opens(n.value, made) and disturbs(root.op, n.value.owner, n.map == whole)
            for earlier in group.roots
            for n in self.nodes(earlier, made)
        )

    def folded(self, group: Group, value: Value) -> bool:
        return any(isinstance(r, Fold) and r.op.result is value for r in group.roots)

    def nodes(self, root: Root, making: set[Value]) -> Iterator[Node]:
        """Every tile or number that ``root`` is made from, down to what is read from memory."""
        for value in sources(root):
            yield from self.below(whole_tile(value), making | self.begun(root))

    def reads(self, root: Root, making: set[Value]) -> Iterator[Node]:
        """The nodes of ``root``, and what those lie in whose elements are moved, at no place in particular."""
        making = making | self.begun(root)
        for node in self.nodes(root, making):
            yield node
            op, kept = node.value.owner, node.value in self.realised.kept and node.value not in making
            if isinstance(op, ops.Reshape | ops.Slice) and moves(op) and not kept:
                yield Node(op.x, (None,) * len(shape(op.x)))

    def begun(self, root: Root) -> set[Value]:
        """The kept value that ``root`` itself makes."""
        return {root.value} if isinstance(root, Keep) and root.into is root.value else set()

    def below(self, node: Node, making: set[Value]) -> Iterator[Node]:
        """``node`` and all it is made from, each once."""
        seen, pending = set[Node](), [node]
        while pending:
            node = pending.pop()
            if node in seen:
                continue
            seen.add(node)
            yield node
            if self.opens(node.value, making):
                assert node.value.owner is not None
                pending += reversed(inputs(node.value.owner, node.map))

    def opens(self, value: Value, making: set[Value]) -> bool:
        """Whether a value is made here, from its operands, rather than read from scratch."""
        if value in making and is_tile(value) and is_inline(value.owner):
            return not moves(value.owner)
        return self.realised.made_here(value)
