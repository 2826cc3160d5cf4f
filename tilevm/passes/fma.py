"""A product and a sum joined into one rounding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tilevm.ir import Block, Func, Op, Value, ops
from tilevm.ir.build import Builder
from tilevm.ir.rewrite import rewrite, uses
from tilevm.types import Scalar, Tile, f32, f64

FUSED = (f32, f64)  # every machine has these; a fused f16 or bf16 would not agree everywhere


def form_fma(func: Func) -> Func:
    """``a * b + c`` as ``fma(a, b, c)`` where nothing else uses the product; a difference negates c or a."""
    count, originals = uses(func.body), after(func.body)

    def rule(op: Op, builder: Builder) -> Sequence[Value] | None:
        for new, old in zip(op.results, next(originals).results, strict=True):
            count[new] = count.get(old, 0)  # a rebuilt instruction is used as often as it was
        if not isinstance(op, ops.Add | ops.Sub):
            return None
        kind = op.a.type
        if not isinstance(kind, Scalar | Tile) or kind.dtype not in FUSED:
            return None
        for product, other in ((op.a, op.b), (op.b, op.a)):
            if isinstance(product.owner, ops.Mul) and count.get(product, 0) == 1:
                return [_join(op, product.owner, product is op.b, other, builder)]
        return None

    return rewrite(func, rule)


def after(block: Block) -> Iterator[Op]:
    """Every instruction in order, each after those inside it: the order in which ``rewrite`` asks."""
    for op in block.ops:
        for inner in op.regions:
            yield from after(inner)
        yield op


def _join(op: ops.Add | ops.Sub, product: ops.Mul, right: bool, other: Value, builder: Builder) -> Value:
    a, b, c = product.a, product.b, other
    if isinstance(op, ops.Sub) and right:  # c - a * b = fma(-a, b, c)
        a = builder.add(ops.Neg, x=a).result
    elif isinstance(op, ops.Sub):  # a * b - c = fma(a, b, -c)
        c = builder.add(ops.Neg, x=c).result
    return builder.add(ops.Fma, a=a, b=b, c=c).result


def split_fma(func: Func) -> Func:
    """Every ``fma(a, b, c)`` as ``a * b + c`` again, rounded twice: what :func:`form_fma` was given, but for signs."""

    def rule(op: Op, builder: Builder) -> Sequence[Value] | None:
        if not isinstance(op, ops.Fma):
            return None
        return [builder.add(ops.Add, a=builder.add(ops.Mul, a=op.a, b=op.b).result, b=op.c).result]

    return rewrite(func, rule)
