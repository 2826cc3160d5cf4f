"""What a kernel's tensors and pointers are, as editors and type checkers see them: memory outside the kernel.

Nothing here computes, as in ``handles``: the frontend gives every method its meaning in ``tilevm.frontend.calls``.
"""

from __future__ import annotations

from typing import Any

from tilevm.types import DType

from .handles import Index, Indices, Number, Shape, Tile, outside


class Tensor:
    """A tensor in global memory, given to the kernel as an argument."""

    def __init__(self) -> None:
        raise outside("tv.Tensor")

    @property
    def shape(self) -> tuple[Any, ...]:
        """The extents: compile-time ints where the signature gives numbers, else i32 at run time."""
        raise outside("tv.Tensor")

    @property
    def dtype(self) -> DType:
        """The number type of the elements, known at compile time."""
        raise outside("tv.Tensor")

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        raise outside("tv.Tensor")

    def load(self, offsets: Indices, shape: Shape, other: Number = 0) -> Tile:
        """The box of ``shape`` (compile-time ints) that begins at ``offsets``, one integer a dimension.

        Elements outside the tensor are ``other``. A tensor of one dimension takes plain ints for both.
        """
        raise outside("Tensor.load")

    def store(self, offsets: Indices, tile: Number) -> None:
        """Write ``tile`` into the box that begins at ``offsets``; elements outside the tensor are dropped.

        The tile has the tensor's dtype and rank. A single number is written to the one element at ``offsets``.
        """
        raise outside("Tensor.store")

    def gather(self, indices: Indices, mask: Tile | bool | None = None, other: Number = 0) -> Tile:
        """The elements at ``indices``, one integer tile a dimension; they broadcast together with ``mask``.

        Gives ``other`` where ``mask`` is false.
        """
        raise outside("Tensor.gather")

    def scatter(self, indices: Indices, value: Number, mask: Tile | bool | None = None) -> None:
        """Write ``value`` to the elements at ``indices`` where ``mask`` is true. Equal indices race."""
        raise outside("Tensor.scatter")

    def atomic_add(self, indices: Indices, value: Number, mask: Tile | bool | None = None) -> Tile:
        """Add ``value`` to the elements at ``indices``, where ``mask`` is true; gives what was there, 0 elsewhere.

        Nothing comes in between, and equal indices, in one tile or in several programs, all count. Integers wrap;
        floats are added in no order that is told.
        """
        raise outside("Tensor.atomic_add")

    def atomic_max(self, indices: Indices, value: Number, mask: Tile | bool | None = None) -> Tile:
        """Put the larger of itself and ``value`` into the elements at ``indices``, where ``mask`` is true.

        Gives what was there, 0 elsewhere. NaN is passed over.
        """
        raise outside("Tensor.atomic_max")

    def atomic_min(self, indices: Indices, value: Number, mask: Tile | bool | None = None) -> Tile:
        """Put the smaller of itself and ``value`` into the elements at ``indices``, where ``mask`` is true.

        Gives what was there, 0 elsewhere. NaN is passed over.
        """
        raise outside("Tensor.atomic_min")

    def atomic_and_(self, indices: Indices, value: Number, mask: Tile | bool | None = None) -> Tile:
        """Keep the bits of ``value`` in the elements at ``indices``, where ``mask`` is true.

        Gives what was there, 0 elsewhere. Of integers.
        """
        raise outside("Tensor.atomic_and_")

    def atomic_or_(self, indices: Indices, value: Number, mask: Tile | bool | None = None) -> Tile:
        """Set the bits of ``value`` in the elements at ``indices``, where ``mask`` is true.

        Gives what was there, 0 elsewhere. Of integers.
        """
        raise outside("Tensor.atomic_or_")

    def atomic_xor(self, indices: Indices, value: Number, mask: Tile | bool | None = None) -> Tile:
        """Flip the bits of ``value`` in the elements at ``indices``, where ``mask`` is true.

        Gives what was there, 0 elsewhere. Of integers.
        """
        raise outside("Tensor.atomic_xor")

    def atomic_exchange(self, indices: Indices, value: Number, mask: Tile | bool | None = None) -> Tile:
        """Write ``value`` to the elements at ``indices``, where ``mask`` is true; gives what was there, 0 elsewhere."""
        raise outside("Tensor.atomic_exchange")

    def atomic_cas(self, indices: Indices, compare: Number, value: Number, mask: Tile | bool | None = None) -> Tile:
        """Write ``value`` to the elements at ``indices`` that equal ``compare`` bit by bit, where ``mask`` is true.

        Gives what was there, 0 where ``mask`` is false.
        """
        raise outside("Tensor.atomic_cas")


class Pointer:
    """An address of elements in global memory; its bounds are the author's care."""

    def __init__(self) -> None:
        raise outside("tv.Pointer")

    @property
    def dtype(self) -> DType:
        """The number type of the elements, known at compile time."""
        raise outside("tv.Pointer")

    def load(self, offsets: Index, mask: Tile | bool | None = None, other: Number = 0) -> Tile:
        """The elements at ``offsets``, counted in elements; ``other`` where ``mask`` is false."""
        raise outside("Pointer.load")

    def store(self, offsets: Index, value: Number, mask: Tile | bool | None = None) -> None:
        """Write ``value`` at ``offsets``, counted in elements, where ``mask`` is true."""
        raise outside("Pointer.store")

    def atomic_add(self, offsets: Index, value: Number, mask: Tile | bool | None = None) -> Tile:
        """As :meth:`Tensor.atomic_add`, at offsets counted in elements."""
        raise outside("Pointer.atomic_add")

    def atomic_max(self, offsets: Index, value: Number, mask: Tile | bool | None = None) -> Tile:
        """As :meth:`Tensor.atomic_max`, at offsets counted in elements."""
        raise outside("Pointer.atomic_max")

    def atomic_min(self, offsets: Index, value: Number, mask: Tile | bool | None = None) -> Tile:
        """As :meth:`Tensor.atomic_min`, at offsets counted in elements."""
        raise outside("Pointer.atomic_min")

    def atomic_and_(self, offsets: Index, value: Number, mask: Tile | bool | None = None) -> Tile:
        """As :meth:`Tensor.atomic_and_`, at offsets counted in elements."""
        raise outside("Pointer.atomic_and_")

    def atomic_or_(self, offsets: Index, value: Number, mask: Tile | bool | None = None) -> Tile:
        """As :meth:`Tensor.atomic_or_`, at offsets counted in elements."""
        raise outside("Pointer.atomic_or_")

    def atomic_xor(self, offsets: Index, value: Number, mask: Tile | bool | None = None) -> Tile:
        """As :meth:`Tensor.atomic_xor`, at offsets counted in elements."""
        raise outside("Pointer.atomic_xor")

    def atomic_exchange(self, offsets: Index, value: Number, mask: Tile | bool | None = None) -> Tile:
        """As :meth:`Tensor.atomic_exchange`, at offsets counted in elements."""
        raise outside("Pointer.atomic_exchange")

    def atomic_cas(self, offsets: Index, compare: Number, value: Number, mask: Tile | bool | None = None) -> Tile:
        """As :meth:`Tensor.atomic_cas`, at offsets counted in elements."""
        raise outside("Pointer.atomic_cas")
