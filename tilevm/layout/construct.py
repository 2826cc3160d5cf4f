"""The layouts that everything is built from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from tilevm.layout.error import LayoutError
from tilevm.layout.layout import Layout
from tilevm.layout.mode import MEM, REG, THREAD, Mode, Modes

Nested: TypeAlias = "int | tuple[Nested, ...] | list[Nested]"


def spatial(*shape: int, order: Iterable[int] | None = None) -> Layout:
    """One element a thread. ``order`` lists the dims slowest first; without it, row-major: the last dim fastest."""
    return compact(THREAD, shape, order)


def local(*shape: int, order: Iterable[int] | None = None) -> Layout:
    """All elements in the registers of one thread; ``order`` as for ``spatial``."""
    return compact(REG, shape, order)


def column_spatial(*shape: int) -> Layout:
    """One element a thread, the first dim fastest."""
    return compact(THREAD, shape, reversed(range(len(shape))))


def column_local(*shape: int) -> Layout:
    """All elements in the registers of one thread, the first dim fastest."""
    return compact(REG, shape, reversed(range(len(shape))))


def replicate(count: int) -> Layout:
    """One element without an index, held by ``count`` threads."""
    return Layout((), (Mode(count, THREAD, 1),))


def row_major(*shape: int) -> Layout:
    """Memory offsets, the last dim contiguous."""
    return compact(MEM, shape, None)


def column_major(*shape: int) -> Layout:
    """Memory offsets, the first dim contiguous."""
    return compact(MEM, shape, reversed(range(len(shape))))


def strided(shape: Nested, stride: Nested) -> Layout:
    """Memory offsets with a stride an extent, as CuTe writes ``shape:stride``; an item may be nested.

    Raises LayoutError where the two differ in form.
    """
    extents, strides = items(shape), items(stride)
    if len(extents) != len(strides):
        raise LayoutError(f"shape {shape} and stride {stride} differ in form")
    return Layout(tuple(run(*pair) for pair in zip(extents, strides, strict=True)))


def compact(axis: str, shape: Sequence[int], order: Iterable[int] | None) -> Layout:
    """One mode a dim, without gaps on ``axis``, the last dim of ``order`` fastest."""
    slowest_first = list(range(len(shape))) if order is None else list(order)
    if sorted(slowest_first) != list(range(len(shape))):
        raise LayoutError(f"order {slowest_first} must name each of {len(shape)} dims once")
    dims: list[Modes] = [()] * len(shape)
    stride = 1
    for dim in reversed(slowest_first):
        dims[dim] = (Mode(shape[dim], axis, stride),)
        stride *= shape[dim]
    return Layout(tuple(dims))


def run(extents: Nested, strides: Nested) -> Modes:
    """The modes of one dim, fastest first."""
    if isinstance(extents, int) and isinstance(strides, int):
        return (Mode(extents, MEM, strides),)
    nested = isinstance(extents, tuple | list) and isinstance(strides, tuple | list)
    inner, steps = items(extents), items(strides)
    if not nested or len(inner) != len(steps):
        raise LayoutError(f"extents {extents} and strides {strides} differ in form")
    return tuple(mode for pair in zip(inner, steps, strict=True) for mode in run(*pair))


def items(nested: Nested) -> Sequence[Nested]:
    return nested if isinstance(nested, tuple | list) else (nested,)
