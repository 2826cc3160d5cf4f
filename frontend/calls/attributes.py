"""Attributes of tiles, tensors and pointers."""

from __future__ import annotations

from tilevm.ir import Value
from tilevm.ir.build import Builder
from tilevm.ir.ops import Extent
from tilevm.types import DType, Tensor

from .. import language
from ..promote import natural
from ..values import is_number
from .table import implements_property


@implements_property(language.Tensor, "shape")
def tensor_shape(builder: Builder, self: object) -> tuple[object, ...]:
    """Ints where the type knows them, else extents read at run time."""
    assert isinstance(self, Value) and isinstance(self.type, Tensor), "attributes are found by type"
    dims = enumerate(self.type.dims)
    return tuple(
        builder.add(Extent, tensor=self, axis=axis, hints=(d.name or "",)).result if d.size is None else d.size
        for axis, d in dims
    )


@implements_property(language.Tensor, "ndim")
def tensor_rank(builder: Builder, self: object) -> int:
    assert isinstance(self, Value) and isinstance(self.type, Tensor), "attributes are found by type"
    return self.type.rank


@implements_property(language.Tile, "shape")
def tile_shape(builder: Builder, self: object) -> tuple[int, ...]:
    return () if not isinstance(self, Value) or isinstance(self.type, Tensor) else getattr(self.type, "shape", ())


@implements_property(language.Tile, "ndim")
def tile_rank(builder: Builder, self: object) -> int:
    return len(tile_shape(builder, self))


@implements_property(language.Tile, "dtype")
@implements_property(language.Tensor, "dtype")
@implements_property(language.Pointer, "dtype")
def dtype(builder: Builder, self: object) -> DType:
    """The number type; of a Python number, the one it would take by itself."""
    return natural(builder, self) if is_number(self) else self.type.dtype  # type: ignore[attr-defined]
