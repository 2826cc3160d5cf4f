"""The layouts that everything is built from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from tilevm.layout.error import LayoutError, told
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
        raise LayoutError(f"shape {told(shape)} and stride {told(stride)} differ in form")
    return Layout(tuple(run(*pair) for pair in zip(extents, strides, strict=True)))


def compact(axis: str, shape: Sequence[int], order: Iterable[int] | None) -> Layout:
    """One mode a dim, without gaps on ``axis``, the last dim of ``order`` fastest."""
    slowest_first = list(range(len(shape))) if order is None else list(order)
    if sorted(slowest_first) != list(range(len(shape))):
        raise LayoutError(f"order {told(slowest_first)} must name each of {len(shape)} dims once")
    dims: list[Modes] = [()] * len(shape)
    stride = 1
    for dim in reversed(slowest_first):
        dims[dim] = (Mode(shape[dim], axis, stride),)
        stride *= shape[dim]
    return Layout(tuple(dims))


def run(extents: Nested, strides: Nested) -> Modes:
    """The modes of one dim, fastest first; of any depth, so by a list of what is left and not by recursion."""
    found: list[Mode] = []
    rest = [(extents, strides)]
    while rest:
        extent, stride = rest.pop()
        if isinstance(extent, int) and isinstance(stride, int):
            found.append(Mode(extent, MEM, stride))
            continue
        nested = isinstance(extent, tuple | list) and isinstance(stride, tuple | list)
        inner, steps = items(extent), items(stride)
        if not nested or len(inner) != len(steps):
            raise LayoutError(f"extents {told(extent)} and strides {told(stride)} differ in form")
        rest += reversed(list(zip(inner, steps, strict=True)))
    return tuple(found)


def items(nested: Nested) -> Sequence[Nested]:
    return nested if isinstance(nested, tuple | list) else (nested,)
