"""What a kernel's tiles and numbers are, as editors and type checkers see them; tensors stand in ``memory``.

Nothing here computes. The frontend reads the kernel's source and gives every method its meaning in
``tilevm.frontend.calls``; a call from ordinary Python raises TileError.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn, TypeAlias, Union

from tilevm.layout import Layout
from tilevm.source import TileError
from tilevm.types import DType

Number: TypeAlias = Union["Tile", int, float]
Index: TypeAlias = Union["Tile", int]
Indices: TypeAlias = Index | Sequence[Index]
Shape: TypeAlias = int | Sequence[int]


def outside(name: str) -> TileError:
    """The error of a name that means something only inside a kernel."""
    return TileError(
        f"{name} can only be used inside a kernel",
        help="decorate the function with @tv.kernel, or with @tv.function if a kernel calls it",
    )


class Tile:
    """A tile of numbers in registers, or, with shape ``()``, one number known at run time.

    Operators work element by element, promote dtypes and broadcast shapes as numpy does.
    """

    def __init__(self) -> None:
        raise outside("a tile")

    @property
    def shape(self) -> tuple[int, ...]:
        """The extents, known at compile time; ``()`` for a number."""
        raise outside("a tile")

    @property
    def dtype(self) -> DType:
        """The number type of the elements."""
        raise outside("a tile")

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        raise outside("a tile")

    @property
    def T(self) -> Tile:
        """The transpose: the dimensions in reverse order."""
        raise outside("a tile")

    def to(
        self,
        dtype: DType,
        saturate: bool | None = None,
        rounding: str | None = None,
        random: Tile | None = None,
    ) -> Tile:
        """The elements as ``dtype``.

        To floats: rounded to nearest even. Beyond the largest number, floats of fewer than 16 bits saturate, infinity
        too, and others become infinite; ``saturate`` decides otherwise (False: inf, else NaN, else the largest number).
        Float to integer truncates and saturates; integer to integer wraps unless ``saturate``; to ``bool_`` is
        ``x != 0``. NaN gives 0 in types without NaN.

        ``rounding``: ``"nearest_even"``, ``"toward_zero"``, or ``"stochastic"``, which goes away from zero where
        ``random``, a u32 for each element as :func:`tv.randint` gives, is less than 2**32 times the part of the step
        that would be dropped: :func:`tv.encode` with the same seed and indices gives the same.
        """
        raise outside("Tile.to")

    def view(self, dtype: DType, layout: Layout | str | None = None) -> Tile:
        """The same bits as elements of ``dtype``: those of a row, in order, cut anew along the last axis.

        With ``layout`` the bits are those of each thread's registers, for a tile that :func:`set_layout` laid out:
        the result has the extents of ``layout``, which has as many threads and as many bits in each.
        """
        raise outside("Tile.view")

    def reshape(self, *shape: Shape) -> Tile:
        """The same elements in row-major order under another shape; one extent may be -1."""
        raise outside("Tile.reshape")

    def permute(self, *dims: Shape) -> Tile:
        """Dimension ``dims[k]`` becomes dimension ``k``."""
        raise outside("Tile.permute")

    def broadcast(self, *shape: Shape) -> Tile:
        """Stretched to ``shape`` by numpy's rules."""
        raise outside("Tile.broadcast")

    def expand(self, axis: int) -> Tile:
        """A dimension of extent 1 inserted at ``axis``."""
        raise outside("Tile.expand")

    def sum(self, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tile:
        """The sum over ``axis``, or of everything: see :func:`tv.sum`."""
        raise outside("Tile.sum")

    def max(self, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tile:
        """The largest over ``axis``, or of everything: see :func:`tv.max`."""
        raise outside("Tile.max")

    def min(self, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tile:
        """The smallest over ``axis``, or of everything: see :func:`tv.min`."""
        raise outside("Tile.min")

    def any(self, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tile:
        """Whether one is true over ``axis``, or of everything."""
        raise outside("Tile.any")

    def all(self, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tile:
        """Whether each is true over ``axis``, or of everything."""
        raise outside("Tile.all")

    def argmax(self, axis: int | None = None, keepdims: bool = False) -> Tile:
        """The smallest index of the largest element: see :func:`tv.argmax`."""
        raise outside("Tile.argmax")

    def argmin(self, axis: int | None = None, keepdims: bool = False) -> Tile:
        """The smallest index of the smallest element: see :func:`tv.argmin`."""
        raise outside("Tile.argmin")

    def _operator(self, other: object = None) -> NoReturn:
        raise outside("a tile's operator")

    def __getitem__(self, index: object) -> Tile:
        """``x[2:4, 0, None]``: slices take a part, ints one element of a dimension, None inserts one of extent 1.

        Bounds and ints are known at compile time; as in Python, negative ones count from the end.
        """
        self._operator()

    def __len__(self) -> int:
        """The first extent."""
        self._operator()

    def __add__(self, other: Number) -> Tile:
        self._operator()

    def __radd__(self, other: Number) -> Tile:
        self._operator()

    def __sub__(self, other: Number) -> Tile:
        self._operator()

    def __rsub__(self, other: Number) -> Tile:
        self._operator()

    def __mul__(self, other: Number) -> Tile:
        self._operator()

    def __rmul__(self, other: Number) -> Tile:
        self._operator()

    def __truediv__(self, other: Number) -> Tile:
        self._operator()

    def __rtruediv__(self, other: Number) -> Tile:
        self._operator()

    def __floordiv__(self, other: Number) -> Tile:
        self._operator()

    def __rfloordiv__(self, other: Number) -> Tile:
        self._operator()

    def __mod__(self, other: Number) -> Tile:
        self._operator()

    def __rmod__(self, other: Number) -> Tile:
        self._operator()

    def __pow__(self, other: int) -> Tile:
        self._operator()

    def __matmul__(self, other: Tile) -> Tile:
        self._operator()

    def __and__(self, other: Number) -> Tile:
        self._operator()

    def __rand__(self, other: Number) -> Tile:
        self._operator()

    def __or__(self, other: Number) -> Tile:
        self._operator()

    def __ror__(self, other: Number) -> Tile:
        self._operator()

    def __xor__(self, other: Number) -> Tile:
        self._operator()

    def __rxor__(self, other: Number) -> Tile:
        self._operator()

    def __lshift__(self, other: Index) -> Tile:
        self._operator()

    def __rlshift__(self, other: Index) -> Tile:
        self._operator()

    def __rshift__(self, other: Index) -> Tile:
        self._operator()

    def __rrshift__(self, other: Index) -> Tile:
        self._operator()

    def __neg__(self) -> Tile:
        self._operator()

    def __pos__(self) -> Tile:
        self._operator()

    def __invert__(self) -> Tile:
        self._operator()

    def __abs__(self) -> Tile:
        self._operator()

    def __lt__(self, other: Number) -> Tile:
        self._operator()

    def __le__(self, other: Number) -> Tile:
        self._operator()

    def __gt__(self, other: Number) -> Tile:
        self._operator()

    def __ge__(self, other: Number) -> Tile:
        self._operator()

    def __eq__(self, other: object) -> Tile:  # type: ignore[override]
        self._operator()

    def __ne__(self, other: object) -> Tile:  # type: ignore[override]
        self._operator()

    def __hash__(self) -> int:
        self._operator()

    def __index__(self) -> int:
        """Lets type checkers accept a run-time integer in ``range(n)``."""
        self._operator()
