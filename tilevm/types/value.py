"""The types that values of the IR have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod

from tilevm.layout import Layout
from tilevm.types.dtype import DType


@dataclass(frozen=True)
class Scalar:
    """One number."""

    dtype: DType

    @property
    def shape(self) -> tuple[int, ...]:
        return ()

    def __str__(self) -> str:
        return self.dtype.name


@dataclass(frozen=True)
class Tile:
    """A register tile: static shape, row-major in its indices.

    ``layout``, once assigned, says which thread holds which element. It is no part of what a tile is: two that differ
    in it alone are of one type.
    """

    dtype: DType
    shape: tuple[int, ...]
    layout: Layout | None = field(default=None, compare=False, repr=False)

    @property
    def size(self) -> int:
        return prod(self.shape)

    def __str__(self) -> str:
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]"


@dataclass(frozen=True)
class Dim:
    """One extent of a tensor: a number, a name bound at launch, or neither; and what divides it.

    ``Dim(size=128)``, ``Dim(name="M", divisor=16)``, ``Dim()`` for ``_``. ``wide``: it may exceed i32, and is i64.
    """

    name: str | None = None
    size: int | None = None
    divisor: int = 1
    wide: bool = False

    def __str__(self) -> str:
        text = self.name or ("_" if self.size is None else str(self.size))
        divisor = f"%{self.divisor}" if self.divisor > 1 and self.size is None else ""
        return f"{text}{divisor}{':i64' if self.wide else ''}"

    @property
    def multiple_of(self) -> int:
        """The largest number known to divide the extent."""
        return self.divisor if self.size is None else self.size


SMALL = 2**31 - 2**24  # bytes; code that adds up to 16 MiB to an offset of 32 bits apart from it meets no edge either


@dataclass(frozen=True)
class Tensor:
    """A tensor in global memory; ``strides`` count elements, ``None`` where known only at launch.

    ``align``: bytes that divide the address of element 0 and, where they are more than an element's own, the byte
    strides of the axes whose neighbours do not touch. ``packed``: elements lie in row-major order without gaps, element
    i in bits i * dtype.bits and up of the bytes, the least significant first. Then ``align=1`` says nothing: a row may
    begin inside a byte. ``small``: :func:`is_small` holds, so offsets of 32 bits tell its elements apart.
    """

    dtype: DType
    dims: tuple[Dim, ...]
    strides: tuple[int | None, ...]
    align: int = 1
    packed: bool = False
    small: bool = False

    @property
    def rank(self) -> int:
        return len(self.dims)

    def __str__(self) -> str:
        strides = ", ".join("_" if s is None else str(s) for s in self.strides)
        align = f", align={self.align}" if self.align > 1 else ""
        tail = ", packed" * self.packed + ", small" * self.small
        return f"tensor<{self.dtype}[{', '.join(map(str, self.dims))}], strides=[{strides}]{align}{tail}>"


@dataclass(frozen=True)
class Pointer:
    """An address of elements in global memory; nothing is known of its bounds."""

    dtype: DType
    align: int = 1

    def __str__(self) -> str:
        return f"ptr<{self.dtype}{f', align={self.align}' if self.align > 1 else ''}>"


@dataclass(frozen=True)
class Shared:
    """``count`` elements in the shared memory of a block."""

    dtype: DType
    count: int

    def __str__(self) -> str:
        return f"shared<{self.dtype}[{self.count}]>"


@dataclass(frozen=True)
class Slots:
    """``count`` places for a tile in the shared memory of a block."""

    dtype: DType
    shape: tuple[int, ...]
    count: int

    def __str__(self) -> str:
        return f"slots<{self.dtype}[{', '.join(map(str, self.shape))}], {self.count}>"


@dataclass(frozen=True)
class Token:
    """That a group of copies was begun: what waits for them names it."""

    def __str__(self) -> str:
        return "token"


Type = Scalar | Tile | Tensor | Pointer | Shared | Slots | Token
Numeric = Scalar | Tile


def like(model: Numeric, dtype: DType) -> Numeric:
    """A scalar or tile of ``dtype``, shaped as ``model``."""
    return Scalar(dtype) if isinstance(model, Scalar) else Tile(dtype, model.shape)


def row_major(extents: Sequence[int | None]) -> tuple[int | None, ...]:
    """The strides of elements without gaps between them, the last axis fastest; None where an extent is open."""
    strides: list[int | None] = []
    step: int | None = 1
    for extent in reversed(extents):
        strides.append(step)
        step = None if step is None or extent is None else step * max(extent, 1)
    return tuple(reversed(strides))


def is_small(dtype: DType, extents: Sequence[int], strides: Sequence[int]) -> bool:
    """Whether no element lies further than SMALL bytes from element 0, those of fewer than 8 bits taken as bytes."""
    far = 0  # calls ask this of every tensor: a plain loop takes half of a sum's time
    for extent, stride in zip(extents, strides, strict=True):
        if extent > 1:
            far += (extent - 1) * abs(stride)
    return far * dtype.numpy_bytes <= SMALL
