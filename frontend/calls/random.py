"""Random numbers."""

from __future__ import annotations

from tilevm.ir import Value, ops
from tilevm.ir.build import Builder
from tilevm.source import TileError
from tilevm.types import f32

from .. import language
from ..promote import cast, dtype_of, literal, natural, runtime
from ..stretch import shape_of, stretch
from ..values import describe, is_int, is_scalar
from .table import implements


@implements(language.randint)
def randint(builder: Builder, seed: object, index: object) -> Value:
    return word(builder, "tv.randint", seed, index)


@implements(language.rand)
def rand(builder: Builder, seed: object, index: object) -> Value:
    """The top 24 bits, which f32 holds exactly, as a fraction."""
    bits = word(builder, "tv.rand", seed, index)
    shift, scale = literal(builder, 8, dtype_of(bits)), literal(builder, 2.0**-24, f32)
    top = builder.add(ops.Shr, a=bits, b=alike(builder, shift, bits)).result
    fraction = cast(builder, top, f32)
    return builder.add(ops.Mul, a=fraction, b=alike(builder, scale, bits)).result


def alike(builder: Builder, number: Value, like: Value) -> Value:
    """One number wherever ``like`` has one."""
    return stretch(builder, number, shape_of(like))


def word(builder: Builder, name: str, seed: object, index: object) -> Value:
    """One word of the stream of ``seed`` for each index."""
    if is_int(seed):
        key = literal(builder, seed, natural(builder, seed))
    elif is_scalar(seed) and dtype_of(seed).is_integer:
        key = seed
    else:
        help = "give one number; what tells the elements apart is the index"
        raise TileError(f"{name}: the seed is one integer, not {describe(seed)}", builder.span, help=help)
    found = runtime(builder, index, f"{name}: the index")
    if not dtype_of(found).is_integer:
        help = "count the elements, as in start + tv.arange(n)"
        raise TileError(f"{name}: the index is of integers, not {describe(index)}", builder.span, help=help)
    return builder.add(ops.Philox, seed=key, index=found).result
