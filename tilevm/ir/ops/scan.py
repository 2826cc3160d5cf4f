"""Instructions that combine the elements of a line one after another, from left to right."""

from __future__ import annotations

from typing import ClassVar

from tilevm.ir.core import Block, Op, Value, attribute, operand, operands, region
from tilevm.ir.ops.control import words
from tilevm.ir.ops.elementwise import Binary, Cast, Compare, Fma, Select, Unary
from tilevm.ir.ops.expect import RESHAPED, axis_of, numeric, tile
from tilevm.ir.ops.shape import Constant
from tilevm.source import TileError
from tilevm.types import Scalar, Tile, Type

COMBINING = (Unary, Binary, Compare, Fma, Select, Cast, Constant)  # what a combining block is made of
COMBINED = "for each tile combine takes two numbers, of all tiles what was combined first, and yields one"


class Cumulative(Op):
    """Element k is made from elements 0 … k of its line, or k … end with ``reverse``. Machines group them as they like,
    alike in every run."""

    x: Value = operand()
    axis: int = attribute()
    reverse: bool = attribute(False)
    accepts: ClassVar[str] = "if"

    def infer(self) -> tuple[Type, ...]:
        found = tile(self, self.x)
        numeric(self, self.x, self.accepts)
        axis_of(self, self.axis, len(found.shape))
        return (found,)


class CumSum(Cumulative, name="cumsum"):
    """Sums: integers wrap; f16 and bf16 add in f32 and round each result once."""


class CumProd(Cumulative, name="cumprod"):
    """Products: integers wrap; f16 and bf16 multiply in f32 and round each result once."""


class Combining(Op):
    """``combine`` takes what was combined so far, then the next element of each of ``xs``; it gives the former anew.

    It computes with numbers alone. The first element of a line is taken as it is.
    """

    xs: tuple[Value, ...] = operands()
    combine: Block = region()
    axis: int = attribute()

    def taken(self) -> list[Tile]:
        """The types of the tiles, after checking them and the block."""
        found = [tile(self, x) for x in self.xs]
        if not found:
            raise TileError(
                f"{self.name} takes one tile or more", self.span, help="name the tiles between the brackets"
            )
        axis_of(self, self.axis, len(found[0].shape))
        for other in found[1:]:
            if other.shape != found[0].shape:
                message = f"{self.name} takes tiles of one shape, not {found[0]} and {other}"
                raise TileError(message, self.span, help=RESHAPED)
        numbers = tuple(Scalar(t.dtype) for t in found)
        for what, values, wanted in (
            ("takes", self.combine.params, numbers * 2),
            ("yields", self.combine.end.operands, numbers),
        ):
            types = tuple(v.type for v in values)
            if types != wanted:
                message = f"{self.name}: combine {what} {words(types)}, not {words(wanted)}"
                raise TileError(message, self.span, help=COMBINED)
        for op in self.combine.ops[:-1]:
            if not isinstance(op, COMBINING):
                help = "choose between numbers with tv.where; memory, loops and branches stay outside"
                raise TileError(f"{self.name}: combine computes with numbers, without {op.name}", op.span, help=help)
        return found


class Scan(Combining, name="scan"):
    """Every step of combining a line: element k is made from 0 … k, or from the end down to k with ``reverse``."""

    reverse: bool = attribute(False)

    def infer(self) -> tuple[Type, ...]:
        return tuple(self.taken())


class Fold(Combining, name="fold"):
    """The last step of combining a line; the axis goes."""

    def infer(self) -> tuple[Type, ...]:
        found = self.taken()
        shape = found[0].shape
        rest = shape[: self.axis] + shape[self.axis + 1 :]
        return tuple(Tile(t.dtype, rest) if rest else Scalar(t.dtype) for t in found)
