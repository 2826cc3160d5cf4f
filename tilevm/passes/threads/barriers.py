"""Barriers from real dependences: the fewest that keep what threads write and read in order.

Forward over the structure of the function goes the set of accesses since the last barrier. Before an instruction that
conflicts with one of them a barrier is put, as late as can be, and the set is empty again. A loop's set at its
beginning holds that of its end too, slots seen from the next trip. Where only what stands before a loop or a branch
asks for barriers in it, one before it serves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from tilevm.ir import Block, Effect, Func, Op, Table, Value
from tilevm.ir.ops import For, If, While
from tilevm.ir.rewrite import Substitution, walk
from tilevm.ir.threads import AsyncCommit, AsyncWait, Barrier
from tilevm.passes.threads.accesses import OPEN, Access, conflict, touched
from tilevm.passes.threads.slots import inside, renamed

State = frozenset[Access]
MOST = 512  # accesses that a loop tells apart by all that is known of their slots
TRIPS = 16  # how often a loop is taken to run where barriers in it and before it are compared


@dataclass(frozen=True)
class Found:
    """What holds after a part of the function, and before which instructions in it barriers stand."""

    state: State
    before: frozenset[Op] = frozenset()


def insert_barriers(func: Func) -> Func:
    """``func`` with a barrier wherever threads of a block would else meet in memory in no order.

    Buffers that are not placed are apart from each other; those that are meet where their bytes do. Parameters of one
    number type and rank may be the same view.
    """
    found = Search(func).block(func.body, frozenset())
    return replace(func, body=insert(func.body, found.before, Substitution())) if found.before else func


def insert(block: Block, before: frozenset[Op], now: Substitution) -> Block:
    """The block with barriers before these instructions."""
    made: list[Op] = []
    for op in block.ops:
        if op in before:
            made.append(Barrier(span=op.span))
        made.append(now.apply(op, [insert(r, before, now) for r in op.regions]))
    return block.with_ops(made)


def running(state: State) -> State:
    """What a barrier leaves: copies that still run."""
    return frozenset(a for a in state if a.flight is not None)


class Search:
    """Where barriers of one function stand. What was found for an instruction and what comes before it is kept."""

    def __init__(self, func: Func) -> None:
        self.oldest = max((op.pending for op in walk(func.body) if isinstance(op, AsyncWait)), default=0)
        self.weights: dict[Op, int] = {}
        self.steps: dict[Block, list[Op]] = {}  # without pure instructions: they touch nothing, and are most of all
        self.weigh(func.body, 1)
        self.inside: dict[Op, frozenset[Value]] = {}
        self.kept: dict[tuple[Op, State], Found] = {}

    def weigh(self, block: Block, weight: int) -> None:
        self.steps[block] = [op for op in block.ops if op.effect is not Effect.PURE or op.regions]
        for op in self.steps[block]:
            self.weights[op] = weight
            for inner in op.regions:
                self.weigh(inner, weight if isinstance(op, If) else weight * TRIPS)

    def cost(self, before: Iterable[Op]) -> int:
        return sum(self.weights[op] for op in before)

    def block(self, block: Block, state: State) -> Found:
        before: frozenset[Op] = frozenset()
        for op in self.steps[block]:
            found = self.whole(op, state) if type(op) in nested else self.single(op, state)
            state, before = found.state, before | found.before
        return Found(state, before)

    def single(self, op: Op, state: State) -> Found:
        """An instruction without others in it."""
        if type(op) in change:
            return Found(change(op, state, self.oldest))
        new = touched(op)
        if any(conflict(old, now) for old in state if old.flight is None for now in new):
            return Found(running(state).union(new), frozenset({op}))
        return Found(state.union(new))

    def whole(self, op: Op, state: State) -> Found:
        """A loop or a branch, perhaps with a barrier before it."""
        if (op, state) not in self.kept:
            found, left = nested(op, self, state), running(state)
            if found.before and left != state:
                other = nested(op, self, left)
                if self.cost(other.before) + self.weights[op] < self.cost(found.before):
                    found = Found(other.state, other.before | {op})
            self.kept[op, state] = found
        return self.kept[op, state]

    def standing(self, before: frozenset[Op]) -> Search:
        """A search in which barriers stand before these instructions and nowhere else."""
        return Standing(self, before)

    def rename(self, op: Op, state: State, to: Sequence[Value], given: Sequence[Value], leave: bool = True) -> State:
        """``state`` where ``to`` stand for ``given``; with ``leave``, the values inside ``op`` are of another trip."""
        if leave and op not in self.inside:
            self.inside[op] = inside(op.regions)
        gone = self.inside[op] if leave else frozenset()
        found = set()
        for a in state:
            names = renamed(a.names, a.slots, to, given, gone)
            own = None if a.own and a.own[0] in gone else a.own
            found.add(a if names == a.names and own == a.own else replace(a, names=names, own=own))
        return frozenset(found)


class Standing(Search):
    """What holds where barriers stand already."""

    def __init__(self, search: Search, before: frozenset[Op]) -> None:
        self.oldest, self.inside, self.steps = search.oldest, search.inside, search.steps
        self.before: frozenset[Op] = before
        self.kept = {}

    def standing(self, before: frozenset[Op]) -> Search:
        return self

    def single(self, op: Op, state: State) -> Found:
        if type(op) in change:
            return Found(change(op, state, self.oldest))
        return Found((running(state) if op in self.before else state).union(touched(op)))

    def whole(self, op: Op, state: State) -> Found:
        if (op, state) not in self.kept:
            self.kept[op, state] = nested(op, self, running(state) if op in self.before else state)
        return self.kept[op, state]


change: Table[[State, int], State] = Table("what becomes of earlier accesses")
nested: Table[[Search, State], Found] = Table("barriers in loops and branches")


@change.rule(Barrier)
def _(op: Barrier, state: State, oldest: int) -> State:
    return running(state)


@change.rule(AsyncCommit)
def _(op: AsyncCommit, state: State, oldest: int) -> State:
    """Groups older than any wait lets be pending are one: the next wait lands them."""
    return frozenset(a if a.flight is None else replace(a, flight=min(a.flight + 1, oldest)) for a in state)


@change.rule(AsyncWait)
def _(op: AsyncWait, state: State, oldest: int) -> State:
    def lands(a: Access) -> bool:
        return a.flight is not None and a.flight != OPEN and a.flight >= op.pending

    return frozenset(replace(a, flight=None) if lands(a) else a for a in state)


@nested.rule(If)
def _(op: If, search: Search, state: State) -> Found:
    sides = [search.block(side, state) for side in (op.then, op.otherwise)]
    ends = [
        search.rename(op, found.state, op.results, side.end.operands)
        for found, side in zip(sides, (op.then, op.otherwise), strict=True)
    ]
    return Found(ends[0] | ends[1], sides[0].before | sides[1].before)


@nested.rule(For)
def _(op: For, search: Search, state: State) -> Found:
    taken = op.body.params[1:]

    def trip(search: Search, head: State) -> Found:
        found = search.block(op.body, head)
        return Found(search.rename(op, found.state, taken, op.body.end.operands), found.before)

    _, head, before = settle(search, search.rename(op, state, taken, op.carried, leave=False), trip)
    return Found(search.rename(op, head, op.results, taken), before)


@nested.rule(While)
def _(op: While, search: Search, state: State) -> Found:
    asked, taken = op.condition.params, op.body.params

    def trip(search: Search, head: State) -> Found:
        test = search.block(op.condition, head)
        found = search.block(op.body, search.rename(op, test.state, taken, asked, leave=False))
        return Found(search.rename(op, found.state, asked, op.body.end.operands), test.before | found.before)

    standing, head, before = settle(search, search.rename(op, state, asked, op.carried, leave=False), trip)
    test = standing.block(op.condition, head)
    return Found(search.rename(op, test.state, op.results, asked), before)


Trip = Callable[[Search, State], Found]


def settle(search: Search, entry: State, trip: Trip) -> tuple[Search, State, frozenset[Op]]:
    """What holds at a loop's beginning, and before which instructions in it barriers stand; a search that knows these.

    The set grows until a trip adds nothing. It may then hold what only earlier guesses left, before the barriers that
    they lacked: where these stand, it grows anew. A smaller set that a trip keeps within itself is taken instead.
    """
    _, found = grown(search, entry, trip)
    for smaller in (entry | found.state, grown(search.standing(found.before), entry, trip)[0]):
        again = trip(search, smaller)
        if again.state <= smaller:
            found = again
            break
    standing = search.standing(found.before)
    return standing, grown(standing, entry, trip)[0], found.before


def grown(search: Search, entry: State, trip: Trip) -> tuple[State, Found]:
    """The set at a loop's beginning to which a trip adds nothing, and what a trip finds there.

    What is known of slots can be many things at once, each trip others, where loops carry several that go round apart.
    Where that becomes too much nothing is: an access of any slot stands for one of each.
    """
    head, found, told = entry, trip(search, entry), True
    while not (further := found.state if told else untold(found.state)) <= head:
        head = head | further
        if told and len(head) > MOST:
            head, told = untold(head), False
        found = trip(search, head)
    return head, found


def untold(state: State) -> State:
    """The same accesses, and nothing known of their slots."""
    return frozenset(replace(a, names=frozenset()) if a.names else a for a in state)
