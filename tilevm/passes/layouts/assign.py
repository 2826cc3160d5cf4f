"""The pass: a function whose tiles lie somewhere, conversions where demands disagree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from tilevm.ir import Block, Func, Op, Role, Value, ops
from tilevm.ir.core import lying
from tilevm.layout import Layout
from tilevm.passes.layouts.problem import Problem, Route
from tilevm.passes.layouts.products import Choice
from tilevm.passes.layouts.relate import is_tile, shape
from tilevm.passes.layouts.room import room
from tilevm.passes.layouts.solve import State, solve
from tilevm.target import Target
from tilevm.types import Tile


@dataclass(frozen=True)
class Conversion:
    """One that was inserted: of which value, for which instruction."""

    value: Value
    source: Layout
    wanted: Layout
    op: Op


@dataclass(frozen=True)
class Assignment:
    """What was decided, for whoever explains it. ``now``: what stands in ``func`` for a value of the input."""

    func: Func
    problem: Problem
    state: State
    conversions: tuple[Conversion, ...]
    now: Mapping[Value, Value]


def assign(func: Func, target: Target, warps: int) -> Func:
    """``func`` with a layout on every tile, for blocks of ``warps`` of ``target``.

    Products, accesses of memory and hints propose; proposals travel through the instructions; of those that reach a
    group of tiles that share a layout, the one is taken with which accesses, conversions and repeated work cost
    least. Where demands still disagree, ``convert`` stands between.
    """
    return assignment(func, target, warps).func


def assignment(func: Func, target: Target, warps: int) -> Assignment:
    """The same with the reasons. Raises TileError for hints that cannot be obeyed."""
    problem = Problem(func, room(target, warps))
    state = solve(problem)
    writer = Writer(problem, state)
    body = writer.block(func.body, func.body.params)
    return Assignment(replace(func, body=body), problem, state, tuple(writer.conversions), writer.now)


@dataclass
class Writer:
    """Writes the function anew. ``now``: what stands for each value; ``ready``: what was converted, by block."""

    problem: Problem
    state: State
    now: dict[Value, Value] = field(default_factory=dict)
    ready: list[dict[tuple[Value, Layout], Value]] = field(default_factory=list)
    made: list[list[Op]] = field(default_factory=list)
    conversions: list[Conversion] = field(default_factory=list)

    def layout(self, value: Value) -> Layout | None:
        """The layout of a value's group; None for what is made in any, and for numbers."""
        number = self.problem.of(value)
        return None if number is None else self.state.layouts[number]

    def block(self, block: Block, params: Sequence[Value]) -> Block:
        for old, new in zip(block.params, params, strict=True):
            self.now[old] = new
        with self.opened() as made:
            for op in block.ops:
                self.op(op)
        return Block(tuple(params), tuple(made))

    @contextmanager
    def opened(self) -> Iterator[list[Op]]:
        """A block that takes what is written, with conversions of its own."""
        self.made.append([])
        self.ready.append({})
        try:
            yield self.made[-1]
        finally:
            self.made.pop()
            self.ready.pop()

    def op(self, op: Op) -> None:
        """Write an instruction: its operands as it wants them, its results as their groups have them."""
        if op in self.problem.relations.made.values():
            return  # where it is used
        wanted, natural = self.demands(op)
        operands = [self.use(op, value, layout) for value, layout in zip(op.operands, wanted, strict=True)]
        regions = [self.block(inner, self.params(op, inner)) for inner in op.regions]
        hints = tuple(value.hint for value in op.results)
        made = replace(op, layouts=tuple(natural), hints=hints).with_parts(operands, regions)
        self.made[-1].append(made)
        for old, new in zip(op.results, made.results, strict=True):
            final = self.layout(old)
            self.now[old] = new if final is None else self.converted(new, old, final, op)

    def params(self, op: Op, inner: Block) -> list[Value]:
        """Parameters of a block inside; those of a combining block are numbers and stay."""
        return [Value(lying(value.type, self.layout(value)), value.hint) for value in inner.params]

    def demands(self, op: Op) -> tuple[list[Layout | None], list[Layout | None]]:
        """The layouts in which an instruction wants its operands (None: any), and in which it makes its results."""
        wanted = [self.problem.ports.get((op, value)) for value in op.operands]
        layouts = [
            self.layout(value) if port is None else self.state.layouts[port]
            for value, port in zip(op.operands, wanted, strict=True)
        ]
        results = [self.layout(value) for value in op.results]
        if isinstance(op, ops.Load | ops.Store):
            return self.access(op, layouts, results)
        if isinstance(op, ops.Dot | ops.DotScaled):
            return self.product(op, self.state.ways[op])
        for number, route in self.routes(op):
            link = self.problem.relations.links[number]
            layouts = [
                route.wanted if value is link.x else layout for value, layout in zip(op.operands, layouts, strict=True)
            ]
            results = [
                route.made if value is link.y else layout for value, layout in zip(op.results, results, strict=True)
            ]
        return layouts, results

    def routes(self, op: Op) -> Iterator[tuple[int, Route]]:
        """The ways over the links of an instruction."""
        for number in self.problem.links_of.get(op, ()):
            link = self.problem.relations.links[number]
            y = self.layout(link.y)
            assert y is not None, "what a link makes is in a group"
            yield number, self.problem.route(number, self.layout(link.x), y)

    def access(
        self, op: ops.Load | ops.Store, wanted: list[Layout | None], results: list[Layout | None]
    ) -> tuple[list[Layout | None], list[Layout | None]]:
        value = op.result if isinstance(op, ops.Load) else op.value
        moved = self.problem.moving(op, self.layout(value))[1]
        if isinstance(op, ops.Load):
            return wanted, [moved]
        return [moved if operand is op.value else None for operand in op.operands], results

    def product(self, op: ops.Dot | ops.DotScaled, way: Choice) -> tuple[list[Layout | None], list[Layout | None]]:
        asked = {"a": way.a, "b": way.b, "acc": way.c}  # by name: a tile may be both factors
        given = op.part(Role.OPERAND, Role.OPTIONAL)
        return [asked.get(name) for name, value in given if value is not None], [way.c]

    def use(self, op: Op, value: Value, wanted: Layout | None) -> Value:
        """A value in the layout that an instruction wants."""
        if not is_tile(value):
            return self.now.get(value, value)
        maker = self.problem.relations.made.get(value)
        if maker is not None:
            return self.remade(maker, value, wanted or self.problem.room.blocked(shape(value), (), 1))
        return self.now[value] if wanted is None else self.converted(self.now[value], value, wanted, op)

    def remade(self, maker: Op, value: Value, layout: Layout) -> Value:
        """A tile that is made in any layout, made in this one; once a block."""
        for known in self.ready:
            if (value, layout) in known:
                return known[value, layout]
        made = replace(maker, layouts=(layout,), hints=(value.hint,))
        again = made.with_parts([self.now.get(v, v) for v in maker.operands], ())
        self.made[-1].append(again)
        self.ready[-1][value, layout] = again.result
        return again.result

    def converted(self, held: Value, value: Value, layout: Layout, op: Op) -> Value:
        """``held`` in ``layout``; converted once a block."""
        assert isinstance(held.type, Tile) and held.type.layout is not None, "a tile that lies somewhere"
        source = held.type.layout
        if source == layout:
            return held
        for known in self.ready:
            if (held, layout) in known:
                return known[held, layout]
        made = ops.Convert(x=held, layouts=(layout,), hints=(value.hint,), span=op.span)
        self.made[-1].append(made)
        self.ready[-1][held, layout] = made.result
        self.conversions.append(Conversion(value, source, layout, op))
        return made.result
