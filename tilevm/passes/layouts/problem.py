"""Groups of tiles that share a layout, what layouts they may have, and what each costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tilevm.ir import Func, Op, Value, ops
from tilevm.layout import Layout, LayoutError, replicate
from tilevm.passes.layouts.cost import access, contiguous, conversion, folding
from tilevm.passes.layouts.products import Choice, choices, tile_of
from tilevm.passes.layouts.relate import Link, Relations, is_tile, relations, shape
from tilevm.passes.layouts.room import Room
from tilevm.source import Span, TileError
from tilevm.types import Tensor

LOOP = 8.0  # how often a loop is thought to run
MOST_CANDIDATES = 12
ROUNDS = 3  # how far candidates travel over links
COPY = 40.0  # issue slots of a trip through shared memory that no conversion plans


@dataclass
class Group:
    """Tiles of one layout. ``candidates``: layout → why. ``pinned``: the hint that fixed it."""

    shape: tuple[int, ...]
    bits: int
    members: list[Value] = field(default_factory=list)
    candidates: dict[Layout, str] = field(default_factory=dict)
    pinned: ops.SetLayout | None = None


@dataclass(frozen=True)
class Route:
    """How a link gets from the layout of x to that of y: x is converted to ``wanted``, y is made in ``made``."""

    cost: float
    wanted: Layout
    made: Layout


class Problem:
    """A function's groups and what binds them; ``state`` elsewhere says which candidate each group has."""

    def __init__(self, func: Func, room: Room) -> None:
        self.room = room
        self.relations = relations(func.body)
        self.groups: list[Group] = []
        self.group_of: dict[Value, int] = {}
        self.ports: dict[tuple[Op, Value], int] = {}  # uses of values that are made in any layout
        self.choices: dict[Op, tuple[Choice, ...]] = {op: choices(op, room) for op in self.relations.products}
        self.routes: dict[tuple[int, Layout | None, Layout], Route] = {}
        gather(self)
        pin(self)
        propose(self)

    def weight(self, op: Op) -> float:
        """How often an instruction is thought to run."""
        return LOOP ** self.relations.depth[op]

    def of(self, value: Value) -> int | None:
        """The group of a tile; None for one that is made in any layout."""
        return self.group_of.get(value)

    def ideal(self, op: ops.Load | ops.Store) -> Layout:
        """The layout in which a load or store moves the most at once."""
        tensor, box = memory(op)
        dim, vector = contiguous(tensor, box)
        return self.room.blocked(box, (dim,), vector)

    def access(self, op: ops.Load | ops.Store, layout: Layout) -> float:
        """The cost of a load or store as the tile lies."""
        tensor, box = memory(op)
        return access(layout, *contiguous(tensor, box), tensor.dtype.bits, self.room)

    def moving(self, op: ops.Load | ops.Store, layout: Layout | None) -> tuple[float, Layout]:
        """The cheaper of an access as the tile lies and one in the ideal layout with a conversion; and its layout."""
        ideal = self.ideal(op)
        best = self.access(op, ideal), ideal
        if layout is None:
            return best
        bits = memory(op)[0].dtype.bits
        pair = (ideal, layout) if isinstance(op, ops.Load) else (layout, ideal)
        there = best[0] + conversion(*pair, bits, self.room)
        return min((self.access(op, layout), layout), (there, ideal), key=lambda way: way[0])

    def route(self, number: int, x: Layout | None, y: Layout) -> Route:
        """The cheapest way over link ``number``; ``x`` is None for a tile that is made in any layout."""
        key = number, x, y
        if key not in self.routes:
            self.routes[key] = min(ways(self.relations.links[number], x, y, self.room), key=lambda way: way.cost)
        return self.routes[key]


def memory(op: ops.Load | ops.Store) -> tuple[Tensor, tuple[int, ...]]:
    """The tensor of a load or store, and the box."""
    assert isinstance(op.tensor.type, Tensor)
    return op.tensor.type, op.shape if isinstance(op, ops.Load) else shape(op.value)


def ways(link: Link, x: Layout | None, y: Layout, room: Room) -> Iterator[Route]:
    """Every way over a link; the last one always exists."""
    bits = [value.type.dtype.bits for value in (link.x, link.y) if is_tile(value)]  # type: ignore[union-attr]
    if link.backward is not None:
        wanted = tried(link.backward, y)
        if wanted is not None:
            yield Route(0.0 if x is None else conversion(x, wanted, bits[0], room), wanted, y)
    given = room.whole(shape(link.x)) if x is None else x
    if link.forward is None and link.backward is None:
        yield Route(COPY, given, y)
        return
    for start in (given, room.whole(shape(link.x))):
        made = tried(link.forward, start) if link.forward is not None else expanded(start, shape(link.y))
        if made is not None:
            before = 0.0 if x is None else conversion(x, start, bits[0], room)
            yield Route(before + conversion(made, y, bits[1], room), start, made)


def tried(way: object, layout: Layout) -> Layout | None:
    """What a way gives, where it exists."""
    assert callable(way)
    try:
        found: Layout = way(layout)
    except LayoutError:
        return None
    return found


def expanded(layout: Layout, wanted: tuple[int, ...]) -> Layout:
    """A broadcast in which each thread copies what it holds into registers."""
    from_one = [new // old for old, new in zip(layout.shape, wanted, strict=True)]
    return layout.expand(from_one)


def gather(problem: Problem) -> None:
    """Join the tiles of ties into groups; every other tile is a group of its own."""
    found = problem.relations
    leader: dict[Value, Value] = {}

    def head(value: Value) -> Value:
        while value in leader:
            value = leader[value]
        return value

    for tie in found.ties:
        held = [value for _, value in tie if value not in found.made]
        for value in held[1:]:
            one, other = head(held[0]), head(value)
            if one is not other:
                leader[other] = one
    numbers: dict[Value, int] = {}

    def group(value: Value) -> int:
        first = head(value)
        if first not in numbers:
            numbers[first] = add(problem, value)
        problem.group_of[value] = numbers[first]
        here = problem.groups[numbers[first]]
        if value not in here.members:
            here.members.append(value)
        return numbers[first]

    for tie in found.ties:
        held = [value for _, value in tie if value not in found.made]
        number = group(held[0]) if held else add(problem, tie[0][1])
        for op, value in tie:
            if value in found.made:
                problem.ports[op, value] = number
            else:
                group(value)
    for op in found.depth:
        for value in op.results:
            if is_tile(value) and value not in found.made and value not in problem.group_of:
                group(value)


def add(problem: Problem, value: Value) -> int:
    problem.groups.append(Group(shape(value), tile_of(value).dtype.bits))
    return len(problem.groups) - 1


def pin(problem: Problem) -> None:
    """Fix what the author's hints say. Raises TileError where two of one group disagree, with both places."""
    for hint in problem.relations.hints:
        layout = fitted(hint, problem.room)
        group = problem.groups[problem.group_of[hint.result]]
        if group.pinned is not None and fitted(group.pinned, problem.room) != layout:
            raise TileError(
                f"tiles that share one layout are said to lie in {layout}",
                hint.span,
                notes=[(f"and in {fitted(group.pinned, problem.room)} here", group.pinned.span)],
                help="give one of them a name of its own: tiles that a loop or an operation ties cannot lie in two ways",
            )
        group.pinned = hint
        group.candidates = {layout: f"the author's hint{at(hint.span)}"}


def fitted(hint: ops.SetLayout, room: Room) -> Layout:
    """The layout of a hint on all threads. Raises TileError where it is of other threads or of memory."""
    layout = hint.layout
    foreign = [axis for axis in layout.axes if axis not in ("thread", "reg")]
    if foreign:
        raise TileError(
            f"set_layout: a tile lies in registers of threads, {layout} on {', '.join(foreign)}",
            hint.span,
            help="build it of spatial, local and replicate",
        )
    if room.threads % layout.threads:
        raise TileError(
            f"set_layout: {layout} is for {layout.threads} threads, the block has {room.threads}",
            hint.span,
            help=f"{room.warps} warps of {room.lanes} lanes: num_warps, or the layout, has to change",
        )
    return replicate(room.threads // layout.threads) * layout


def at(span: Span | None) -> str:
    return f" at {span}" if span else ""


def propose(problem: Problem) -> None:
    """Candidates: of products, loads and stores, and what follows from them over links."""
    for op, ways in problem.choices.items():
        for way in ways:
            for what, value, layout in operands(op, way):
                offer(problem, problem.of(value), layout, f"{what} of the product{at(op.span)}: {way}")
    for access in (*problem.relations.loads, *problem.relations.stores):
        value = access.result if isinstance(access, ops.Load) else access.value
        offer(problem, problem.of(value), problem.ideal(access), f"wide accesses of the {access.name}{at(access.span)}")
    for _ in range(ROUNDS):
        for link in problem.relations.links:
            travel(problem, link)
    for group in problem.groups:
        if not group.candidates:
            room = problem.room
            group.candidates[room.blocked(group.shape, (), max(1, 32 // group.bits))] = "nothing asks for another"


def operands(op: Op, way: Choice) -> Iterator[tuple[str, Value, Layout | None]]:
    """The tiles of a product and their layouts."""
    assert isinstance(op, ops.Dot | ops.DotScaled)
    yield "the accumulator", op.acc, way.c
    yield "the result", op.result, way.c
    yield "operand a", op.a, way.a
    yield "operand b", op.b, way.b


def offer(problem: Problem, number: int | None, layout: Layout | None, why: str) -> None:
    """Enter a candidate, unless the group is pinned or has many."""
    if number is None or layout is None:
        return
    group = problem.groups[number]
    if group.pinned is None and len(group.candidates) < MOST_CANDIDATES:
        group.candidates.setdefault(layout, why)


def travel(problem: Problem, link: Link) -> None:
    """Candidates of either end of a link, as they look at the other."""
    x, y = problem.of(link.x), problem.of(link.y)
    if x is None or y is None:
        return
    for way, start, end in ((link.forward, x, y), (link.backward, y, x)):
        if way is not None:
            for layout, why in list(problem.groups[start].candidates.items()):
                found = tried(way, layout)
                offer(problem, end, found, why if " through " in why else f"{why}, through {link.op.name}")
