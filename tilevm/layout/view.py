"""The same elements under other dims."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import prod
from typing import TypeAlias, TypeVar

from tilevm.layout.error import LayoutError, told
from tilevm.layout.form import Form
from tilevm.layout.mode import REG, REPLICATED, Mode, Modes, cut, merge

F = TypeVar("F", bound=Form)
Dims: TypeAlias = int | Iterable[int]


def permute(form: F, dims: Sequence[int]) -> F:
    """Dim k of the result is dim ``dims[k]``."""
    order = positions(dims, form.rank)
    if len(order) != form.rank:
        raise LayoutError(f"permute needs each of {form.rank} dims once, not {told(order)}")
    return replace(form, dims=tuple(form.dims[dim] for dim in order))


def reshape(form: F, shape: Sequence[int]) -> F:
    """The same elements in row-major order. Raises LayoutError where a mode would straddle two dims."""
    if any(extent < 1 for extent in shape) or prod(shape) != form.size:
        raise LayoutError(f"shape {form.shape} cannot become {told(tuple(shape))}")
    rest: Modes = tuple(mode for modes in reversed(form.dims) for mode in modes)
    dims: list[Modes] = []
    for extent in reversed(shape):
        dim, rest = cut(rest, extent)
        dims.append(dim)
    return replace(form, dims=tuple(reversed(dims)))


def flatten(form: F, start: int = 0, end: int = -1) -> F:
    """Dims ``start`` to ``end``, both included, as one in row-major order."""
    if not form.rank:
        return replace(form, dims=((),))
    first, last = positions((start,), form.rank) + positions((end,), form.rank)
    if first > last:
        raise LayoutError(f"flatten from dim {first} to dim {last}")
    joined = tuple(mode for modes in reversed(form.dims[first : last + 1]) for mode in modes)
    return replace(form, dims=(*form.dims[:first], joined, *form.dims[last + 1 :]))


def squeeze(form: F, dims: Dims | None = None) -> F:
    """Without the unit ``dims``, or without every unit dim."""
    units = [dim for dim, extent in enumerate(form.shape) if extent == 1]
    gone = units if dims is None else positions(dims, form.rank)
    for dim in gone:
        if dim not in units:
            raise LayoutError(f"dim {dim} has extent {form.shape[dim]}: only unit dims can be squeezed")
    return replace(form, dims=without(form.dims, gone))


def unsqueeze(form: F, dims: Dims) -> F:
    """With unit dims that stand at ``dims`` of the result."""
    listed = (dims,) if isinstance(dims, int) else tuple(dims)
    rank = form.rank + len(listed)
    fresh, old = positions(listed, rank), iter(form.dims)
    return replace(form, dims=tuple(() if dim in fresh else next(old) for dim in range(rank)))


def reduce(form: F, dims: Dims, keepdims: bool = False) -> F:
    """Where a reduction over ``dims`` leaves its results: in every thread and block that held a part.

    Modes on thread and block become replicas; modes on reg vanish, and the slots that stay are numbered afresh.
    Raises LayoutError for a mode on another axis: memory holds one element at an offset, so none can be dropped.
    """
    gone = positions(dims, form.rank)
    reduced = [mode for dim in gone for mode in merge(form.dims[dim])]
    for mode in reduced:
        if mode.axis not in (*REPLICATED, REG):
            raise LayoutError(f"{mode} cannot be reduced: only modes on thread, block and reg can")
    emptied = tuple(() if dim in gone else modes for dim, modes in enumerate(form.dims))
    fresh = tuple(mode for mode in reduced if mode.axis in REPLICATED)
    return replace(
        form, dims=renumbered(emptied if keepdims else without(emptied, gone)), replicas=form.replicas + fresh
    )


def renumbered(dims: tuple[Modes, ...]) -> tuple[Modes, ...]:
    """``dims`` with the register slots that they use numbered without gaps, in the old order."""
    slots = sorted((mode.stride, mode.extent) for modes in dims for mode in modes if mode.axis == REG)
    fresh: dict[tuple[int, int], int] = {}
    filled = 1
    for stride, extent in slots:
        fresh[stride, extent] = filled
        filled *= extent
    return tuple(tuple(moved(mode, fresh) for mode in modes) for modes in dims)


def moved(mode: Mode, fresh: dict[tuple[int, int], int]) -> Mode:
    if mode.axis != REG:
        return mode
    return Mode(mode.extent, REG, fresh[mode.stride, mode.extent])


def without(dims: tuple[Modes, ...], gone: Iterable[int]) -> tuple[Modes, ...]:
    return tuple(modes for dim, modes in enumerate(dims) if dim not in gone)


def positions(dims: Dims, rank: int) -> tuple[int, ...]:
    """``dims`` counted from the front. Raises LayoutError for one out of range or named twice."""
    listed = (dims,) if isinstance(dims, int) else tuple(dims)
    for dim in listed:
        if not -rank <= dim < rank:
            raise LayoutError(f"there is no dim {told(dim)} at rank {rank}")
    found = tuple(dim % rank for dim in listed)
    if len(set(found)) < len(found):
        raise LayoutError(f"dims {told(listed)} name one twice")
    return found
