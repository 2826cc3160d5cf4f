"""What elementwise instructions compute."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from tilevm.ir import Op, Table, ops
from tilevm.types import DType, Kind, Scalar, Tile
from tilevm.types.codec import decode
from tilevm.types.codec.floats import float_codes
from tilevm.types.codec.integers import from_parts
from tilevm.types.codec.parts import of_floats, of_integers

from .rounding import Array, fma, from_integers, is_small
from .values import Held, container, fit, merge

meaning: Table[[DType, Sequence[Array]], Array] = Table("numpy for one element")


def dtype_of(op: Op) -> DType:
    """The dtype an instruction works in."""
    kind = (op.x if isinstance(op, ops.Cast) else op.operands[-1]).type
    assert isinstance(kind, Scalar | Tile)
    return kind.dtype


def compute(op: Op, values: Sequence[Held]) -> Held:
    """The result of an elementwise instruction."""
    if isinstance(op, ops.Select):
        return select(*values)
    dtype = dtype_of(op)
    with np.errstate(all="ignore"):
        found = meaning(op, dtype, [v.data for v in values])
    (result,) = op.results
    assert isinstance(result.type, Scalar | Tile)
    return Held(fit(result.type.dtype, found), merge(*values))


def select(condition: Held, a: Held, b: Held) -> Held:
    """Poison comes from the side that is chosen."""
    data = np.where(condition.data, a.data, b.data)
    if condition.poison is None and a.poison is None and b.poison is None:
        return Held(data)
    clean = np.zeros(data.shape, bool)
    sides = [Held(v.data, v.poison) for v in (a, b)]
    masks = [s.poison.where if s.poison else clean for s in sides]
    chosen = np.where(condition.data, *masks)
    known = merge(Held(data, condition.poison), *sides)
    assert known is not None
    where = chosen | (condition.poison.where if condition.poison else clean)
    return Held(data, type(known)(where, known.origin)) if where.any() else Held(data)


BINARY: dict[type[Op], Callable[[Array, Array], Array]] = {
    ops.Add: np.add,
    ops.Sub: np.subtract,
    ops.Mul: np.multiply,
    ops.Div: np.divide,
    ops.And: np.bitwise_and,
    ops.Or: np.bitwise_or,
    ops.Xor: np.bitwise_xor,
}
COMPARE: dict[type[Op], Callable[[Array, Array], Array]] = {
    ops.Eq: np.equal,
    ops.Ne: np.not_equal,
    ops.Lt: np.less,
    ops.Le: np.less_equal,
    ops.Gt: np.greater,
    ops.Ge: np.greater_equal,
}


@meaning.rule(ops.Binary)
def _(op: ops.Binary, dtype: DType, xs: Sequence[Array]) -> Array:
    return BINARY[type(op)](*xs)


@meaning.rule(ops.Compare)
def _(op: ops.Compare, dtype: DType, xs: Sequence[Array]) -> Array:
    return COMPARE[type(op)](*xs)


@meaning.rule(ops.Minimum, ops.Maximum)
def _(op: ops.Binary, dtype: DType, xs: Sequence[Array]) -> Array:
    a, b = xs
    first = np.less(a, b) if isinstance(op, ops.Minimum) else np.greater(a, b)
    found = np.where(first, a, b)
    return np.where(np.isnan(b), a, found) if dtype.is_float else found


@meaning.rule(ops.FloorDiv, ops.Mod)
def _(op: ops.Binary, dtype: DType, xs: Sequence[Array]) -> Array:
    a, b = xs
    quotient = isinstance(op, ops.FloorDiv)
    if dtype.is_float:
        if quotient:
            return np.floor(fit(dtype, np.divide(a, b)))
        rest = np.fmod(a, b)
        return np.where((rest != 0) & ((rest < 0) != (b < 0)), rest + b, rest)
    zero, minus = b == 0, (b == -1) if dtype.kind is Kind.SIGNED else np.zeros(np.shape(b), bool)
    safe = np.where(zero | minus, np.ones_like(b), b)
    if quotient:
        return np.where(zero, np.zeros_like(a), np.where(minus, np.negative(a), np.floor_divide(a, safe)))
    return np.where(zero, a, np.where(minus, np.zeros_like(a), np.remainder(a, safe)))


@meaning.rule(ops.Shl, ops.Shr)
def _(op: ops.Binary, dtype: DType, xs: Sequence[Array]) -> Array:
    a, b = xs
    far = (b < 0) | (b >= dtype.bits)
    near = np.where(far, np.zeros_like(b), b)
    if isinstance(op, ops.Shl):
        return np.where(far, np.zeros_like(a), np.left_shift(a, near))
    return np.where(far, np.where(a < 0, -np.ones_like(a), np.zeros_like(a)) if dtype.signed else 0, a >> near)


@meaning.rule(ops.Neg)
def _(op: ops.Neg, dtype: DType, xs: Sequence[Array]) -> Array:
    return np.negative(xs[0])


@meaning.rule(ops.Abs)
def _(op: ops.Abs, dtype: DType, xs: Sequence[Array]) -> Array:
    return np.abs(xs[0])


@meaning.rule(ops.Not)
def _(op: ops.Not, dtype: DType, xs: Sequence[Array]) -> Array:
    return np.invert(xs[0])


@meaning.rule(ops.Fma)
def _(op: ops.Fma, dtype: DType, xs: Sequence[Array]) -> Array:
    return fma(dtype, *xs)


FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "exp": np.exp,
    "exp2": np.exp2,
    "log": np.log,
    "log2": np.log2,
    "sqrt": np.sqrt,
    "rsqrt": lambda x: np.asarray(1.0 / np.sqrt(x)),
    "tanh": np.tanh,
    "sigmoid": lambda x: np.asarray(1.0 / (1.0 + np.exp(-x))),
    "erf": np.vectorize(math.erf, otypes=[float]),
    "floor": np.floor,
    "ceil": np.ceil,
}


@meaning.rule(ops.FloatUnary)
def _(op: ops.FloatUnary, dtype: DType, xs: Sequence[Array]) -> Array:
    return FUNCTIONS[op.name](xs[0])


@meaning.rule(ops.Cast)
def _(op: ops.Cast, dtype: DType, xs: Sequence[Array]) -> Array:
    x, *random = xs
    if op.to.is_bool:
        return np.asarray(x != 0)
    if op.to.is_float:
        return to_float(op, dtype, x, *random)
    if dtype.is_float:
        return float_to_integer(op.to, x) if op.rounding in TRUNCATING else rounded_to_integer(op, x, *random)
    if op.saturate:
        low, high = max(int(op.to.min), int(least(x))), min(int(op.to.max), int(most(x)))
        return np.clip(x.astype(np.int8) if dtype.is_bool else x, low, high)
    return x


TRUNCATING = ("natural", "toward_zero")
NEAREST = ("natural", "nearest_even")


def to_float(op: ops.Cast, source: DType, x: Array, random: Array | None = None) -> Array:
    """Numbers in a float type, as the codec rounds; what is not small is rounded when the result is fitted."""
    if op.rounding in NEAREST and not op.saturate and not is_small(op.to):
        return x if source.is_float else from_integers(op.to, x.astype(np.int8) if source.is_bool else x)
    parts = of_floats(x.astype(np.float64)) if source.is_float else of_integers(long(x))
    return decode(float_codes(parts, op.to, named(op, NEAREST), op.saturate, words(random)), op.to)


def rounded_to_integer(op: ops.Cast, x: Array, random: Array | None = None) -> Array:
    codes = from_parts(of_floats(x), op.to, named(op, TRUNCATING), True, words(random))
    return decode(codes, op.to).astype(container(op.to))


def named(op: ops.Cast, natural: tuple[str, str]) -> str:
    """The codec's name of a rounding."""
    return natural[1] if op.rounding == natural[0] else op.rounding


def long(x: Array) -> Array:
    return x if x.dtype == np.uint64 else x.astype(np.int64)


def words(random: Array | None) -> Array | None:
    return None if random is None else random.astype(np.uint64)


def least(x: Array) -> int:
    return 0 if x.dtype == np.bool_ else int(np.iinfo(x.dtype).min)


def most(x: Array) -> int:
    return 1 if x.dtype == np.bool_ else int(np.iinfo(x.dtype).max)


def float_to_integer(to: DType, x: Array) -> Array:
    """Truncated, saturated, NaN to 0. The largest 64-bit integers are no float64, so they are put in as integers."""
    whole = np.trunc(np.where(np.isnan(x), 0.0, x))
    high, low = whole >= float(int(to.max) + 1), whole <= float(to.min)
    plain = np.where(high | low, 0.0, whole).astype(container(to))
    top, bottom = (np.asarray(v, container(to)) for v in (int(to.max), int(to.min)))
    return np.where(high, top, np.where(low, bottom, plain))
