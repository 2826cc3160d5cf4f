"""Instructions that take pieces out of tiles and put them together."""

from __future__ import annotations

from tilevm.ir.core import Op, Value, attribute, operand, operands
from tilevm.ir.ops.expect import axis_of, tile
from tilevm.ir.ops.shape import positive
from tilevm.source import TileError
from tilevm.types import Scalar, Tile, Type

INSIDE = "a piece begins at 0 or behind, and ends where the tile does or before: start + size <= extent"


class Slice(Op, name="slice"):
    """The box of ``shape`` that begins at ``starts``, inside the tile."""

    x: Value = operand()
    starts: tuple[int, ...] = attribute()
    shape: tuple[int, ...] = attribute()

    def infer(self) -> tuple[Type, ...]:
        found = tile(self, self.x)
        positive(self, self.shape)
        within(self, found, self.starts, self.shape)
        return (Tile(found.dtype, self.shape),)


class Extract(Op, name="extract"):
    """The element at ``at``, a number."""

    x: Value = operand()
    at: tuple[int, ...] = attribute()

    def infer(self) -> tuple[Type, ...]:
        found = tile(self, self.x)
        within(self, found, self.at, (1,) * len(self.at))
        return (Scalar(found.dtype),)


class Concat(Op, name="concat"):
    """Tiles one behind another along ``axis``; their other extents are equal."""

    xs: tuple[Value, ...] = operands()
    axis: int = attribute()

    def infer(self) -> tuple[Type, ...]:
        found = [tile(self, x) for x in self.xs]
        if not found:
            raise TileError(
                "concat takes one tile or more", self.span, help="name the tiles: concat [%a, %b] {axis = 0}"
            )
        first = found[0]
        axis_of(self, self.axis, len(first.shape))
        for other in found[1:]:
            if other.dtype != first.dtype or around(other, self.axis) != around(first, self.axis):
                message = f"concat along axis {self.axis}: {first} and {other} do not go together"
                raise TileError(
                    message, self.span, help="number types are alike, and so are extents but along the axis"
                )
        length = sum(t.shape[self.axis] for t in found)
        return (Tile(first.dtype, (*first.shape[: self.axis], length, *first.shape[self.axis + 1 :])),)


def within(op: Op, found: Tile, starts: tuple[int, ...], shape: tuple[int, ...]) -> None:
    fits = len(starts) == len(shape) == len(found.shape)
    if not fits or any(
        not 0 <= at <= extent - size for at, size, extent in zip(starts, shape, found.shape, strict=True)
    ):
        rank = len(found.shape)
        help = f"give {rank} numbers, one a dimension" if len(starts) != rank or len(shape) != rank else INSIDE
        raise TileError(f"{op.name}: {list(shape)} at {list(starts)} does not lie inside {found}", op.span, help=help)


def around(found: Tile, axis: int) -> tuple[int, tuple[int, ...]]:
    """The rank, and the extents but that of ``axis``."""
    return len(found.shape), found.shape[:axis] + found.shape[axis + 1 :]
