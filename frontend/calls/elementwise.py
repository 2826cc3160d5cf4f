"""Functions that work element by element."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from tilevm.ir import Value, ops
from tilevm.ir.build import Builder
from tilevm.source import TileError
from tilevm.types import DType, f64

from .. import language
from ..promote import cast, dtype_of, literal, meet, natural, runtime
from ..stretch import together
from ..values import describe, is_int, is_number
from .arguments import dtype_arg, static_bool
from .table import implements

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
            raise TileError(f"{name}({x}) cannot be computed: {fault}", builder.span) from None
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
        raise TileError(f"tv.abs takes integers and floats, not {describe(x)}", builder.span)
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
        raise TileError(f"tv.cdiv takes integers, not {describe(a)} and {describe(b)}", builder.span)
    # a / b upward = -((-a) / b downward): exact where a + b - 1 would wrap.
    downward = builder.add(ops.FloorDiv, a=builder.add(ops.Neg, x=x).result, b=y).result
    return builder.add(ops.Neg, x=downward).result


@implements(language.Tile.to)
def to(builder: Builder, self: object, dtype: object, saturate: object = False) -> Value:
    wanted, clamp = dtype_arg(builder, ".to", dtype), static_bool(builder, ".to: saturate", saturate)
    if clamp and not wanted.is_integer:
        raise TileError(f".to: saturate=True goes with integer dtypes, not {wanted}", builder.span)
    if is_number(self):
        return number_to(builder, self, wanted, clamp)
    return cast(builder, runtime(builder, self, ".to"), wanted, clamp)


def number_to(builder: Builder, number: bool | int | float, dtype: DType, saturate: bool = False) -> Value:
    """A Python number converted as a run-time one would be."""
    if dtype.is_float and not isinstance(number, bool):
        return literal(builder, number, dtype)
    held = f64 if isinstance(number, float) else natural(builder, number)
    return cast(builder, literal(builder, number, held), dtype, saturate)
