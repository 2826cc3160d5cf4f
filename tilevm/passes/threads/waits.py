"""Waits for copies, counted: how many groups may be pending where a token is awaited.

The hardware knows no tokens: a thread waits until all its groups but the last n have landed. The age of a token is the
number of groups that were certainly begun after its own, on every way here; a wait for it may leave so many pending.
Ages only grow along a way, so those of a loop's parameters sink from those at its entry to a fixed point.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tilevm.ir import Block, Func, Op, Role, Table, Value
from tilevm.ir.ops import For, If, While
from tilevm.ir.rewrite import Substitution
from tilevm.ir.threads import AsyncAwait, AsyncCommit, AsyncWait
from tilevm.types import Token

Ages = dict[Value, int]
Counts = dict[Op, int]  # an await, and how many groups may be pending
flow: Table[[Ages, Counts], Ages] = Table("the ages of tokens after an instruction")


def settle_waits(func: Func) -> Func:
    """``func`` with each ``async_await`` as the ``async_wait`` of most pending groups, and no token taken anywhere."""
    counts: Counts = {}
    _through(func.body, {}, counts)
    body = _settle(func.body, counts, Substitution())
    return func if body is func.body else replace(func, body=body)


def _through(block: Block, ages: Ages, counts: Counts) -> Ages:
    for op in block.ops:
        if type(op) in flow:
            ages = flow(op, ages, counts)
    return ages


def _known(ages: Ages, names: Sequence[Value], given: Sequence[Value]) -> Ages:
    """``ages`` where ``names`` stand for the tokens among ``given``."""
    return ages | {n: ages[g] for n, g in zip(names, given, strict=True) if g.type == Token()}


def _least(a: Ages, b: Ages) -> Ages:
    return {value: min(age, b[value]) for value, age in a.items() if value in b}


@flow.rule(AsyncCommit)
def _(op: AsyncCommit, ages: Ages, counts: Counts) -> Ages:
    return {value: age + 1 for value, age in ages.items()} | {op.result: 0}


@flow.rule(AsyncAwait)
def _(op: AsyncAwait, ages: Ages, counts: Counts) -> Ages:
    counts[op] = min(ages[token] for token in op.tokens)
    return ages


@flow.rule(If)
def _(op: If, ages: Ages, counts: Counts) -> Ages:
    ends = (_known(_through(b, ages, counts), op.results, b.end.operands) for b in (op.then, op.otherwise))
    return _least(*ends)


@flow.rule(For)
def _(op: For, ages: Ages, counts: Counts) -> Ages:
    taken = op.body.params[1:]
    head = _known(ages, taken, op.carried)
    while (again := _least(head, _known(_through(op.body, head, counts), taken, op.body.end.operands))) != head:
        head = again
    return _known(head, op.results, taken)


@flow.rule(While)
def _(op: While, ages: Ages, counts: Counts) -> Ages:
    asked, taken = op.condition.params, op.body.params
    head = _known(ages, asked, op.carried)
    while True:
        test = _through(op.condition, head, counts)
        end = _through(op.body, _known(test, taken, asked), counts)
        again = _least(head, _known(end, asked, op.body.end.operands))
        if again == head:
            return _known(test, op.results, asked)
        head = again


def _settle(block: Block, counts: Counts, now: Substitution) -> Block:
    made = tuple(_settled(op, counts, now) for op in block.ops)
    params = tuple(p for p in block.params if not isinstance(p.type, Token))
    return block.with_ops(made) if params == block.params else Block(params, made)


def _settled(op: Op, counts: Counts, now: Substitution) -> Op:
    """``op`` without tokens among what it takes and yields."""
    if isinstance(op, AsyncAwait):
        return AsyncWait(pending=counts[op], span=op.span)
    regions = [_settle(r, counts, now) for r in op.regions]
    handed = (*op.operands, *op.results) if op.regions else op.operands
    return _without(op, regions, now) if any(isinstance(v.type, Token) for v in handed) else now.apply(op, regions)


def _without(op: Op, regions: Sequence[Block], now: Substitution) -> Op:
    """A loop, a branch or a yield that hands on tokens, made anew without them."""
    kept = [r for r in op.results if not isinstance(r.type, Token)]
    fields: dict[str, Any] = {"hints": tuple(r.hint for r in kept)}
    fields |= {n: tuple(now[v] for v in held if not isinstance(v.type, Token)) for n, held in op.part(Role.OPERANDS)}
    fields |= {n: now[held] for n, held in op.part(Role.OPERAND)}
    fields |= zip((n for n, _ in op.part(Role.REGION)), regions, strict=True)
    made = replace(op, **fields)
    now.bind(kept, made.results)
    return made
