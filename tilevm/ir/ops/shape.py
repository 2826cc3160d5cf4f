"""Instructions that make tiles and rearrange them."""

from __future__ import annotations

from math import prod

from tilevm.ir.core import Op, Value, attribute, operand
from tilevm.ir.ops.expect import FIRST, axis_of, numeric, tile
from tilevm.source import TileError
from tilevm.types import DType, Scalar, Tile, Type, dtype, i32

STRETCHED = "only extents of 1 stretch, and the rank stays: reshape it first"


class Constant(Op, name="constant"):
    """A number known now."""

    value: int | float | bool = attribute()
    of: DType = attribute(read=lambda text: dtype(text))

    def infer(self) -> tuple[Type, ...]:
        if self.of.is_integer and not (isinstance(self.value, int) and self.of.min <= self.value <= self.of.max):
            raise TileError(f"constant: {self.value} is not a number of {self.of}", self.span, help=holding(self.of))
        return (Scalar(self.of),)


class Splat(Op, name="splat"):
    """A tile that holds one number everywhere."""

    x: Value = operand()
    shape: tuple[int, ...] = attribute()

    def infer(self) -> tuple[Type, ...]:
        if not isinstance(self.x.type, Scalar):
            raise TileError(f"splat takes a number, not {self.x.type}", self.span, help=spread(self.x.type))
        positive(self, self.shape)
        return (Tile(self.x.type.dtype, self.shape),)


class Empty(Op, name="empty"):
    """A tile not yet written; using an element of it is an error that the machine reports."""

    of: DType = attribute(read=lambda text: dtype(text))
    shape: tuple[int, ...] = attribute()

    def infer(self) -> tuple[Type, ...]:
        positive(self, self.shape)
        return (Tile(self.of, self.shape),)


class Arange(Op, name="arange"):
    """``start, start + 1, …``, ``size`` numbers in a 1-d tile of i32."""

    start: int = attribute(0)
    size: int = attribute()

    def infer(self) -> tuple[Type, ...]:
        positive(self, (self.size,))
        return (Tile(i32, (self.size,)),)


class Broadcast(Op, name="broadcast"):
    """Dimensions of extent 1 stretched to ``shape``; the rank stays."""

    x: Value = operand()
    shape: tuple[int, ...] = attribute()

    def infer(self) -> tuple[Type, ...]:
        found = tile(self, self.x)
        positive(self, self.shape)
        fits = len(found.shape) == len(self.shape)
        if not fits or any(e not in (1, s) for e, s in zip(found.shape, self.shape, strict=True)):
            raise TileError(f"{found} does not broadcast to {list(self.shape)}", self.span, help=STRETCHED)
        return (Tile(found.dtype, self.shape),)


class Reshape(Op, name="reshape"):
    """The same elements in row-major order under another shape."""

    x: Value = operand()
    shape: tuple[int, ...] = attribute()

    def infer(self) -> tuple[Type, ...]:
        found = tile(self, self.x)
        positive(self, self.shape)
        if prod(self.shape) != found.size:
            raise TileError(
                f"{found} has {found.size} elements, the shape {list(self.shape)} {prod(self.shape)}",
                self.span,
                help=f"give extents whose product is {found.size}",
            )
        return (Tile(found.dtype, self.shape),)


class Permute(Op, name="permute"):
    """Dimension ``dims[k]`` of ``x`` becomes dimension ``k``."""

    x: Value = operand()
    dims: tuple[int, ...] = attribute()

    def infer(self) -> tuple[Type, ...]:
        found = tile(self, self.x)
        if sorted(self.dims) != list(range(len(found.shape))):
            help = f"name each of {', '.join(map(str, range(len(found.shape))))} once"
            raise TileError(f"{list(self.dims)} does not permute the dimensions of {found}", self.span, help=help)
        return (Tile(found.dtype, tuple(found.shape[d] for d in self.dims)),)


class Reduce(Op):
    """One dimension folded away; a 1-d tile gives a number. The order of a sum is fixed per target."""

    x: Value = operand()
    axis: int = attribute()
    accepts = "if"

    def infer(self) -> tuple[Type, ...]:
        found = tile(self, self.x)
        numeric(self, self.x, self.accepts)
        axis_of(self, self.axis, len(found.shape))
        rest = found.shape[: self.axis] + found.shape[self.axis + 1 :]
        return (Tile(found.dtype, rest) if rest else Scalar(found.dtype),)


class Sum(Reduce, name="sum"):
    """The sum: integers wrap; f16 and bf16 add in f32 and round once."""


class Max(Reduce, name="max"):
    """The largest; NaN is passed over unless there is nothing else. Of -0 and +0 either."""


class Min(Reduce, name="min"):
    """The smallest; NaN is passed over unless there is nothing else. Of -0 and +0 either."""


class Any(Reduce, name="any"):
    """True where one is."""

    accepts = "b"


class All(Reduce, name="all"):
    """True where each is."""

    accepts = "b"


def holding(of: DType) -> str:
    """The mend of a constant that an integer type does not hold."""
    return f"{of} holds whole numbers from {of.min} to {of.max}; another type may hold it"


def spread(found: Type) -> str:
    """The mend of what is spread over a tile and is no number."""
    return "broadcast stretches a tile" if isinstance(found, Tile) else FIRST[type(found)]


def positive(op: Op, shape: tuple[int, ...]) -> None:
    if not shape or any(e < 1 for e in shape):
        raise TileError(
            f"a tile's shape holds positive numbers, not {list(shape)}",
            op.span,
            help="give it one extent or more, each 1 or more",
        )
