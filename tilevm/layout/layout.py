"""A layout: where each element of a tile lies, and what can be done with such maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Self

from tilevm.layout.cute.notation import notation
from tilevm.layout.error import LayoutError
from tilevm.layout.form import Form
from tilevm.layout.matrix import Bits, bits
from tilevm.layout.mode import MEM
from tilevm.layout.part import Kept, Offsets, expand, slice_dims
from tilevm.layout.picture import draw, svg
from tilevm.layout.picture.draw import Memory
from tilevm.layout.place import Index, index_at, offset, owners
from tilevm.layout.product import kronecker, left_quotient, right_quotient
from tilevm.layout.text import read
from tilevm.layout.view import Dims, flatten, permute, reduce, reshape, squeeze, unsqueeze
from tilevm.layout.xor import Xor


class Layout(Form):
    """A map from a logical index to coordinates on named axes: one class for registers, memory and fragments.

    Built from ``dims``, ``replicas`` and ``xor`` (see Form), by the constructors beside it, or by ``parse``. Immutable;
    equal maps are equal objects. Every method that has no exact answer raises LayoutError.
    """

    @classmethod
    def parse(cls, source: str) -> Self:
        """What ``str`` printed, or CuTe's ``shape:stride``. Raises LayoutError with the position of a mistake."""
        return cls(*read(source))

    def __call__(self, index: Index) -> int:
        """The offset of an element, for a layout on one axis without replicas.

        An int counts all dims colexicographically; a tuple has one entry a dim, itself an int or one digit a mode.
        """
        return offset(self, index)

    def swizzle(self, xor: Xor) -> Self:
        """This memory layout with its offsets mapped by ``xor``, after any swizzle that it has.

        In the unit of the offsets, which is the element: bits of ``xor`` count elements, not bytes. Raises LayoutError
        where no mode lies on mem.
        """
        if MEM not in self.axes:
            raise LayoutError(f"{self} has no mode on mem: swizzles are of memory")
        return replace(self, xor=self.xor.then(xor))

    def bits(self) -> Bits:
        """This layout as a matrix over GF(2), where all extents are powers of two and offsets do not carry."""
        return bits(self)

    def owners(self, index: Index) -> tuple[tuple[int, int], ...]:
        """The (thread, register) pairs that hold an element, threads ascending."""
        return owners(self, index)

    def index_at(self, thread: int, register: int) -> tuple[int, ...] | None:
        """The index of the element in a register, or None beyond ``threads`` and ``registers``."""
        return index_at(self, thread, register)

    def __mul__(self, inner: Layout) -> Layout:
        """The Kronecker product (Tilus): extents multiply, ``inner`` is innermost, strides step over its cosizes."""
        return kronecker(self, inner) if isinstance(inner, Layout) else NotImplemented

    def __truediv__(self, inner: Layout) -> Layout:
        """The layout ``a`` with a * inner == self.

        Its rank is that of self; but 0 when it has replicas alone, and ``inner`` the rank of self.
        """
        return right_quotient(self, inner) if isinstance(inner, Layout) else NotImplemented

    def left_divide(self, outer: Layout) -> Layout:
        """The layout ``a`` with outer * a == self; its rank as for ``/``."""
        if not isinstance(outer, Form):
            raise TypeError(f"a layout is divided by layouts, not by {type(outer).__name__}")
        return left_quotient(self, outer)

    def permute(self, dims: Sequence[int]) -> Self:
        """Dim k of the result is dim ``dims[k]``."""
        return permute(self, dims)

    def reshape(self, shape: Sequence[int]) -> Self:
        """The same elements in row-major order; no mode may straddle two dims."""
        return reshape(self, shape)

    def flatten(self, start: int = 0, end: int = -1) -> Self:
        """Dims ``start`` to ``end``, both included, as one in row-major order."""
        return flatten(self, start, end)

    def squeeze(self, dims: Dims | None = None) -> Self:
        """Without the unit ``dims``, or without every unit dim."""
        return squeeze(self, dims)

    def unsqueeze(self, dims: Dims) -> Self:
        """With unit dims that stand at ``dims`` of the result."""
        return unsqueeze(self, dims)

    def reduce(self, dims: Dims, keepdims: bool = False) -> Self:
        """Where a reduction over ``dims`` leaves its results: threads and blocks become replicas, registers go."""
        return reduce(self, dims, keepdims)

    def slice(self, index: Sequence[Kept]) -> tuple[Self, Offsets]:
        """The layout of the dims where ``index`` is None, and the offset of the fixed others on each axis."""
        return slice_dims(self, index)

    def expand(self, shape: Sequence[int], axis: str | None = None) -> Self:
        """Unit dims broadcast to ``shape``: stride 0 on mem, copies in registers of the same owner on reg."""
        return expand(self, shape, axis)

    def to_svg(self, title: str = "", bits: int = 16, banks: int = 32, vector: int = 1, limit: int = 4096) -> str:
        """The text of an SVG file that shows who holds what: a cell an element, coloured by thread.

        Memory is coloured by bank, for elements of ``bits`` in ``banks`` of 4 bytes, and drawn without its swizzle and
        with it; a cell is ``vector`` elements of the last dim. At most ``limit`` cells. Raises LayoutError for numbers
        below 1, and for vectors that do not lie side by side in memory.
        """
        return svg(draw(self, Memory(bits, banks, vector=vector), limit, title))

    def cute(self) -> str:
        """CuTe's ``shape:stride`` for a layout on one axis; ``parse`` reads it back onto mem."""
        return notation(self)
