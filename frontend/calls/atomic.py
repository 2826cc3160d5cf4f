"""Methods that change elements of memory with nothing in between."""

from __future__ import annotations

from functools import partial

from tilevm.ir import Value, ops
from tilevm.ir.build import Builder
from tilevm.ir.ops.atomic import KINDS, unchangeable
from tilevm.source import TileError
from tilevm.types import DType, Pointer, Tensor

from .. import language
from ..stretch import common, shape_of, stretch
from .arguments import integers, stored
from .memory import index_args, meeting
from .table import implements

METHODS = {name: name.rstrip("_") for name in ("add", "max", "min", "and_", "or_", "xor", "exchange")}


def change(
    kind: str, name: str, builder: Builder, self: object, indices: object, value: object, mask: object = None
) -> Value:
    """One of :data:`METHODS`."""
    memory, dtype = memory_of(builder, name, self, KINDS[kind])
    given = stored(builder, name, value, dtype)
    places, masked = places_of(builder, name, memory, indices, mask, given)
    spread = stretch(builder, given, shape_of(places[0]))
    return builder.add(ops.Atomic, memory=memory, value=spread, indices=places, mask=masked, change=kind).result


def on_tensor(
    kind: str, name: str, builder: Builder, self: object, indices: object, value: object, mask: object = None
) -> Value:
    return change(kind, name, builder, self, indices, value, mask)


def on_pointer(
    kind: str, name: str, builder: Builder, self: object, offsets: object, value: object, mask: object = None
) -> Value:
    return change(kind, name, builder, self, offsets, value, mask)


@implements(language.Tensor.atomic_cas)
def cas(builder: Builder, self: object, indices: object, compare: object, value: object, mask: object = None) -> Value:
    name = ".atomic_cas"
    memory, dtype = memory_of(builder, name, self, "if")
    wanted, given = (stored(builder, name, v, dtype) for v in (compare, value))
    places, masked = places_of(builder, name, memory, indices, mask, wanted, given)
    both = (stretch(builder, v, shape_of(places[0])) for v in (wanted, given))
    expected, new = both
    made = builder.add(ops.AtomicCas, memory=memory, compare=expected, value=new, indices=places, mask=masked)
    return made.result


@implements(language.Pointer.atomic_cas)
def pointer_cas(
    builder: Builder, self: object, offsets: object, compare: object, value: object, mask: object = None
) -> Value:
    return cas(builder, self, offsets, compare, value, mask)


def memory_of(builder: Builder, name: str, self: object, families: str) -> tuple[Value, DType]:
    """The tensor or pointer, whose elements are of one of ``families``."""
    assert isinstance(self, Value) and isinstance(self.type, Tensor | Pointer), "methods are found by type"
    dtype = self.type.dtype
    if wrong := unchangeable(self.type, families):
        packed = isinstance(self.type, Tensor) and self.type.packed
        other = "pass it unpacked" if packed else "let the tensor hold u8 or i32"
        help = "let the tensor hold i32, or its bits seen as i32 outside" if dtype.is_float else other
        raise TileError(f"{name} {wrong}", builder.span, help=help)
    return self, dtype


def places_of(
    builder: Builder, name: str, memory: Value, indices: object, mask: object, *values: Value
) -> tuple[tuple[Value, ...], Value | None]:
    """Indices and mask, stretched to the shape that they share with the values."""
    if isinstance(memory.type, Tensor):
        found = index_args(builder, name, indices, memory.type)
    else:
        found = (integers(builder, name, indices),)
    return meeting(builder, name, found, mask, common(builder, name, [shape_of(v) for v in values]))


for method, kind in METHODS.items():
    name = f"atomic_{method}"
    implements(getattr(language.Tensor, name))(partial(on_tensor, kind, f".{name}"))
    implements(getattr(language.Pointer, name))(partial(on_pointer, kind, f".{name}"))
