"""Bits of tiles read as other numbers."""

from __future__ import annotations

from math import gcd

from tilevm.ir.core import Op, Value, attribute, operand
from tilevm.ir.ops.expect import numeric
from tilevm.source import TileError
from tilevm.types import DType, Numeric, Scalar, Tile, Type, dtype


class View(Op, name="view"):
    """The bits of ``x``, not its numbers, as elements of ``to``.

    The bits of a row, along the last axis, stand element after element, each from its least significant bit up, and are
    cut anew: u8[.., n] becomes u4[.., 2 * n], and u4[.., n] becomes u8[.., n / 2]. A number keeps its width. The rows
    are those of the tile's indices, however its elements are spread over registers. NaN has the code that ``encode``
    gives it, with its sign; a backend may keep the bits that it was loaded with. Bits that ``to`` does not use are
    dropped.
    """

    x: Value = operand()
    to: DType = attribute(read=lambda text: dtype(text))

    def infer(self) -> tuple[Type, ...]:
        found = numeric(self, self.x, "if")
        if self.to.is_bool:
            raise TileError("view: bools have no bits of their own", self.span, help="compare, as in x != 0")
        if isinstance(found, Scalar):
            if found.dtype.bits != self.to.bits:
                raise self.misfit(found, f"{found} has {found.dtype.bits} bits, and {self.to} {self.to.bits}")
            return (Scalar(self.to),)
        row = found.shape[-1] * found.dtype.bits
        if row % self.to.bits:
            raise self.misfit(found, f"a row of {found} has {row} bits, no multiple of the {self.to.bits} of {self.to}")
        return (Tile(self.to, (*found.shape[:-1], row // self.to.bits)),)

    def misfit(self, found: Numeric, message: str) -> TileError:
        """The error, and which extents would do."""
        if isinstance(found, Scalar):
            help = "a number keeps its width; a tile of several can be cut anew"
        else:
            step = self.to.bits // gcd(found.dtype.bits, self.to.bits)
            below = found.shape[-1] // step * step
            near = f"{below} or {below + step}" if below else str(step)
            help = f"a last extent of {near} would do, as any multiple of {step}"
        return TileError(f"view: {message}", self.span, help=help)
