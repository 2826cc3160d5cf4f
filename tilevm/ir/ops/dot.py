"""The matrix product."""

from __future__ import annotations

from tilevm.ir.core import Op, Value, attribute, operand
from tilevm.ir.ops.expect import tile
from tilevm.source import TileError
from tilevm.types import DType, Tile, Type, f32, f64, i32


class Dot(Op, name="dot"):
    """``acc + a @ b`` for a of (m, k), b of (k, n), acc of (m, n).

    Floats accumulate in f32 (f64 in f64), integers in i32. The order of summation is free; the result r satisfies
    |r - ref| <= 2 eps(acc) |ref| + K eps(acc) (|a| @ |b|).
    """

    a: Value = operand()
    b: Value = operand()
    acc: Value = operand()
    precision: str = attribute("ieee")

    def infer(self) -> tuple[Type, ...]:
        a, b, acc = (tile(self, v) for v in (self.a, self.b, self.acc))
        if len(a.shape) != 2 or len(b.shape) != 2:
            raise TileError(f"dot takes matrices, not {a} and {b}", self.span)
        if a.shape[1] != b.shape[0]:
            raise TileError(
                f"dot: the {a.shape[1]} columns of {a} meet the {b.shape[0]} rows of {b}",
                self.span,
                help="the second dimension of a and the first of b must be equal",
            )
        if a.dtype != b.dtype:
            raise TileError(f"dot takes operands of one dtype, not {a} and {b}", self.span, help="use .to(…) on one")
        wanted = Tile(accumulator(a.dtype), (a.shape[0], b.shape[1]))
        if acc != wanted:
            raise TileError(f"dot of {a} and {b} accumulates in {wanted}, not {acc}", self.span)
        return (acc,)


def accumulator(dtype: DType) -> DType:
    """The dtype that products of ``dtype`` are summed in."""
    if dtype.is_float:
        return f64 if dtype.bits == 64 else f32
    return i32
