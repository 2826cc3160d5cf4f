"""The matrix product, of numbers as they are and of codes with block scales."""

from __future__ import annotations

from tilevm.ir.core import Op, Value, attribute, operand, optional
from tilevm.ir.ops.expect import brought_together, tile
from tilevm.source import TileError
from tilevm.types import DType, Tile, Type, f32, f64, i32

SCALES = ("f8e8m0", "f8ue4m3", "f8ue5m3", "f16", "bf16", "f32")  # what block scales may be
BLOCKS = 16  # a block of scaled codes is a multiple of this long, where k is several
FACTOR_BITS = {True: 32, False: 8}  # the widest codes that are scaled: floats, integers


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
        matrices(self, a, b)
        if a.dtype != b.dtype:
            raise TileError(f"dot takes operands of one dtype, not {a} and {b}", self.span, help=brought_together(a, b))
        wanted = Tile(accumulator(a.dtype), (a.shape[0], b.shape[1]))
        if acc != wanted:
            raise TileError(f"dot of {a} and {b} accumulates in {wanted}, not {acc}", self.span, help=started(wanted))
        return (acc,)


class DotScaled(Op, name="dot_scaled"):
    """``acc + (a * a_scale) @ (b * b_scale)`` in f32, where a block of codes along k shares a scale.

    a is (m, k) with a_scale (m, k / block), b is (k, n) with b_scale (k / block, n), acc and the result are f32 of
    (m, n); a scale may be left out. Codes are floats of at most 32 bits or integers of at most 8. Each scaled code is
    rounded to f32, and their products add up as those of ``dot``.
    """

    a: Value = operand()
    a_scale: Value | None = optional()
    b: Value = operand()
    b_scale: Value | None = optional()
    acc: Value = operand()

    def infer(self) -> tuple[Type, ...]:
        a, b, acc = (tile(self, v) for v in (self.a, self.b, self.acc))
        matrices(self, a, b)
        for found in (a, b):
            if not takes_scales(found.dtype):
                help = "multiply wider numbers by their scales first, and use dot"
                raise TileError(
                    f"dot_scaled takes floats of 32 bits and integers of 8 at most, not {found}", self.span, help=help
                )
        if self.a_scale is not None:
            scale = tile(self, self.a_scale)
            scales_fit(self, scale, a, (a.shape[0], blocks(self, scale, 1, a.shape[1])))
        if self.b_scale is not None:
            scale = tile(self, self.b_scale)
            scales_fit(self, scale, b, (blocks(self, scale, 0, b.shape[0]), b.shape[1]))
        wanted = Tile(f32, (a.shape[0], b.shape[1]))
        if acc != wanted:
            raise TileError(
                f"dot_scaled of {a} and {b} accumulates in {wanted}, not {acc}", self.span, help=started(wanted)
            )
        return (acc,)


def started(wanted: Tile) -> str:
    """The mend of an accumulator that is not ``wanted``."""
    return f"begin with zeros of {wanted}, and convert the sum behind the product"


def matrices(op: Op, a: Tile, b: Tile) -> None:
    """Refuses what cannot be multiplied for its shapes."""
    if len(a.shape) != 2 or len(b.shape) != 2:
        raise TileError(f"{op.name} takes matrices, not {a} and {b}", op.span, help="reshape both to two dimensions")
    if a.shape[1] != b.shape[0]:
        raise TileError(
            f"{op.name}: the {a.shape[1]} columns of {a} meet the {b.shape[0]} rows of {b}",
            op.span,
            help="the second dimension of a and the first of b must be equal",
        )


def takes_scales(dtype: DType) -> bool:
    """Whether block scales go with codes of a type."""
    return not dtype.is_bool and dtype.bits <= FACTOR_BITS[dtype.is_float]


def blocks(op: Op, scale: Tile, axis: int, k: int) -> int:
    """How many blocks the scales say that ``k`` codes have."""
    count = scale.shape[axis] if len(scale.shape) == 2 else 0
    if not count or (count > 1 and k % (BLOCKS * count)):
        help = f"a scale goes with all codes along k, or with a block of {BLOCKS}, {2 * BLOCKS}, … of them"
        raise TileError(f"{op.name}: {scale} does not scale equal blocks of {k} codes", op.span, help=help)
    return count


def scales_fit(op: Op, scale: Tile, codes: Tile, shape: tuple[int, int]) -> None:
    if scale.shape != shape:
        help = "reshape or turn the scales: a has (m, k / block) of them, b (k / block, n)"
        raise TileError(f"{op.name}: the scales of {codes} are {scale}, not of shape {shape}", op.span, help=help)
    if scale.dtype.name not in SCALES:
        raise TileError(f"{op.name}: {scale.dtype} is no type of scales", op.span, help=f"they are {', '.join(SCALES)}")


def accumulator(dtype: DType) -> DType:
    """The dtype that products of ``dtype`` are summed in."""
    if dtype.is_float:
        return f64 if dtype.bits == 64 else f32
    return i32
