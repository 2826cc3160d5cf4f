"""What is known at compile time, computed; identities of algebra, applied."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tilevm.ir import Func, Op, Table, Value, ops
from tilevm.ir.build import Builder
from tilevm.ir.rewrite import rewrite
from tilevm.passes.integers import wrap
from tilevm.types import Scalar, Tensor, Tile

simplify: Table[[Builder], Value | None] = Table("simpler form")
Number = int | float | bool


def fold(func: Func) -> Func:
    """``func`` with integer arithmetic on constants done, and instructions that change nothing left out.

    Floats are left alone except where no rounding is involved: x * 1 is x, but x + 0 is not (-0 + 0 = 0).
    """
    first: dict[str, tuple[Value, int]] = {}
    for param in func.params:
        if isinstance(param.type, Tensor):
            for axis, dim in enumerate(param.type.dims):
                if dim.name is not None:
                    first.setdefault(dim.name, (param, axis))

    def rule(op: Op, builder: Builder) -> Sequence[Value] | None:
        if isinstance(op, ops.Extent):
            return _extent(op, builder, first)
        found = simplify(op, builder) if type(op) in simplify else None
        return None if found is None else [found]

    return rewrite(func, rule)


def _extent(op: ops.Extent, builder: Builder, first: dict[str, tuple[Value, int]]) -> Sequence[Value] | None:
    """A known extent is a constant; dims of one name are one extent."""
    kind = op.tensor.type
    assert isinstance(kind, Tensor)
    dim = kind.dims[op.axis]
    if dim.size is not None:
        (result,) = op.results
        assert isinstance(result.type, Scalar)
        return [builder.constant(dim.size, result.type.dtype)]
    tensor, axis = first.get(dim.name or "", (op.tensor, op.axis))
    if tensor is op.tensor and axis == op.axis:
        return None
    return [builder.add(ops.Extent, tensor=tensor, axis=axis).result]


def known(value: Value) -> Number | None:
    """The number that a scalar, or every element of a tile, has."""
    op = value.owner
    if isinstance(op, ops.Splat | ops.Broadcast | ops.Reshape | ops.Permute):
        return known(op.x)
    return op.value if isinstance(op, ops.Constant) else None


def _floor(a: int, b: int) -> int:
    return a // b if b else 0


def _rest(a: int, b: int) -> int:
    return a % b if b else a


INTEGER: dict[type[Op], Callable[[int, int], int]] = {
    ops.Add: lambda a, b: a + b,
    ops.Sub: lambda a, b: a - b,
    ops.Mul: lambda a, b: a * b,
    ops.FloorDiv: _floor,
    ops.Mod: _rest,
    ops.Minimum: min,
    ops.Maximum: max,
}
COMPARE: dict[type[Op], Callable[[Number, Number], bool]] = {
    ops.Eq: lambda a, b: a == b,
    ops.Ne: lambda a, b: a != b,
    ops.Lt: lambda a, b: a < b,
    ops.Le: lambda a, b: a <= b,
    ops.Gt: lambda a, b: a > b,
    ops.Ge: lambda a, b: a >= b,
}
# x op k = x, for integers; and for floats where the law holds for every x, NaN and -0 too
NEUTRAL_INT: dict[type[Op], int] = {ops.Add: 0, ops.Sub: 0, ops.Mul: 1, ops.FloorDiv: 1, ops.Shl: 0, ops.Shr: 0}
NEUTRAL_FLOAT: dict[type[Op], float] = {ops.Mul: 1.0, ops.Div: 1.0}
SYMMETRIC = (ops.Add, ops.Mul)


@simplify.rule(ops.Binary)
def _(op: ops.Binary, builder: Builder) -> Value | None:
    kind = op.a.type
    assert isinstance(kind, Scalar | Tile)
    a, b = known(op.a), known(op.b)
    integer = kind.dtype.is_integer
    if integer and isinstance(kind, Scalar) and a is not None and b is not None and type(op) in INTEGER:
        return builder.constant(wrap(INTEGER[type(op)](int(a), int(b)), kind.dtype), kind.dtype)
    neutral = (NEUTRAL_INT if integer else NEUTRAL_FLOAT if kind.dtype.is_float else {}).get(type(op))
    if neutral is not None and b is not None and b == neutral:
        return op.a
    if neutral is not None and a is not None and a == neutral and isinstance(op, SYMMETRIC):
        return op.b
    return None


@simplify.rule(ops.Compare)
def _(op: ops.Compare, builder: Builder) -> Value | None:
    kind = op.a.type
    assert isinstance(kind, Scalar | Tile)
    a, b = known(op.a), known(op.b)
    if not kind.dtype.is_integer or not isinstance(kind, Scalar) or a is None or b is None:
        return None
    (result,) = op.results
    assert isinstance(result.type, Scalar)
    return builder.constant(COMPARE[type(op)](a, b), result.type.dtype)


@simplify.rule(ops.Select)
def _(op: ops.Select, builder: Builder) -> Value | None:
    if op.a is op.b:
        return op.a
    condition = known(op.condition)
    return None if condition is None else op.a if condition else op.b


@simplify.rule(ops.Cast)
def _(op: ops.Cast, builder: Builder) -> Value | None:
    kind = op.x.type
    assert isinstance(kind, Scalar | Tile)
    if kind.dtype == op.to:
        return op.x
    value = known(op.x)
    whole = kind.dtype.is_integer and op.to.is_integer and isinstance(kind, Scalar)
    if value is None or not whole:
        return None
    held = max(int(op.to.min), min(int(op.to.max), int(value))) if op.saturate else wrap(int(value), op.to)
    return builder.constant(held, op.to)


@simplify.rule(ops.Broadcast, ops.Reshape)
def _(op: ops.Broadcast | ops.Reshape, builder: Builder) -> Value | None:
    if op.x.type == op.result.type:
        return op.x
    if isinstance(op.x.owner, ops.Splat):
        return builder.add(ops.Splat, x=op.x.owner.x, shape=op.shape).result
    if isinstance(op, ops.Reshape) and isinstance(op.x.owner, ops.Reshape):
        return builder.add(ops.Reshape, x=op.x.owner.x, shape=op.shape).result
    return None


@simplify.rule(ops.Permute)
def _(op: ops.Permute, builder: Builder) -> Value | None:
    return op.x if op.dims == tuple(range(len(op.dims))) else None
