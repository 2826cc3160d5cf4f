"""Methods that read and write global memory."""

from __future__ import annotations

from collections.abc import Sequence

from tilevm.ir import Value, ops
from tilevm.ir.build import Builder
from tilevm.source import TileError
from tilevm.types import Pointer, Tensor

from .. import language
from ..stretch import common, shape_of, stretch
from ..values import describe
from .arguments import counted, dimensions, integers, mask_arg, offset_args, other_arg, shape_arg, stored
from .table import implements


def tensor_of(self: object) -> tuple[Value, Tensor]:
    assert isinstance(self, Value) and isinstance(self.type, Tensor), "methods are found by type"
    return self, self.type


def pointer_of(self: object) -> tuple[Value, Pointer]:
    assert isinstance(self, Value) and isinstance(self.type, Pointer), "methods are found by type"
    return self, self.type


@implements(language.Tensor.load)
def load(builder: Builder, self: object, offsets: object, shape: object, other: object = 0) -> Value:
    tensor, type = tensor_of(self)
    extents = shape_arg(builder, ".load", shape)
    if len(extents) != type.rank:
        raise TileError(
            f".load: {describe(tensor)} has {counted(type.rank, 'dimension')}, the shape {extents} has {len(extents)}",
            builder.span,
            help="give one extent for each dimension; 1 takes a single row or column",
        )
    return builder.add(
        ops.Load,
        tensor=tensor,
        offsets=offset_args(builder, ".load", offsets, type),
        other=other_arg(builder, ".load", other, type.dtype),
        shape=extents,
        inbounds=(),
    ).result


@implements(language.Tensor.store)
def store(builder: Builder, self: object, offsets: object, tile: object) -> None:
    tensor, type = tensor_of(self)
    places = offset_args(builder, ".store", offsets, type)
    value = stored(builder, ".store", tile, type.dtype)
    if not shape_of(value):
        value = stretch(builder, value, (1,) * type.rank)
    if len(shape_of(value)) != type.rank:
        raise TileError(
            f".store: {describe(tensor)} has {counted(type.rank, 'dimension')}, {describe(value)} has "
            f"{len(shape_of(value))}",
            builder.span,
            help="insert dimensions of extent 1 with x[None, :] or x[:, None], or drop them with .reshape",
        )
    builder.add(ops.Store, tensor=tensor, value=value, offsets=places, inbounds=())


@implements(language.Tensor.gather)
def gather(builder: Builder, self: object, indices: object, mask: object = None, other: object = 0) -> Value:
    tensor, type = tensor_of(self)
    places, masked = meeting(builder, ".gather", index_args(builder, ".gather", indices, type), mask, ())
    fill = other_arg(builder, ".gather", other, type.dtype)
    return builder.add(ops.Gather, tensor=tensor, indices=places, mask=masked, other=fill).result


@implements(language.Tensor.scatter)
def scatter(builder: Builder, self: object, indices: object, value: object, mask: object = None) -> None:
    tensor, type = tensor_of(self)
    given = stored(builder, ".scatter", value, type.dtype)
    places = index_args(builder, ".scatter", indices, type)
    places, masked = meeting(builder, ".scatter", places, mask, shape_of(given))
    spread = stretch(builder, given, shape_of(places[0]))
    builder.add(ops.Scatter, tensor=tensor, value=spread, indices=places, mask=masked)


@implements(language.Pointer.load)
def pointer_load(builder: Builder, self: object, offsets: object, mask: object = None, other: object = 0) -> Value:
    pointer, type = pointer_of(self)
    (places,), masked = meeting(builder, ".load", (integers(builder, ".load", offsets),), mask, ())
    fill = other_arg(builder, ".load", other, type.dtype)
    return builder.add(ops.PointerLoad, pointer=pointer, offsets=places, mask=masked, other=fill).result


@implements(language.Pointer.store)
def pointer_store(builder: Builder, self: object, offsets: object, value: object, mask: object = None) -> None:
    pointer, type = pointer_of(self)
    given = stored(builder, ".store", value, type.dtype)
    index = integers(builder, ".store", offsets)
    (places,), masked = meeting(builder, ".store", (index,), mask, shape_of(given))
    spread = stretch(builder, given, shape_of(places))
    builder.add(ops.PointerStore, pointer=pointer, value=spread, offsets=places, mask=masked)


def index_args(builder: Builder, name: str, indices: object, tensor: Tensor) -> tuple[Value, ...]:
    """One index, a number or a tile, for each dimension."""
    parts = indices if isinstance(indices, tuple) else (indices,)
    if not tensor.rank:
        raise TileError(
            f"{name}: a tensor of rank 0 has no dimension along which indices could go",
            builder.span,
            help="pass it with one dimension, as in a.reshape(1)",
        )
    if len(parts) != tensor.rank:
        raise TileError(
            f"{name}: {counted(len(parts), 'index', 'indices')} for the {dimensions(tensor)}",
            builder.span,
            help=f"give one index tile for each dimension, as in a{name}((rows, columns))",
        )
    return tuple(integers(builder, name, p) for p in parts)


def meeting(
    builder: Builder, name: str, indices: Sequence[Value], mask: object, value: tuple[int, ...]
) -> tuple[tuple[Value, ...], Value | None]:
    """Indices and mask stretched to the shape they share with a stored value."""
    masked = mask_arg(builder, f"{name}", mask)
    taken = [*indices, *([] if masked is None else [masked])]
    shape = common(builder, name, [*(shape_of(v) for v in taken), value])
    *places, last = (stretch(builder, v, shape) for v in taken)
    return (tuple(places), last) if masked is not None else ((*places, last), None)
