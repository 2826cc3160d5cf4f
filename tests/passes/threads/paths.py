"""Every way through a function, with a few counts of trips of each loop: what laws about all ways are checked on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tilevm.ir import Block, Func, Op, Value
from tilevm.ir.ops import Constant, For, If, While
from tilevm.ir.threads import Ring

Counts = tuple[int, ...]
MOST = 400  # ways of one function that are looked at
FEW = (0, 1, 2, 3)


@dataclass
class Way:
    """One run: ``choices`` says which branch and how many trips each time it is asked; beyond them, 0."""

    choices: list[int]
    asked: list[int] = field(default_factory=list)  # how many answers each question had
    met: list[tuple[Op, dict[Value, object]]] = field(default_factory=list)  # instructions in order

    def choose(self, answers: int) -> int:
        place = len(self.asked)
        self.asked.append(answers)
        return self.choices[place] if place < len(self.choices) else 0


def ways(func: Func, trips: Counts = FEW, most: int = MOST) -> Iterator[Way]:
    """Runs of ``func`` with each of ``trips`` as a loop's count, each way once, at most ``most`` of them."""
    todo: list[list[int]] = [[]]
    count = 0
    while todo and count < most:
        way = Way(todo.pop())
        run(func.body, {}, way, trips)
        count += 1
        yield way
        taken = [*way.choices, *([0] * (len(way.asked) - len(way.choices)))]
        for place in range(len(way.choices), len(way.asked)):
            todo.extend([*taken[:place], other] for other in range(1, way.asked[place]))


def run(block: Block, names: dict[Value, object], way: Way, trips: Counts) -> list[object]:
    """What the block yields; a value is the instruction and trip that made it, unless it is handed on."""
    for op in block.ops[:-1]:
        if isinstance(op, If):
            side = (op.then, op.otherwise)[way.choose(2)]
            bind(names, op.results, run(side, names, way, trips))
        elif isinstance(op, For | While):
            loop(op, names, way, trips)
        else:
            bind(names, op.results, made(op, names, len(way.met)))
            way.met.append((op, dict(names)))
    return [names[v] if v in names else v for v in block.end.operands]


def made(op: Op, names: dict[Value, object], place: int) -> list[object]:
    """What an instruction yields: numbers of rings, and elsewhere who made it when."""
    if isinstance(op, Constant):
        return [op.value]
    if isinstance(op, Ring):
        slot = names[op.slot]
        assert isinstance(slot, int)
        return [(slot + op.by) % op.slots]
    return [(result, place) for result in op.results]


def loop(op: For | While, names: dict[Value, object], way: Way, trips: Counts) -> None:
    held: list[object] = [names.get(v, v) for v in op.carried]
    taken = op.body.params[1:] if isinstance(op, For) else op.body.params
    count = trips[way.choose(len(trips))]
    for trip in range(count + 1):
        if isinstance(op, While):
            bind(names, op.condition.params, held)
            run(op.condition, names, way, trips)
        if trip == count:
            break
        if isinstance(op, For):
            names[op.body.params[0]] = (op, trip, len(way.met))
        bind(names, taken, held)
        held = run(op.body, names, way, trips)
    bind(names, op.results, held)


def bind(names: dict[Value, object], to: tuple[Value, ...], values: list[object]) -> None:
    names.update(zip(to, values, strict=True))
