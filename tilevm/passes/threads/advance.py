"""Products of a loop's index, which grow alike from trip to trip: carried and added up instead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tilevm.ir import Block, Func, Op, Value, ops
from tilevm.ir.build import Builder, block
from tilevm.ir.rewrite import Substitution, rewrite, walk
from tilevm.types import Scalar, i64


@dataclass(frozen=True, eq=False)
class Product:
    """An i64 that is the index times what the loop does not change."""

    made: ops.Mul
    factor: Value


def advance(func: Func) -> Func:
    """``func`` with the i64 products of a loop's index and what the loop does not change carried by the loop: a sum
    in each trip where there was a product. Both wrap alike."""

    def rule(op: Op, builder: Builder) -> Sequence[Value] | None:
        if not isinstance(op, ops.For):
            return None
        found = list(products(op))
        return carried(builder, op, found) if found else None

    return rewrite(func, rule)


def products(loop: ops.For) -> Iterator[Product]:
    """The products of a trip, not those of blocks inside it, which may not run."""
    inside = {v for op in walk(loop.body) for v in op.results} | set(loop.body.params)
    for op in loop.body.ops:
        if isinstance(op, ops.Mul) and op.result.type == Scalar(i64):
            for one, other in ((op.a, op.b), (op.b, op.a)):
                if is_index(loop, one) and other not in inside:
                    yield Product(op, other)
                    break


def is_index(loop: ops.For, value: Value) -> bool:
    """Whether a value is the index, perhaps made i64."""
    index = loop.body.params[0]
    return value is index or (isinstance(value.owner, ops.Cast) and value.owner.x is index)


def carried(builder: Builder, loop: ops.For, found: Sequence[Product]) -> list[Value]:
    """The loop with the products carried, behind what it carried before; what it yields."""
    wide = [builder.cast(v, i64) for v in (loop.lower, loop.step)]
    first, steps = ([builder.add(ops.Mul, a=v, b=p.factor).result for p in found] for v in wide)
    params = [Value(Scalar(i64), p.made.result.hint) for p in found]
    now = Substitution()
    now.bind([p.made.result for p in found], params)
    with builder.collect() as inner:
        gone = {p.made for p in found}
        for op in loop.body.ops[:-1]:
            if op not in gone:
                builder.append(replaced(now, op))
        further = [builder.add(ops.Add, a=v, b=by).result for v, by in zip(params, steps, strict=True)]
    values = (*(now[v] for v in loop.body.end.operands), *further)
    made = replace(
        loop,
        carried=(*loop.carried, *first),
        body=block((*loop.body.params, *params), inner, values, loop.body.end.span),
        hints=(*(r.hint for r in loop.results), *("",) * len(found)),
        layouts=(),
    )
    return list(builder.append(made).results[: len(loop.results)])


def replaced(now: Substitution, op: Op) -> Op:
    """An instruction on the values that stand for its own, also in the blocks inside it."""
    regions = [Block(r.params, tuple(replaced(now, inner) for inner in r.ops)) for r in op.regions]
    return now.apply(op, regions) if regions else now.apply(op)
