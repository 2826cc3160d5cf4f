"""Instructions that work element by element: which function spells which, by the family of the type."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tilevm.ir import Op, ops
from tilevm.types import DType, Scalar, Tile, bool_, f32, tf32

from . import booleans, floats, integers
from .casts import cast
from .elements import Element, Elements, Known, Reg, bits, kind_of, register, size_of
from .halves import PAIRED, in_pairs, is_half, narrowed, widened
from .text import Text

Function = Callable[..., Element]  # of the text, the dtype and one element of each operand

INTEGERS: dict[str, Function] = {
    "add": integers.add,
    "sub": integers.sub,
    "mul": integers.mul,
    "floordiv": integers.floordiv,
    "mod": integers.mod,
    "minimum": integers.extreme("min", min),
    "maximum": integers.extreme("max", max),
    "and": integers.bitwise("and", int.__and__, 0, -1),
    "or": integers.bitwise("or", int.__or__, -1, 0),
    "xor": integers.bitwise("xor", int.__xor__, None, 0),
    "shl": integers.shl,
    "shr": integers.shr,
    "neg": integers.neg,
    "abs": integers.absolute,
    "not": integers.invert,
}


def one(name: str) -> Function:
    """A function that is one instruction."""
    return lambda t, dtype, *xs: floats.plain(t, dtype, name, *xs)


FLOATS: dict[str, Function] = {
    **{name: one(name) for name in floats.ROUNDED},
    "floor": lambda t, dtype, x: floats.whole(t, dtype, "floor", x),
    "ceil": lambda t, dtype, x: floats.whole(t, dtype, "ceil", x),
    "exp2": floats.exp2,
    "rsqrt": floats.rsqrt,
    "floordiv": floats.floordiv,
    "mod": floats.mod,
}


def dtype_of(op: Op) -> DType:
    """The dtype an instruction works in."""
    kind = (op.x if isinstance(op, ops.Cast) else op.operands[-1]).type
    assert isinstance(kind, Scalar | Tile)
    return kind.dtype


def elementwise(t: Text, op: Op, given: Sequence[Elements]) -> Elements:
    """The registers that an instruction gives."""
    dtype = dtype_of(op)
    if isinstance(op, ops.Cast):
        return cast(t, op, dtype, given[0])
    if isinstance(op, ops.Select):
        return tuple(select(t, dtype, *xs) for xs in zip(*given, strict=True))
    if is_half(dtype):
        form = PAIRED.get(f"{op.name} {dtype}")
        return in_f32(t, op, dtype, given) if form is None else in_pairs(t, form, dtype, given)
    function = function_for(op, f32 if dtype == tf32 else dtype)
    return tuple(function(t, *xs) for xs in zip(*given, strict=True))


def in_f32(t: Text, op: Op, dtype: DType, given: Sequence[Elements]) -> Elements:
    """On 16-bit floats: in f32, which has bits enough that a second rounding changes nothing."""
    assert not isinstance(op, ops.Fma), f"fma of {dtype} would be rounded twice"
    wide = [tuple(widened(t, x, dtype) for x in xs) for xs in given]
    if isinstance(op, ops.FloorDiv):  # the quotient is rounded before it is floored
        quotients = narrowed(t, [floats.plain(t, f32, "div", *xs) for xs in zip(*wide, strict=True)], dtype)
        return narrowed(t, [floats.whole(t, f32, "floor", widened(t, x, dtype)) for x in quotients], dtype)
    function = function_for(op, f32)
    found = tuple(function(t, *xs) for xs in zip(*wide, strict=True))
    return found if isinstance(op, ops.Compare) else narrowed(t, found, dtype)


def function_for(op: Op, dtype: DType) -> Callable[..., Element]:
    """What spells an instruction on numbers of a type."""
    name = op.name
    if dtype.is_bool:
        return booleans.invert if isinstance(op, ops.Not) else booleans.LOGIC[name]
    if isinstance(op, ops.Compare):
        compare: Function = floats.compare if dtype.is_float else integers.compare
        return lambda t, a, b: compare(t, dtype, name, a, b)
    table = FLOATS if dtype.is_float else INTEGERS
    assert name in table, f"{name} of {dtype} was to be expanded"
    assert not dtype.is_float or dtype.name in ("f32", "f64"), f"{name} of {dtype} was to be widened"
    function = table[name]
    return lambda t, *xs: function(t, dtype, *xs)


def select(t: Text, dtype: DType, where: Element, a: Element, b: Element) -> Element:
    """``a`` where a bool holds, else ``b``."""
    if dtype.is_bool:
        return booleans.choose(t, where, a, b)
    if isinstance(where, Known):
        return a if where.value else b
    if a == b:
        return a
    name = t.pure(
        kind_of(dtype), f"selp.b{size_of(dtype)}", bits(t, a, dtype), bits(t, b, dtype), register(t, where, bool_)
    )
    return Reg(name)
