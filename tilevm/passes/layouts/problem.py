"""Groups of tiles that share a layout, what layouts they may have, and what each costs."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field

from tilevm.ir import Func, Op, Value, ops
from tilevm.layout import Layout, LayoutError, local, replicate
from tilevm.passes.layouts.cost import HALF, access, along, contiguous, conversion, trip
from tilevm.passes.layouts.products import Choice, Product, choices, operands, tile_of
from tilevm.passes.layouts.relate import Way, is_tile, relations, shape
from tilevm.passes.layouts.reshapes import followed
from tilevm.passes.layouts.room import Room
from tilevm.source import Note, Span, TileError
from tilevm.types import Tensor

LOOP = 8.0  # how often a loop is thought to run
MOST_CANDIDATES = 12
ROUNDS = 3  # how far candidates travel over links


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
        self.choices = chosen(self.relations.products, room)
        self.followed: dict[tuple[int, bool, Layout], Layout | None] = {}
        self.interned: dict[Layout, Layout] = {}  # equal layouts are one object: looked up at once
        self.moves: dict[tuple[Op, Layout | None], tuple[float, Layout]] = {}
        self.ideals: dict[Op, Layout] = {}
        self.links_of: dict[Op, list[int]] = {}
        for number, link in enumerate(self.relations.links):
            self.links_of.setdefault(link.op, []).append(number)
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
        if op not in self.ideals:
            tensor, box = memory(op)
            dim, vector = contiguous(tensor, box)
            self.ideals[op] = self.room.blocked(box, (dim,), vector)
        return self.ideals[op]

    def access(self, op: ops.Load | ops.Store, layout: Layout) -> float:
        """The cost of a load or store as the tile lies."""
        tensor, box = memory(op)
        return access(layout, *contiguous(tensor, box), tensor.dtype.bits, self.room)

    def moving(self, op: ops.Load | ops.Store, layout: Layout | None) -> tuple[float, Layout]:
        """The cheaper of an access as the tile lies and one in the ideal layout with a conversion; and its layout."""
        key = op, layout
        if key not in self.moves:
            self.moves[key] = self.cheaper(op, layout)
        return self.moves[key]

    def cheaper(self, op: ops.Load | ops.Store, layout: Layout | None) -> tuple[float, Layout]:
        ideal = self.ideal(op)
        best = self.access(op, ideal), ideal
        if layout is None:
            return best
        tensor, box = memory(op)
        pair = (ideal, layout) if isinstance(op, ops.Load) else (layout, ideal)
        there = best[0] + conversion(*pair, tensor.dtype.bits, self.room, box)
        return min((self.access(op, layout), layout), (there, ideal), key=lambda way: way[0])

    def route(self, number: int, x: Layout | None, y: Layout) -> Route:
        """The cheapest way over link ``number``; ``x`` is None for a tile that is made in any layout."""
        key = number, x, y
        if key not in self.routes:
            self.routes[key] = best(ways(self, number, x, y))
        return self.routes[key]

    def follow(self, number: int, backward: bool, layout: Layout) -> Layout | None:
        """What a layout at one end of link ``number`` is at the other, where the instruction has such a way."""
        key = number, backward, layout
        if key not in self.followed:
            link = self.relations.links[number]
            way = link.backward if backward else link.forward
            found = None if way is None else tried(way, layout)
            self.followed[key] = None if found is None else self.interned.setdefault(found, found)
        return self.followed[key]

    def start(self, number: int) -> Layout:
        """A layout of what link ``number`` is from, which the instruction can follow."""
        op, x = self.relations.links[number].op, self.relations.links[number].x
        if not isinstance(op, ops.Reshape):
            return self.room.whole(shape(x))
        found = followed(self.room, shape(x), op.shape, max(1, 32 // tile_of(x).dtype.bits))
        return self.interned.setdefault(found, found)


def chosen(products: Iterable[Product], room: Room) -> dict[Product, tuple[Choice, ...]]:
    """The ways of each product; those of products that are alike are found once."""
    known: dict[Hashable, tuple[Choice, ...]] = {}
    found = {}
    for op in products:
        kind = type(op), op.attributes, tuple(value.type for value in op.operands)
        if kind not in known:
            known[kind] = choices(op, room)
        found[op] = known[kind]
    return found


def memory(op: ops.Load | ops.Store) -> tuple[Tensor, tuple[int, ...]]:
    """The tensor of a load or store, and the box."""
    assert isinstance(op.tensor.type, Tensor)
    return op.tensor.type, op.shape if isinstance(op, ops.Load) else shape(op.value)


def best(routes: Iterator[Route]) -> Route:
    """The cheapest; nothing is looked for beyond one that costs nothing."""
    found = next(routes)
    while found.cost:
        other = next(routes, None)
        if other is None:
            break
        found = min(found, other, key=lambda route: route.cost)
    return found


def ways(problem: Problem, number: int, x: Layout | None, y: Layout) -> Iterator[Route]:
    """Ways over a link; one always exists."""
    link, room = problem.relations.links[number], problem.room
    bits = [tile_of(value).dtype.bits for value in (link.x, link.y)]
    wanted = problem.follow(number, True, y)
    if wanted is not None:
        yield Route(0.0 if x is None else conversion(x, wanted, bits[0], room, shape(link.x)), wanted, y)
    given = problem.start(number) if x is None else x
    if link.moves:
        yield Route(trip(given, y), given, y)
        if len(problem.links_of[link.op]) > 1:  # one result is in one layout, whatever each operand would make of it
            return
    if link.forward is not None:
        made = problem.follow(number, False, given)
    else:
        made = None if link.moves else expanded(given, shape(link.x), shape(link.y))
    if made is not None:
        yield Route(conversion(made, y, bits[1], room, shape(link.y)), given, made)
    elif wanted is None and not link.moves:  # what every way can follow
        start = problem.start(number)
        end = problem.follow(number, False, start)
        assert end is not None, "it was chosen so"
        yield Route(
            (0.0 if x is None else conversion(x, start, bits[0], room, shape(link.x)))
            + conversion(end, y, bits[1], room, shape(link.y)),
            start,
            end,
        )


def tried(way: Way, layout: Layout) -> Layout | None:
    """What a way gives, where it exists."""
    try:
        return way(layout)
    except LayoutError:
        return None


def expanded(layout: Layout, before: tuple[int, ...], after: tuple[int, ...]) -> Layout:
    """A broadcast in which each thread copies what it holds into registers."""
    return layout * local(*(new // old for old, new in zip(before, after, strict=True)))


class Union:
    """Values joined into sets."""

    def __init__(self) -> None:
        self.leader: dict[Value, Value] = {}

    def head(self, value: Value) -> Value:
        """The value that stands for the set."""
        while value in self.leader:
            value = self.leader[value]
        return value

    def join(self, one: Value, other: Value) -> None:
        one, other = self.head(one), self.head(other)
        if one is not other:
            self.leader[other] = one


def gather(problem: Problem) -> None:
    """Join the tiles of ties into groups; every other tile is a group of its own."""
    found, union = problem.relations, Union()
    for tie in found.ties:
        held = [value for _, value in tie if value not in found.made]
        for value in held[1:]:
            union.join(held[0], value)
    numbers: dict[Value, int] = {}
    tied = [value for tie in found.ties for _, value in tie]
    alone = [value for op in found.depth for value in op.results if is_tile(value)]
    for value in dict.fromkeys([*tied, *alone]):
        if value not in found.made:
            head = union.head(value)
            if head not in numbers:
                numbers[head] = add(problem, value)
            problem.group_of[value] = numbers[head]
            problem.groups[numbers[head]].members.append(value)
    for tie in found.ties:
        held = [value for _, value in tie if value not in found.made]
        number = problem.group_of[held[0]] if held else add(problem, tie[0][1])
        problem.ports |= {use: number for use in tie if use[1] in found.made}


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
                notes=[Note(f"and in {fitted(group.pinned, problem.room)} here", group.pinned.span)],
                help="tiles that a loop or an operation ties cannot lie in two ways: drop one of the hints",
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
                offer(problem, problem.of(value), layout, f"{what} of the product{at(op.span)} on {way.warps}")
    for load in problem.relations.loads:
        offer(problem, problem.of(load.result), problem.ideal(load), f"wide accesses of the load{at(load.span)}")
    for store in problem.relations.stores:
        offer(problem, problem.of(store.value), problem.ideal(store), f"wide accesses of the store{at(store.span)}")
    share_work(problem)
    spread(problem)
    if lead(problem):
        spread(problem)
    for group in problem.groups:
        if not group.candidates:
            room = problem.room
            group.candidates[room.blocked(group.shape, (), max(1, 32 // group.bits))] = "nothing asks for another"


def share_work(problem: Problem) -> None:
    """Candidates for what takes long to compute, as random numbers do: none of it twice."""
    for value, slots in problem.relations.work:
        number = problem.of(value)
        if slots > 1 and number is not None:
            layout = problem.room.blocked(problem.groups[number].shape, (), 1)
            offer(problem, number, layout, "as few numbers a thread as can be")


def spread(problem: Problem) -> None:
    """Let candidates travel: there, back and there again, so that a chain of any length is gone through in one."""
    links = range(len(problem.relations.links))
    for turn in range(ROUNDS):
        for number in links if turn % 2 == 0 else reversed(links):
            travel(problem, number)
        for load in problem.relations.loads if turn == 1 else ():
            reorder(problem, load)


def lead(problem: Problem) -> bool:
    """Candidates for reshapes that none of either end's goes through; whether there are any."""
    found = False
    for number, link in enumerate(problem.relations.links):
        ends = (problem.of(link.x), False), (problem.of(link.y), True)
        if isinstance(link.op, ops.Reshape) and not any(leads(problem, number, *end) for end in ends):
            offer(problem, ends[0][0], problem.start(number), f"what the reshape{at(link.op.span)} leaves in place")
            found = True
    return found


def leads(problem: Problem, number: int, end: int | None, backward: bool) -> bool:
    """Whether a candidate of one end of a link is one of the other too; a tile made in any layout always is."""
    if end is None:
        return True
    return any(problem.follow(number, backward, layout) for layout in problem.groups[end].candidates)


def reorder(problem: Problem, load: ops.Load) -> None:
    """Candidates of a load of narrow codes with registers numbered as memory has them: wider numbers that are made of
    them can be renamed for nothing, codes cannot."""
    number = problem.of(load.result)
    tensor, box = memory(load)
    if number is not None and tensor.dtype.bits < HALF:
        dim, _ = contiguous(tensor, box)
        for layout, why in list(problem.groups[number].candidates.items()):
            offer(problem, number, along(layout, dim), f"{why}, in order of memory")


def offer(problem: Problem, number: int | None, layout: Layout | None, why: str) -> None:
    """Enter a candidate, unless the group is pinned or has many."""
    if number is None or layout is None:
        return
    group = problem.groups[number]
    if group.pinned is None and len(group.candidates) < MOST_CANDIDATES:
        group.candidates.setdefault(problem.interned.setdefault(layout, layout), why)


def travel(problem: Problem, number: int) -> None:
    """Candidates of either end of a link, as they look at the other."""
    link = problem.relations.links[number]
    x, y = problem.of(link.x), problem.of(link.y)
    if x is None or y is None:
        return
    for way, start, end in ((link.forward, x, y), (link.backward, y, x)):
        if way is not None and problem.groups[end].pinned is None:
            for layout, why in list(problem.groups[start].candidates.items()):
                found = problem.follow(number, way is link.backward, layout)
                offer(problem, end, found, why if " through " in why else f"{why}, through {link.op.name}")
