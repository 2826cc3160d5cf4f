"""The names that a kernel may use, continued: order along an axis, and elements combined one after another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, overload

from .handles import Tile, outside


def argmax(x: Tile, axis: int | None = None, keepdims: bool = False) -> Tile:
    """The smallest index (i32) of the largest element along ``axis``; without one, in the flattened tile.

    NaN is passed over, as :func:`max` does; where there is nothing else the index is 0.
    """
    raise outside("tv.argmax")


def argmin(x: Tile, axis: int | None = None, keepdims: bool = False) -> Tile:
    """The smallest index (i32) of the smallest element along ``axis``; without one, in the flattened tile.

    NaN is passed over, as :func:`min` does; where there is nothing else the index is 0.
    """
    raise outside("tv.argmin")


def sort(x: Tile, axis: int = -1, descending: bool = False) -> Tile:
    """The elements in order along ``axis``. Stable: -0 equals +0, and equal elements keep their order.

    NaN goes last, ``descending`` or not.
    """
    raise outside("tv.sort")


def argsort(x: Tile, axis: int = -1, descending: bool = False) -> Tile:
    """The indices (i32) that put ``x`` in the order of :func:`sort`."""
    raise outside("tv.argsort")


def topk(x: Tile, k: int, axis: int = -1) -> tuple[Tile, Tile]:
    """The ``k`` largest elements along ``axis``, falling, and their indices (i32): ``values, indices``.

    Of equal elements (-0 equals +0) the smaller index comes first; NaN is taken only when nothing else is left.
    ``k`` is a compile-time int, at most the extent.
    """
    raise outside("tv.topk")


def cumsum(x: Tile, axis: int, reverse: bool = False) -> Tile:
    """The sums of elements 0 … k along ``axis``, of k … end with ``reverse``.

    f16 and bf16 add in f32 and round each result once; integers wrap.
    """
    raise outside("tv.cumsum")


def cumprod(x: Tile, axis: int, reverse: bool = False) -> Tile:
    """The products of elements 0 … k along ``axis``, of k … end with ``reverse``.

    f16 and bf16 multiply in f32 and round each result once; integers wrap.
    """
    raise outside("tv.cumprod")


@overload
def scan(x: Tile, axis: int, combine: Callable[..., Any], reverse: bool = False) -> Tile: ...
@overload
def scan(x: tuple[Tile, ...], axis: int, combine: Callable[..., Any], reverse: bool = False) -> tuple[Tile, ...]: ...
def scan(x: Any, axis: int, combine: Callable[..., Any], reverse: bool = False) -> Any:
    """Every step of combining the elements along ``axis`` from first to last, or from last to first with ``reverse``.

    ``combine(a, b)``, a ``@tv.function``, takes what was combined so far and the next element, and gives the former
    anew, in the same dtype. For a tuple of n tiles of one shape it takes n values so far, then n elements, and gives
    n: ``combine(a1, a2, b1, b2)`` for two. It computes with numbers; its order is the same on every machine.
    """
    raise outside("tv.scan")


@overload
def reduce(x: Tile, axis: int, combine: Callable[..., Any]) -> Tile: ...
@overload
def reduce(x: tuple[Tile, ...], axis: int, combine: Callable[..., Any]) -> tuple[Tile, ...]: ...
def reduce(x: Any, axis: int, combine: Callable[..., Any]) -> Any:
    """The last step of :func:`scan`: all elements along ``axis`` combined, from first to last; the axis goes."""
    raise outside("tv.reduce")
