"""Arrays to codes with block scales, and back: MX, block floating point, NVFP4, and groups under float scales.

Blocks lie along the last axis; the axes before it count as rows. x is what kernels take: an array of numpy or
ml_dtypes, a tensor of torch, an array of CuPy; what comes out is made where it lives, by its own library
(:mod:`tilevm.runtime.room`). ``device`` is that of a kernel's launch. With ``rounding="stochastic"`` the
element of flat index n rounds by word n of the Philox stream of ``seed``, as in ``tv.encode``.
"""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import tilevm as tv
from tilevm.library import quantisers
from tilevm.library.blocks import LARGEST, MODES
from tilevm.library.seeds import key
from tilevm.library.shapes import shape_of
from tilevm.runtime.room import empty, full, zeros as zeros_like
from tilevm.source import nearest
from tilevm.types.codec.packing import packed_bytes

Array = Any  # of numpy, torch, CuPy, …
NUMBERS = (tv.f32, tv.f16, tv.bf16)  # types that arrays hold as such
COLUMNS, ELEMENTS = 512, 2048  # of a tile: columns where blocks are shorter, elements where there are rows enough
VECTOR, MANY, BLOCKS = 16, 16, 64  # elements that blocks are multiples of; blocks in a row; blocks of a program
SCALES = ("f32", "f16", "bf16", "f8ue4m3", "f8ue5m3")  # of groups
NVFP4_BLOCK = 16


@dataclass(frozen=True, eq=False, repr=False)
class Quantised:
    """An array as codes of ``dtype`` and scales.

    ``codes``: bytes, packed as ``tv.pack`` does, in the order of ``shape``. ``scales``: one for each ``block`` of
    (rows, columns), as numbers where ``scale_dtype`` is f32, f16 or bf16, else as codes in bytes. ``zeros``: packed
    zero points of ``dtype``, None where there are none. An element is code * scale * ``factor``; integers count
    2**(2-bits) under f8e8m0 scales, else from their zero point, or from 2**(bits-1) where unsigned ones have none.
    """

    codes: Array
    dtype: tv.DType
    shape: tuple[int, ...]
    scales: Array
    scale_dtype: tv.DType
    block: tuple[int, int]
    zeros: Array | None = None
    factor: float = 1.0

    @property
    def nbytes(self) -> int:
        """The bytes of codes, scales and zero points."""
        count = prod(self.scales.shape)
        points = 0 if self.zeros is None else packed_bytes(count, self.dtype.bits)
        return packed_bytes(prod(self.shape), self.dtype.bits) + packed_bytes(count, self.scale_dtype.bits) + points

    @property
    def matrix(self) -> tuple[int, int]:
        """The shape as rows and columns."""
        return prod(self.shape[:-1]), self.shape[-1]

    def __repr__(self) -> str:
        blocks = "×".join(map(str, self.block))
        return f"<{self.dtype}{list(self.shape)} in {blocks} blocks under {self.scale_dtype}, {self.nbytes} bytes>"

    def arguments(self) -> tuple[Any, Any]:
        """Codes (rows, columns) and scales, to be given to a kernel: packed where they are bytes."""
        return tv.packed(self.codes, self.dtype, self.matrix), scale_argument(self.scales, self.scale_dtype)


def scale_argument(scales: Array, dtype: tv.DType) -> Any:
    return scales if dtype in NUMBERS else tv.packed(scales.reshape((-1,)), dtype, scales.shape)


def room(x: Any, dtype: tv.DType, scale: tv.DType, block: tuple[int, int], zeros: bool = False) -> Quantised:
    """Room for the codes and scales of an array."""
    shape = shape_of(x, "blocks")
    counts = (tv.cdiv(prod(shape[:-1]), block[0]), tv.cdiv(shape[-1], block[1]))
    codes = zeros_like(x, (packed_bytes(prod(shape), dtype.bits),), tv.u8)
    points = zeros_like(x, (packed_bytes(prod(counts), dtype.bits),), tv.u8) if zeros else None
    scales = zeros_like(x, counts, scale if scale in NUMBERS else tv.u8)
    return Quantised(codes, dtype, shape, scales, scale, block, points)


def tile(q: Quantised) -> dict[str, int]:
    """Extents of a tile of whole blocks for a matrix of this shape."""
    rows, columns = q.block
    blocks = min(max(COLUMNS // columns, 1), tv.cdiv(q.shape[-1], columns))
    return {"BM": max(ELEMENTS // (blocks * columns) // rows * rows, rows), "BN": blocks * columns}


def rows_of(x: Any) -> Any:
    return x.reshape((prod(x.shape[:-1]), x.shape[-1]))


def launch(kernel: tv.Kernel, q: Quantised, *args: Any, **constants: Any) -> None:
    """Run a kernel over the tiles of a matrix, if it has any."""
    if prod(q.shape):
        kernel(*args, **tile(q), **constants)


def in_blocks(q: Quantised, rounding: str) -> bool:
    """Whether blocks can be a dimension of their own: columns are many whole ones, of whole vectors.

    Tiles are not reshaped then, which they are by way of memory.
    """
    (rows, size), columns = q.block, q.shape[-1]
    whole = rows == 1 and size % VECTOR == 0 and columns % size == 0 and columns // size >= MANY
    return whole and prod(q.shape) > 0 and rounding != "stochastic"


def by_blocks(q: Quantised, x: Any) -> tuple[Any, Any, Any, int]:
    """x and codes as (rows, blocks, elements), scales (rows, blocks), and how many blocks a program takes."""
    shape = (q.matrix[0], q.shape[-1] // q.block[1], q.block[1])
    codes = tv.packed(q.codes, q.dtype, shape)
    return x.reshape(shape), codes, scale_argument(q.scales, q.scale_dtype), min(shape[1], BLOCKS)


def mx(
    x: Any,
    dtype: tv.DType | str,
    block: int = 32,
    mode: str = "floor",
    rounding: str = "nearest_even",
    seed: int = 0,
    device: str | None = None,
) -> Quantised:
    """Blocks under f8e8m0 scales (OCP MX 1.0): MXFP4, MXFP6 and MXFP8 by their element types, MXINT8 as "i8".

    ``dtype``: a signed float of at most 8 bits, or i2 … i16; ``mode``: "floor", "ceil", "even" or "rceil", as
    :func:`tilevm.library.blocks.power_of_two` has them. Raises ``TileError`` for other types and modes.
    """
    kind = tv.dtype(dtype)
    least, most = (1, 8) if kind.is_float else (2, 16)
    if not kind.signed or kind.is_bool or not least <= kind.bits <= most:
        raise tv.TileError(
            f"{kind} is no type of MX elements", help="signed floats of at most 8 bits are, and i2 to i16"
        )
    if mode not in MODES:
        near = nearest(str(mode), list(MODES))
        help = f"did you mean {near!r}?" if near else f"there are {', '.join(map(repr, MODES))}"
        raise tv.TileError(f"no mode of MX scales is called {mode!r}", help=help)
    q, word = room(x, kind, tv.f8e8m0, (1, block_of(block))), key(seed)
    how = {"BLOCK": q.block[1], "mode": mode, "rounding": rounding, "device": device}
    if in_blocks(q, rounding):
        given, codes, scales, most = by_blocks(q, x)
        quantisers.mx_in_blocks(given, codes, scales, BG=most, **how)
    else:
        launch(quantisers.mx, q, rows_of(x), *q.arguments(), word, **how)
    return q


def bfp(x: Any, bits: int, block: int = 32, device: str | None = None) -> Quantised:
    """Block floating point: integers of ``bits`` bits, 2 … 16, sign included, under a shared exponent.

    With e = floor(log2 of the largest |x|), code k stands for k * 2**(e - bits + 2), and |k| < 2**(bits - 1).
    """
    return mx(x, f"i{bits}", block, device=device)


def nvfp4(
    x: Any,
    rows: int = 1,
    amax: float | None = None,
    rounding: str = "nearest_even",
    seed: int = 0,
    device: str | None = None,
) -> Quantised:
    """f4e2m1 codes under f8ue4m3 scales of 16 elements, and an f32 factor for the tensor.

    ``rows``: 1, or 16 for blocks of 16 × 16, which a matrix and its transpose share. ``amax``: the largest |x|, found
    by a kernel where it is not given; infinity and NaN are passed over.
    """
    if rows not in (1, NVFP4_BLOCK):
        raise tv.TileError(f"a block of NVFP4 has 1 row or {NVFP4_BLOCK}, not {rows}")
    given = 0.0 if amax is None else amax_of(amax)
    q, word = room(x, tv.f4e2m1, tv.f8ue4m3, (rows, NVFP4_BLOCK)), key(seed)
    flat, most, factor = rows_of(x), full(x, (1,), given, tv.f32), full(x, (1,), 1.0, tv.f32)
    if amax is None:
        launch(quantisers.tensor_amax, q, flat, most, device=device)
    if in_blocks(q, rounding):
        given, codes, scales, count = by_blocks(q, x)
        how = {"BLOCK": NVFP4_BLOCK, "rounding": rounding, "device": device}
        quantisers.nvfp4_in_blocks(given, most, codes, scales, factor, BG=count, **how)
    else:
        how = {"ROWS": rows, "rounding": rounding, "device": device}
        launch(quantisers.nvfp4, q, flat, most, *q.arguments(), factor, word, **how)
    return replace(q, factor=float(factor[0]))


def groups(
    x: Any,
    dtype: tv.DType | str,
    group: int | None = 128,
    scale: tv.DType | str = "f16",
    zeros: bool = False,
    rounding: str = "nearest_even",
    seed: int = 0,
    device: str | None = None,
) -> Quantised:
    """Groups under scales rounded to a float type, with zero points or without.

    ``dtype``: u2 … u8, i2 … i8, or a signed float of at most 8 bits; ``group``: None is a whole row; ``scale``: f16,
    bf16, f32, f8ue4m3 or f8ue5m3. Formulas: :mod:`tilevm.library.groups`. Raises ``TileError`` for what does not go
    together.
    """
    kind, scales = tv.dtype(dtype), tv.dtype(scale)
    if kind.bits > 8 or kind.is_bool or not (kind.signed if kind.is_float else kind.bits > 1):
        raise tv.TileError(f"groups of {kind} are not made", help="u2 to u8, i2 to i8, and signed floats of 8 bits are")
    if scales.name not in SCALES:
        raise tv.TileError(f"{scales} is no type of scales for groups", help=f"they are {', '.join(SCALES)}")
    if zeros and kind.is_float:
        raise tv.TileError(f"{kind} has no zero points", help="integers have")
    q = room(x, kind, scales, (1, block_of(max(shape_of(x, "blocks")[-1], 1) if group is None else group)), zeros)
    how = {"BLOCK": q.block[1], "rounding": rounding, "device": device}
    if q.zeros is None:
        launch(quantisers.groups, q, rows_of(x), *q.arguments(), key(seed), **how)
    else:
        points = tv.packed(q.zeros, kind, q.scales.shape)
        launch(quantisers.ranges, q, rows_of(x), *q.arguments(), points, key(seed), **how)
    return q


def dequantise(q: Quantised, dtype: tv.DType | str = "f32", device: str | None = None) -> Array:
    """The numbers that codes and scales stand for: computed in f32, and rounded to ``dtype``, f32, f16 or bf16."""
    kind = tv.dtype(dtype)
    if kind not in NUMBERS:
        raise tv.TileError(f"numbers are given as f32, f16 or bf16, not as {kind}")
    y = empty(q.codes, q.matrix, kind)
    codes, scales = q.arguments()
    rows, columns = q.block
    if q.zeros is not None:
        zeros = tv.packed(q.zeros, q.dtype, q.scales.shape)
        launch(quantisers.from_ranges, q, codes, scales, zeros, y, BLOCK=columns, device=device)
    elif q.scale_dtype == tv.f8e8m0 or rows > 1 or q.factor != 1.0:
        launch(quantisers.from_blocks, q, codes, scales, y, q.factor, BLOCK=columns, ROWS=rows, device=device)
    else:
        launch(quantisers.from_groups, q, codes, scales, y, BLOCK=columns, device=device)
    return y.reshape(q.shape)


def block_of(size: Any) -> int:
    """A block's elements, given as any whole number above 0."""
    try:
        count = 0 if isinstance(size, bool) else operator.index(size)
    except TypeError:
        count = 0
    if count < 1:
        raise tv.TileError(f"a block has a positive number of elements, not {size!r}")
    return count


def amax_of(given: Any) -> float:
    """The largest |x| of a tensor, which f32 holds."""
    try:
        amax = math.fsum((given,))
    except (TypeError, ValueError, OverflowError, RuntimeError):  # torch's, of a tensor with several numbers
        amax = math.nan
    if not 0 <= amax <= LARGEST:
        help = "leave amax out, and a kernel finds it"
        raise tv.TileError(f"the largest |x| is a number from 0 to {LARGEST:.8g}, which {given!r} is not", help=help)
    return amax
