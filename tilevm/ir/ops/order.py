"""Instructions that compare the elements of a tile with each other: order and the place of an extreme."""

from __future__ import annotations

from tilevm.ir.core import Op, Value, attribute, operand
from tilevm.ir.ops.expect import axis_of, numeric, tile
from tilevm.source import TileError
from tilevm.types import Scalar, Tile, Type, i32


class Sort(Op, name="sort"):
    """The first ``count`` elements along ``axis`` in order, and where each stood (i32).

    Stable: equal elements keep their order, and -0 equals +0. NaN comes last, ``descending`` or not.
    """

    x: Value = operand()
    axis: int = attribute()
    count: int = attribute()
    descending: bool = attribute(False)

    def infer(self) -> tuple[Type, ...]:
        found = tile(self, self.x)
        axis_of(self, self.axis, len(found.shape))
        length = found.shape[self.axis]
        if not 1 <= self.count <= length:
            message = f"sort: {self.count} of the {length} elements along axis {self.axis} of {found}"
            raise TileError(message, self.span, help=f"ask for 1 to {length} of them")
        shape = (*found.shape[: self.axis], self.count, *found.shape[self.axis + 1 :])
        return (Tile(found.dtype, shape), Tile(i32, shape))


class ArgReduce(Op):
    """The smallest index of an extreme along ``axis``, an i32; NaN is passed over, and nothing but NaN gives 0."""

    x: Value = operand()
    axis: int = attribute()

    def infer(self) -> tuple[Type, ...]:
        found = tile(self, self.x)
        numeric(self, self.x, "if")
        axis_of(self, self.axis, len(found.shape))
        rest = found.shape[: self.axis] + found.shape[self.axis + 1 :]
        return (Tile(i32, rest) if rest else Scalar(i32),)


class ArgMax(ArgReduce, name="argmax"):
    """Where the largest stands first."""


class ArgMin(ArgReduce, name="argmin"):
    """Where the smallest stands first."""
