"""How numbers of different types meet: Python's are weak, run-time ones keep or widen their dtype."""

from __future__ import annotations

import math

from tilevm.ir import Value
from tilevm.ir.build import Builder
from tilevm.source import TileError
from tilevm.types import DType, Scalar, Tile, bool_, f32, f64, i32, i64, like
from tilevm.types.rounding import overflows

from .values import describe, digits, is_number, is_numeric

Number = bool | int | float


def natural(builder: Builder, number: Number) -> DType:
    """The dtype of a Python number that meets nothing: bool, i32 (i64 where it must be), f32."""
    if isinstance(number, bool):
        return bool_
    if isinstance(number, float):
        return f32
    for dtype in (i32, i64):
        if dtype.min <= number <= dtype.max:
            return dtype
    raise TileError(
        f"{number} does not fit in 64 bits",
        builder.span,
        help=f"a run-time integer holds {i64.min} to {i64.max}; floats reach further",
    )


def literal(builder: Builder, number: Number, dtype: DType) -> Value:
    """A Python number as a constant of ``dtype``. Raises TileError where it does not fit."""
    misfit = CHECKS[(dtype.is_float, dtype.is_bool)](number, dtype)
    if misfit:
        raise TileError(misfit, builder.span, help=mend(number, dtype))
    return builder.constant(number, dtype)


def mend(number: Number, dtype: DType) -> str:
    """What helps where a number does not fit."""
    if dtype.is_bool:
        return "convert the bools with .to(tv.i32), or write True or False"
    return "write 1 or 0" if isinstance(number, bool) else "choose a wider dtype, or convert with .to(…)"


def float_misfit(number: Number, dtype: DType) -> str | None:
    if isinstance(number, bool):
        return f"the bool {number} does not go with {dtype}"
    if isinstance(number, float) and math.isnan(number):
        return None if dtype.has_nan else f"{dtype} has no NaN"
    if isinstance(number, float) and math.isinf(number):
        return None if dtype.has_inf else f"{dtype} has no infinity"
    if overflows(number, dtype):
        return f"{digits(number)} does not fit {dtype}, whose largest value is {dtype.max:g}"
    return f"{dtype} has no negative numbers" if number < 0 and not dtype.signed else None


def integer_misfit(number: Number, dtype: DType) -> str | None:
    if isinstance(number, bool | float):
        return f"{describe(number)} does not go with {dtype}"
    if not dtype.min <= number <= dtype.max:
        return f"{digits(number)} does not fit {dtype}, which holds {dtype.min} to {dtype.max}"
    return None


def bool_misfit(number: Number, dtype: DType) -> str | None:
    return None if isinstance(number, bool) else f"{describe(number)} does not go with bool"


CHECKS = {(True, False): float_misfit, (False, False): integer_misfit, (False, True): bool_misfit}


def runtime(builder: Builder, x: object, what: str) -> Value:
    """``x`` as a run-time number or tile; a Python number takes its natural dtype."""
    if is_number(x):
        return literal(builder, x, natural(builder, x))
    if is_numeric(x):
        return x
    raise TileError(f"{what} takes numbers and tiles, not {describe(x)}", builder.span, help=way_to_numbers(x))


def way_to_numbers(x: object) -> str | None:
    """How to get from something that is not a number to one."""
    words = type(x.type).__name__ if isinstance(x, Value) else type(x).__name__
    return {
        "str": "a number stands without quotes; text is for messages and names of dtypes",
        "tuple": "take one of its parts, as in x[0], or write a comprehension over them",
        "List": "take one of its parts, as in x[0], or write a comprehension over them",
        "Tensor": "load a tile from the tensor first: a.load(offsets, shape)",
        "Pointer": "a pointer is read with p.load(offsets) and written with p.store(offsets, value)",
    }.get(words)


def dtype_of(x: Value) -> DType:
    """The dtype of a run-time number or tile."""
    assert isinstance(x.type, Scalar | Tile), "not numeric"
    return x.type.dtype


def cast(builder: Builder, x: Value, dtype: DType, saturate: bool = False) -> Value:
    """``x`` as ``dtype``; itself when it is."""
    return builder.cast(x, dtype, saturate)


def meet(builder: Builder, what: str, x: object, y: object) -> tuple[Value, Value]:
    """Both sides of ``what`` in one dtype; their shapes stay."""
    if is_number(x) and is_number(y):
        dtype = max((natural(builder, x), natural(builder, y)), key=lambda d: (d.is_float, d.bits))
    elif is_number(x):
        dtype = weak(x, dtype_of(runtime(builder, y, what)))
    elif is_number(y):
        dtype = weak(y, dtype_of(runtime(builder, x, what)))
    else:
        a, b = runtime(builder, x, what), runtime(builder, y, what)
        dtype = agreed(builder, what, a, b)
    return as_dtype(builder, x, dtype), as_dtype(builder, y, dtype)


def as_dtype(builder: Builder, x: object, dtype: DType) -> Value:
    """A Python number, number or tile in ``dtype``."""
    if is_number(x):
        return literal(builder, x, dtype)
    assert is_numeric(x), "checked by the caller"
    return cast(builder, x, dtype)


def weak(number: Number, dtype: DType) -> DType:
    """The dtype in which a Python number meets ``dtype``: its own but for a float among integers."""
    return f32 if isinstance(number, float) and dtype.is_integer else dtype


def agreed(builder: Builder, what: str, x: Value, y: Value) -> DType:
    """The dtype in which two run-time values meet. Raises TileError where there is none."""
    a, b = dtype_of(x), dtype_of(y)
    found = strong(a, b)
    if found is None:
        raise TileError(
            f"{what}: {x.type} and {y.type} have no dtype in common",
            builder.span,
            help=f"convert one side, as in .to(tv.{b if a.is_bool else wide(a, b)})",
        )
    return found


def strong(a: DType, b: DType) -> DType | None:
    """The dtype in which ``a`` meets ``b``, or None."""
    if a == b:
        return a
    if a.is_bool or b.is_bool:
        return None
    if a.is_float and b.is_float:
        return next((t for t in (a, b, f32) if holds(t, a) and holds(t, b)), f64)
    if a.is_float or b.is_float:
        return a if a.is_float else b
    if a.signed == b.signed:
        return a if a.bits >= b.bits else b
    signed, unsigned = (a, b) if a.signed else (b, a)
    return signed if signed.bits > unsigned.bits else None


def holds(a: DType, b: DType) -> bool:
    """Whether every number of float ``b``, and its infinity and NaN, is one of ``a``."""
    reach = a.max >= b.max and a.smallest_subnormal <= b.smallest_subnormal and a.mantissa_bits >= b.mantissa_bits
    specials = (a.has_inf or not b.has_inf) and (a.has_nan or not b.has_nan)
    return reach and specials and (a.signed or not b.signed) and (b.without_zero or not a.without_zero)


def wide(a: DType, b: DType) -> str:
    """A signed dtype that holds both integers, or the name of one of them."""
    if a.is_bool or b.is_bool:
        return (a if b.is_bool else b).name
    return f"i{min(64, 2 * max(a.bits, b.bits))}"


def boolean(like_value: Value) -> Scalar | Tile:
    """The type of a comparison of values shaped as ``like_value``."""
    assert isinstance(like_value.type, Scalar | Tile), "not numeric"
    return like(like_value.type, bool_)
