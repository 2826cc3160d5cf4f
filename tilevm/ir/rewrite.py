"""One engine for all passes: walk a function, rebuild what changed, share the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from tilevm.ir.build import Builder
from tilevm.ir.core import Block, Func, Op, Value

Rule = Callable[[Op, Builder], Sequence[Value] | None]


def walk(block: Block) -> Iterator[Op]:
    """Every instruction in order, each before those inside it."""
    for op in block.ops:
        yield op
        for inner in op.regions:
            yield from walk(inner)


def uses(block: Block) -> dict[Value, int]:
    """How often each value is taken as an operand."""
    count: dict[Value, int] = {}
    for op in walk(block):
        for value in op.operands:
            count[value] = count.get(value, 0) + 1
    return count


class Substitution:
    """Values, and those that stand for them now."""

    def __init__(self) -> None:
        self._now: dict[Value, Value] = {}

    def __setitem__(self, old: Value, new: Value) -> None:
        if old is not new:
            self._now[old] = new

    def __getitem__(self, value: Value) -> Value:
        return self._now.get(value, value)

    def bind(self, old: Sequence[Value], new: Sequence[Value]) -> None:
        for a, b in zip(old, new, strict=True):
            self[a] = b

    def apply(self, op: Op, regions: Sequence[Block] | None = None) -> Op:
        """``op`` on the present values and with ``regions``; itself when nothing differs."""
        blocks = op.regions if regions is None else tuple(regions)
        if blocks == op.regions and self._now.keys().isdisjoint(op.operands):
            return op
        made = op.with_parts([self[v] for v in op.operands], blocks)
        self.bind(op.results, made.results)
        return made


def rewrite(func: Func, rule: Rule) -> Func:
    """``func`` with each instruction offered to ``rule``, innermost first, on operands already rewritten.

    The rule returns None to keep the instruction, or the values that stand for its results; it may append
    instructions to the builder it is given. The same function comes back when nothing changed.
    """
    body = _block(func.body, rule, Substitution())
    return func if body is func.body else replace(func, body=body)


def _block(block: Block, rule: Rule, now: Substitution) -> Block:
    builder = Builder()
    for op in block.ops:
        current = now.apply(op, [_block(r, rule, now) for r in op.regions])
        builder.span, before = op.span, builder.count
        found = rule(current, builder)
        if found is None:
            builder.append(current)
            continue
        made_now = builder.since(before)
        now.bind(op.results, found)
        for old, new in zip(current.results, found, strict=True):
            now[old] = new
            if not new.hint and new.owner in made_now:  # a value of the input keeps its name
                new.hint = old.hint
    return block.with_ops(builder.finish().ops)
