"""Functions that work element by element."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from tilevm.ir import Value, ops
from tilevm.ir.build import Builder
from tilevm.source import TileError, nearest
from tilevm.types import DType, f64, u32

from .. import language
from ..promote import cast, dtype_of, literal, meet, natural, runtime
from ..stretch import shape_of, stretch, together
from ..values import describe, is_int, is_number
from .arguments import dtype_arg, static_bool
from .table import implements

SMALL_BITS = 16  # below these a float saturates where nobody says otherwise, as in tv.encode

# What each function of a float is, as an instruction and, for compile-time numbers, in Python.
FLOAT_FUNCTIONS: dict[Callable[..., object], tuple[type[ops.FloatUnary], Callable[[float], float]]] = {
    language.exp: (ops.Exp, math.exp),
    language.exp2: (ops.Exp2, math.exp2),
    language.log: (ops.Log, math.log),
    language.log2: (ops.Log2, math.log2),
    language.sqrt: (ops.Sqrt, math.sqrt),
    language.rsqrt: (ops.Rsqrt, lambda x: 1 / math.sqrt(x)),
    language.tanh: (ops.Tanh, math.tanh),
    language.sigmoid: (ops.Sigmoid, lambda x: 0.5 * math.tanh(0.5 * x) + 0.5),
    language.erf: (ops.Erf, math.erf),
    language.floor: (ops.Floor, lambda x: float(math.floor(x))),
    language.ceil: (ops.Ceil, lambda x: float(math.ceil(x))),
}


def float_function(
    name: str, instruction: type[ops.FloatUnary], python: Callable[[float], float], builder: Builder, x: object
) -> object:
    """One of :data:`FLOAT_FUNCTIONS` of a traced value."""
    if is_number(x):
        try:
            return python(float(x))
        except (ArithmeticError, ValueError) as fault:
            raise TileError(
                f"{name}({x}) cannot be computed: {fault}",
                builder.span,
                help=f"take a number for which {name} is defined and at most 1.8e308",
            ) from None
    found = runtime(builder, x, name)
    if not dtype_of(found).is_float:
        raise TileError(f"{name} takes floats, not {describe(x)}", builder.span, help="convert it with .to(tv.f32)")
    return builder.add(instruction, x=found).result


for target, (instruction, python) in FLOAT_FUNCTIONS.items():
    implements(target)(partial(float_function, f"tv.{target.__name__}", instruction, python))


@implements(language.abs)
def absolute(builder: Builder, x: object) -> object:
    if is_number(x):
        return abs(x)
    found = runtime(builder, x, "tv.abs")
    if dtype_of(found).is_bool:
        raise TileError(
            f"tv.abs takes integers and floats, not {describe(x)}",
            builder.span,
            help="a bool has no sign; convert it with .to(tv.i8)",
        )
    return builder.add(ops.Abs, x=found).result


@implements(abs)
def builtin_absolute(builder: Builder, x: object) -> object:
    return absolute(builder, x)


def lesser_or_greater(
    name: str, instruction: type[ops.Binary], python: Callable[..., object], builder: Builder, a: object, b: object
) -> object:
    """``tv.minimum`` and ``tv.maximum``."""
    if is_number(a) and is_number(b):
        return python(a, b)
    x, y = together(builder, name, *meet(builder, name, a, b))
    if dtype_of(x).is_bool:
        raise TileError(f"{name} takes integers and floats, not {x.type}", builder.span, help="combine bools with & |")
    return builder.add(instruction, a=x, b=y).result


minimum = partial(lesser_or_greater, "tv.minimum", ops.Minimum, min)
maximum = partial(lesser_or_greater, "tv.maximum", ops.Maximum, max)
implements(language.minimum)(minimum)
implements(language.maximum)(maximum)


@implements(language.where)
def where(builder: Builder, condition: object, a: object, b: object) -> Value:
    chosen = runtime(builder, condition, "tv.where: the condition")
    if not dtype_of(chosen).is_bool:
        raise TileError(
            f"tv.where: the condition is bool, not {describe(condition)}", builder.span, help="compare it, as in x != 0"
        )
    chosen, x, y = together(builder, "tv.where", chosen, *meet(builder, "tv.where", a, b))
    return builder.add(ops.Select, condition=chosen, a=x, b=y).result


@implements(language.cdiv)
def cdiv(builder: Builder, a: object, b: object) -> object:
    if is_int(a) and is_int(b):
        return -(-a // b) if b else 0
    x, y = together(builder, "tv.cdiv", *meet(builder, "tv.cdiv", a, b))
    if not dtype_of(x).is_integer:
        raise TileError(
            f"tv.cdiv takes integers, not {describe(a)} and {describe(b)}",
            builder.span,
            help="for floats, tv.ceil(a / b)",
        )
    # a / b upward = -((-a) / b downward): exact where a + b - 1 would wrap.
    downward = builder.add(ops.FloorDiv, a=builder.add(ops.Neg, x=x).result, b=y).result
    return builder.add(ops.Neg, x=downward).result


@implements(language.Tile.to)
def to(
    builder: Builder,
    self: object,
    dtype: object,
    saturate: object = None,
    rounding: object = None,
    random: object = None,
) -> Value:
    wanted = dtype_arg(builder, ".to", dtype)
    clamp = saturates(builder, wanted, saturate)
    if is_number(self):
        self = number_to(builder, self, wanted if rounding is None else natural(builder, self), clamp)
    x = runtime(builder, self, ".to")
    if rounding is None and random is None:
        return cast(builder, x, wanted, clamp)
    how = rounding_arg(builder, dtype_of(x), wanted, rounding)
    draws = draws_arg(builder, how, x, random)
    if dtype_of(x) == wanted:
        return x
    return builder.add(ops.Cast, random=draws, x=x, to=wanted, saturate=clamp, rounding=how).result


def saturates(builder: Builder, wanted: DType, said: object) -> bool:
    """Whether a conversion to a dtype holds numbers to its range: small floats do where nobody says."""
    if said is None:
        return wanted.is_float and wanted.bits < SMALL_BITS
    clamp = static_bool(builder, ".to: saturate", said)
    if clamp and wanted.is_bool:
        raise TileError(
            f".to: saturate=True goes with numbers, not {wanted}",
            builder.span,
            help="leave saturate out: any number but 0 becomes True",
        )
    return clamp


def rounding_arg(builder: Builder, source: DType, wanted: DType, said: object) -> str:
    """The name of a rounding that goes with a conversion."""
    names = ops.ROUNDINGS[1:]
    if said not in names:
        near = nearest(said, list(names)) if isinstance(said, str) else None
        help = f"did you mean {near!r}?" if near else f"there are {', '.join(map(repr, names))}"
        raise TileError(f".to: no rounding is called {describe(said)}", builder.span, help=help)
    if not (wanted.is_float or (source.is_float and wanted.is_integer)):
        raise TileError(f".to: from {source} to {wanted} nothing is rounded", builder.span, help="leave rounding out")
    return str(said)


def draws_arg(builder: Builder, how: str, x: Value, random: object) -> Value | None:
    """The random numbers of a stochastic rounding: a u32 for each element."""
    if how != "stochastic":
        if random is not None:
            help = 'write rounding="stochastic", or leave random out'
            raise TileError(f".to: random numbers do not go with rounding={how!r}", builder.span, help=help)
        return None
    help = "pass random=tv.randint(seed, index), where index tells the elements apart"
    if random is None:
        raise TileError('.to: rounding="stochastic" needs random numbers', builder.span, help=help)
    draws = runtime(builder, random, ".to: random")
    if dtype_of(draws) != u32 or shape_of(draws) not in ((), shape_of(x)):
        what = f"one u32 for each element of {describe(x)}"
        raise TileError(f".to: random is {what}, not {describe(random)}", builder.span, help=help)
    return stretch(builder, draws, shape_of(x))


def number_to(builder: Builder, number: bool | int | float, dtype: DType, saturate: bool = False) -> Value:
    """A Python number converted as a run-time one would be."""
    if dtype.is_float and not isinstance(number, bool):
        return literal(builder, number, dtype)
    held = f64 if isinstance(number, float) else natural(builder, number)
    return cast(builder, literal(builder, number, held), dtype, saturate)
