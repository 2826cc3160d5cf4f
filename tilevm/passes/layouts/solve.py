"""The choice of a layout for each group and of a way for each product, at the least cost."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from math import inf

from tilevm.ir import Op
from tilevm.layout import Layout
from tilevm.passes.layouts.cost import HALF, along, contiguous, conversion, folding
from tilevm.passes.layouts.problem import Problem, memory
from tilevm.passes.layouts.products import Choice, Product, operands, tile_of

SWEEPS = 8


@dataclass
class State:
    """One layout a group, one way a product."""

    layouts: list[Layout]
    ways: dict[Product, Choice] = field(default_factory=dict)


Term = Callable[[State], float]


def solve(problem: Problem) -> State:
    """The cheapest state found: descent, one group or product at a time, from each grid of warps that products know.

    A conversion that costs as much at the next instruction does not move by single steps, so it begins at either end of
    a chain, and goes on from there: with loads as they access memory best, and as products want what becomes of them.
    """
    terms = Terms(problem)
    grids = sorted({way.grid for ways in problem.choices.values() for way in ways}, reverse=True) or [(1, 1)]
    starts = [start for grid in grids for start in zip(begun(problem, grid), (1, -1), strict=False)]
    return min((descended(problem, terms, *start) for start in starts), key=terms.total)


def begun(problem: Problem, grid: tuple[int, int]) -> list[State]:
    """The states to begin with on one grid of warps."""
    first = start(problem, grid)
    other = State(list(first.layouts), dict(first.ways))
    asked = {problem.of(value) for op in other.ways for value in (op.a, op.b)}
    for number in reversed(range(len(problem.relations.links))):
        link = problem.relations.links[number]
        x, y = problem.of(link.x), problem.of(link.y)
        if x is None or y is None or y not in asked:
            continue
        wanted = problem.follow(number, True, other.layouts[y])
        if wanted is not None and wanted in problem.groups[x].candidates:
            other.layouts[x] = wanted
            asked.add(x)
    in_order(problem, other)
    return [first] if other.layouts == first.layouts else [first, other]


def in_order(problem: Problem, state: State) -> None:
    """Number the registers of loads of narrow codes as memory has them, and of what still is narrow behind them."""
    changed: set[int] = set()
    for load in problem.relations.loads:
        number = problem.of(load.result)
        tensor, box = memory(load)
        if number is not None and tensor.dtype.bits < HALF:
            layout = along(state.layouts[number], contiguous(tensor, box)[0])
            if layout in problem.groups[number].candidates:
                state.layouts[number] = layout
                changed.add(number)
    for number, link in enumerate(problem.relations.links):
        x, y = problem.of(link.x), problem.of(link.y)
        if x in changed and x is not None and y is not None and tile_of(link.x).dtype.bits < HALF:
            found = problem.follow(number, False, state.layouts[x])
            if found is not None and found in problem.groups[y].candidates:
                state.layouts[y] = found
                changed.add(y)


def start(problem: Problem, grid: tuple[int, int]) -> State:
    """Every product on one grid where it can be, every group as its first candidate of that way says."""
    ways = {
        op: next((way for way in known if way.grid == grid), min(known, key=lambda way: way.cost))
        for op, known in problem.choices.items()
    }
    state = State([next(iter(group.candidates)) for group in problem.groups], ways)
    for op, way in ways.items():
        for _, value, layout in operands(op, way):
            number = problem.of(value)
            if number is not None and layout in problem.groups[number].candidates:
                state.layouts[number] = layout
    return state


def descended(problem: Problem, terms: Terms, state: State, step: int) -> State:
    """``state``, changed where that is cheaper until nothing is: group after group, backwards for a step of -1.

    What was settled is asked again once something else changed in a term that it has a part in.
    """
    better: dict[int | Product, Callable[[], bool]] = {}
    for number, group in list(enumerate(problem.groups))[::step]:
        if len(group.candidates) > 1:
            better[number] = partial(better_layout, number, group.candidates, terms, state)
    for op, known in problem.choices.items():
        if len(known) > 1:
            better[op] = partial(better_way, op, known, terms, state)
    unsettled = set(better)
    for _ in range(SWEEPS):
        for one, change in better.items():
            if one in unsettled and change():
                unsettled |= terms.beside[one] & better.keys()
            unsettled.discard(one)
        if not unsettled:
            break
    return state


def better_layout(number: int, candidates: Iterable[Layout], terms: Terms, state: State) -> bool:
    """Give a group its cheapest layout; whether that is another."""
    before = best = state.layouts[number]
    least = total(terms.of_group[number], state)
    for layout in candidates:
        state.layouts[number] = layout
        cost = total(terms.of_group[number], state, least) if layout is not before else least
        if cost < least:
            least, best = cost, layout
    state.layouts[number] = best
    return best is not before


def better_way(op: Product, known: Iterable[Choice], terms: Terms, state: State) -> bool:
    """Give a product its cheapest way; whether that is another."""
    before = best = state.ways[op]
    least = total(terms.of_product[op], state)
    for way in known:
        state.ways[op] = way
        cost = total(terms.of_product[op], state, least) if way is not before else least
        if cost < least:
            least, best = cost, way
    state.ways[op] = best
    return best is not before


def total(terms: Iterable[Term], state: State, enough: float = inf) -> float:
    """The sum of ``terms``, or of the first ones that come to ``enough``: no cost is negative."""
    found = 0.0
    for term in terms:
        found += term(state)
        if found >= enough:
            break
    return found


class Terms:
    """The cost as a sum; each term is known to the groups and products that it depends on."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.every: list[Term] = []
        self.of_group: list[list[Term]] = [[] for _ in problem.groups]
        self.of_product: dict[Product, list[Term]] = {op: [] for op in problem.choices}
        self.beside: dict[int | Product, set[int | Product]] = {}  # groups and products with which it shares a term
        self.add_work()  # the cheapest to tell first, as sums are cut short
        self.add_accesses()
        self.add_products()
        self.add_links()

    def total(self, state: State) -> float:
        return total(self.every, state)

    def add(self, term: Term, groups: Iterable[int | None] = (), product: Product | None = None) -> None:
        self.every.append(term)
        numbers = {number for number in groups if number is not None}
        for number in numbers:
            self.of_group[number].append(term)
        if product is not None:
            self.of_product[product].append(term)
        sharing: set[int | Product] = {*numbers, *([product] if product is not None else [])}
        for one in sharing:
            self.beside.setdefault(one, set()).update(sharing)

    def add_links(self) -> None:
        for number, link in enumerate(self.problem.relations.links):
            x, y = self.problem.of(link.x), self.problem.of(link.y)
            if y is not None:
                self.add(self.link_term(number, x, y, self.problem.weight(link.op)), (x, y))

    def link_term(self, number: int, x: int | None, y: int, weight: float) -> Term:
        def term(state: State) -> float:
            route = self.problem.route(number, None if x is None else state.layouts[x], state.layouts[y])
            return weight * route.cost

        return term

    def add_accesses(self) -> None:
        for op in (*self.problem.relations.loads, *self.problem.relations.stores):
            value = op.value if hasattr(op, "value") else op.result
            number = self.problem.of(value)
            if number is not None:
                self.add(self.access_term(op, number), (number,))

    def access_term(self, op: Op, number: int) -> Term:
        weight = self.problem.weight(op)
        return lambda state: weight * self.problem.moving(op, state.layouts[number])[0]  # type: ignore[arg-type]

    def add_products(self) -> None:
        for op, known in self.problem.choices.items():
            weight = self.problem.weight(op)
            self.add(lambda state, op=op, weight=weight: weight * state.ways[op].cost, (), op)  # type: ignore[misc]
            for role, (_, value, _) in enumerate(operands(op, known[0])):
                number = self.problem.of(value)
                if number is not None:
                    self.add(self.operand_term(op, role, number, weight), (number,), op)

    def operand_term(self, op: Product, role: int, number: int, weight: float) -> Term:
        room, group = self.problem.room, self.problem.groups[number]

        def term(state: State) -> float:
            wanted = state.ways[op].layouts[role]
            held = state.layouts[number]
            return 0.0 if wanted is None else weight * conversion(held, wanted, group.bits, room, group.shape)

        return term

    def add_work(self) -> None:
        """Elements computed once for each replica, and folds."""
        often: dict[int, float] = {}
        for value, slots in self.problem.relations.work:
            number = self.problem.of(value)
            if number is not None and value.owner is not None:
                often[number] = often.get(number, 0.0) + slots * self.problem.weight(value.owner)
        for number, weight in often.items():
            self.add(lambda state, n=number, w=weight: w * state.layouts[n].registers, (number,))  # type: ignore[misc]
        for value, axis in self.problem.relations.folds:
            number = self.problem.of(value)
            if number is not None:
                weight = self.problem.weight(value.owner) if value.owner in self.problem.relations.depth else 1.0
                self.add(self.fold_term(number, axis, weight), (number,))

    def fold_term(self, number: int, axis: int, weight: float) -> Term:
        return lambda state: weight * folding(state.layouts[number], axis, self.problem.room)
