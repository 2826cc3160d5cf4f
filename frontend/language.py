"""The names that a kernel may use: signatures and docstrings for editors, without bodies.

Each function's meaning stands in ``tilevm.frontend.calls``; a test holds the two together. Names that Python has
too (``sum``, ``max``, ``range``, …) are meant to be used as ``tv.sum``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, TypeAlias, overload

from tilevm import symbolic
from tilevm.layout import Layout
from tilevm.symbolic import Expr
from tilevm.types import DType

from .along import argmax, argmin, argsort, cumprod, cumsum, reduce, scan, sort, topk
from .handles import Index, Number, Shape, Tile, outside
from .memory import Pointer, Tensor


class CompileTime:
    """Marks the annotation of a parameter whose value is known when the kernel is compiled."""


constexpr: TypeAlias = Annotated[Any, CompileTime()]


def program_id(axis: int) -> Tile:
    """This program's place in the grid along ``axis`` (0, 1 or 2), an i32."""
    raise outside("tv.program_id")


def num_programs(axis: int) -> Tile:
    """How many programs the grid has along ``axis`` (0, 1 or 2), an i32."""
    raise outside("tv.num_programs")


def zeros(shape: Shape, dtype: DType) -> Tile:
    """A tile of zeros; the shape holds compile-time ints."""
    raise outside("tv.zeros")


def full(shape: Shape, value: Number, dtype: DType) -> Tile:
    """A tile that holds ``value`` everywhere."""
    raise outside("tv.full")


def empty(shape: Shape, dtype: DType) -> Tile:
    """A tile not yet written. Using an element of it is an error that ``device="vm"`` reports."""
    raise outside("tv.empty")


def arange(start: int, end: int | None = None) -> Tile:
    """``start, …, end - 1`` as a 1-d tile of i32; ``arange(n)`` counts from 0. Both are compile-time ints."""
    raise outside("tv.arange")


def where(condition: Number, a: Number, b: Number) -> Tile:
    """``a`` where ``condition`` (bool) holds, else ``b``; all three broadcast."""
    raise outside("tv.where")


def minimum(a: Number, b: Number) -> Tile:
    """The smaller of the two, element by element; where one is NaN, the other."""
    raise outside("tv.minimum")


def maximum(a: Number, b: Number) -> Tile:
    """The larger of the two, element by element; where one is NaN, the other."""
    raise outside("tv.maximum")


def exp(x: Number) -> Tile:
    """``e ** x`` of a float, at most 2 ulp in f32."""
    raise outside("tv.exp")


def exp2(x: Number) -> Tile:
    """``2 ** x`` of a float, at most 2 ulp in f32; results below the normal range may flush to zero."""
    raise outside("tv.exp2")


def log(x: Number) -> Tile:
    """The natural logarithm of a float, at most 2 ulp in f32."""
    raise outside("tv.log")


def log2(x: Number) -> Tile:
    """The logarithm to base 2 of a float, at most 2 ulp in f32."""
    raise outside("tv.log2")


def sqrt(x: Number) -> Tile:
    """The square root of a float, correctly rounded."""
    raise outside("tv.sqrt")


def rsqrt(x: Number) -> Tile:
    """``1 / sqrt(x)`` of a float, at most 2 ulp in f32."""
    raise outside("tv.rsqrt")


def tanh(x: Number) -> Tile:
    """The hyperbolic tangent of a float, at most 4 ulp in f32."""
    raise outside("tv.tanh")


def sigmoid(x: Number) -> Tile:
    """``1 / (1 + exp(-x))`` of a float, at most 4 ulp in f32."""
    raise outside("tv.sigmoid")


def erf(x: Number) -> Tile:
    """The error function of a float, at most 4 ulp in f32."""
    raise outside("tv.erf")


def abs(x: Number) -> Tile:
    """``|x|`` of integers or floats."""
    raise outside("tv.abs")


def floor(x: Number) -> Tile:
    """The largest whole number not above ``x``, as a float of the same dtype."""
    raise outside("tv.floor")


def ceil(x: Number) -> Tile:
    """The smallest whole number not below ``x``, as a float of the same dtype."""
    raise outside("tv.ceil")


def sum(x: Tile, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tile:
    """The sum over ``axis``, or of everything, in the dtype of ``x``.

    f16 and bf16 add in f32 and round once; integers wrap.
    """
    raise outside("tv.sum")


def max(x: Tile, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tile:
    """The largest over ``axis``, or of everything; NaN is passed over. Of two values: :func:`maximum`."""
    raise outside("tv.max")


def min(x: Tile, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tile:
    """The smallest over ``axis``, or of everything; NaN is passed over. Of two values: :func:`minimum`."""
    raise outside("tv.min")


def any(x: Tile, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tile:
    """Whether one element of a bool tile is true, over ``axis`` or everywhere."""
    raise outside("tv.any")


def all(x: Tile, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tile:
    """Whether each element of a bool tile is true, over ``axis`` or everywhere."""
    raise outside("tv.all")


def dot(a: Tile, b: Tile, acc: Number | None = None, precision: str = "ieee") -> Tile:
    """``acc + a @ b`` for a of (m, k), b of (k, n) and acc of (m, n).

    a and b share a dtype. Floats accumulate in f32 (f64 in f64), integers in i32; acc has that dtype and is zero
    when left out. ``precision="tf32"`` lets f32 operands round to tf32.
    """
    raise outside("tv.dot")


def dot_scaled(a: Tile, a_scale: Tile | None, b: Tile, b_scale: Tile | None, acc: Number | None = None) -> Tile:
    """``acc + (a * a_scale) @ (b * b_scale)``, where the codes of a block along k share a scale; the result is f32.

    a is (m, k) with a_scale (m, k / block), b is (k, n) with b_scale (k / block, n); None stands for no scales. The
    block follows from the shapes: it is all of k, or a multiple of 16. a and b are floats of at most 32 bits or
    integers of at most 8, of one dtype or two; scales are f8e8m0, f8ue4m3, f8ue5m3, f16, bf16 or f32. Scaled codes
    are rounded to f32 where they must be, and add up as in ``dot``. A machine may scale the sum of a block instead,
    and where k is one block that is what it does: a sum that overflows before it is scaled is infinite.
    """
    raise outside("tv.dot_scaled")


def reshape(x: Tile, shape: Shape) -> Tile:
    """The same elements in row-major order under another shape; one extent may be -1."""
    raise outside("tv.reshape")


def permute(x: Tile, dims: Sequence[int]) -> Tile:
    """Dimension ``dims[k]`` of ``x`` becomes dimension ``k``."""
    raise outside("tv.permute")


def broadcast(x: Number, shape: Shape) -> Tile:
    """``x`` stretched to ``shape`` by numpy's rules."""
    raise outside("tv.broadcast")


def expand(x: Tile, axis: int) -> Tile:
    """``x`` with a dimension of extent 1 inserted at ``axis``: ``expand(x, 1)`` is ``x[:, None]`` of a 1-d tile."""
    raise outside("tv.expand")


def set_layout(x: Tile, layout: Layout | str) -> Tile:
    """``x``, lying in the registers of a block's threads as ``layout`` says; the CPU has no threads and passes it over.

    ``layout`` has the extents of x, on thread and reg: built outside the kernel, as ``spatial(8, 4) * local(1, 2)``, or
    its text. Where a block has more threads, they hold replicas. What computes with the result lies likewise, and
    conversions are made where other demands meet it; two layouts for one carried variable are refused.
    """
    raise outside("tv.set_layout")


def join(a: Number, b: Number) -> Tile:
    """``a`` and ``b`` side by side in a new last dimension of extent 2; they broadcast, and take one dtype."""
    raise outside("tv.join")


def split(x: Tile) -> tuple[Tile, Tile]:
    """The two halves ``x[..., 0], x[..., 1]`` of a tile whose last extent is 2: what :func:`join` put together."""
    raise outside("tv.split")


def cat(tiles: Sequence[Tile], axis: int = 0) -> Tile:
    """Tiles of one dtype, one behind another along ``axis``; their other extents are equal."""
    raise outside("tv.cat")


def rand(seed: Index, index: Index) -> Tile:
    """Random f32 in [0, 1), one for each ``index``: the top 24 bits of :func:`randint`, as a fraction."""
    raise outside("tv.rand")


def randint(seed: Index, index: Index) -> Tile:
    """Random u32, one for each ``index``: word ``index`` of the Philox4x32-10 stream of ``seed``.

    Words 4n … 4n + 3 are the block at counter n under the key ``seed``, both as 64 bits (signed ones extend their
    sign). The same seed and index give the same bits on every machine, in any order, in any tile.
    """
    raise outside("tv.randint")


def range(
    start: Index, stop: Index | None = None, step: Index = 1, num_stages: int = 1, unroll: int = 1
) -> Iterator[Tile]:
    """The numbers a loop runs over, as Python's ``range``; the loop is always a run-time loop.

    ``num_stages``: how many iterations' loads are in flight at once. ``unroll``: how many are laid out in a row; what
    is left over runs one by one behind, and a loop of no more than that, known when compiling, is none any more.
    Both are for GPUs: they change no answer, and the CPU, whose cores do either by themselves, passes them over. They
    do nothing for a loop that ``break`` or ``return`` may leave.
    """
    raise outside("tv.range")


def static_range(start: int, stop: int | None = None, step: int = 1) -> Iterator[int]:
    """Compile-time ints to loop over: the body is traced once for each."""
    raise outside("tv.static_range")


def print(*values: object) -> None:
    """Write a line for every program that comes here: its place in the grid, then the values with blanks between.

    Text and compile-time values are written as Python writes them, tiles as numpy writes arrays. ``device="vm"``
    always prints; compiled kernels print, after the launch, where TILEVM_DEBUG is 1, and leave it out elsewhere.
    """
    raise outside("tv.print")


def device_assert(condition: Number, message: str = "") -> None:
    """Raise TileError with ``message`` unless the bool ``condition`` holds, in every element of a tile.

    The error names the source line, the program and the first element. ``device="vm"`` always checks, at once;
    compiled kernels check where TILEVM_DEBUG is 1, and tell after the launch of the first program that failed.
    """
    raise outside("tv.device_assert")


def static_assert(condition: bool, message: str = "") -> None:
    """Stop compiling with ``message`` unless the compile-time ``condition`` holds."""
    raise outside("tv.static_assert")


def static_print(*values: object, sep: str = " ", end: str = "\n") -> None:
    """Print while compiling, to standard output: what is known then as Python prints it, tiles by their type."""
    raise outside("tv.static_print")


@overload
def cdiv(a: int, b: int) -> int: ...
@overload
def cdiv(a: Expr, b: Expr | int) -> Expr: ...
@overload
def cdiv(a: int, b: Expr) -> Expr: ...
@overload
def cdiv(a: Tile, b: Index) -> Tile: ...
@overload
def cdiv(a: int, b: Tile) -> Tile: ...
def cdiv(a: Any, b: Any) -> Any:
    """``a / b`` of integers, rounded up. Works in kernels, in grid functions and in ordinary Python; ``x / 0`` is 0."""
    if isinstance(a, Expr) or isinstance(b, Expr):
        return symbolic.cdiv(a, b)
    return -(-a // b) if b else 0


__all__ = [
    "CompileTime",
    "Number",
    "Pointer",
    "Tensor",
    "Tile",
    "abs",
    "all",
    "any",
    "arange",
    "argmax",
    "argmin",
    "argsort",
    "broadcast",
    "cat",
    "cdiv",
    "ceil",
    "constexpr",
    "cumprod",
    "cumsum",
    "device_assert",
    "dot",
    "dot_scaled",
    "empty",
    "erf",
    "exp",
    "exp2",
    "expand",
    "floor",
    "full",
    "join",
    "log",
    "log2",
    "max",
    "maximum",
    "min",
    "minimum",
    "num_programs",
    "permute",
    "print",
    "program_id",
    "rand",
    "randint",
    "range",
    "reduce",
    "reshape",
    "rsqrt",
    "scan",
    "set_layout",
    "sigmoid",
    "sort",
    "split",
    "sqrt",
    "static_assert",
    "static_print",
    "static_range",
    "sum",
    "tanh",
    "topk",
    "where",
    "zeros",
]
