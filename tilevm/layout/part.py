"""Parts of layouts, and layouts of broadcast tiles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from typing import TypeAlias, TypeVar

from tilevm.layout.error import LayoutError, told
from tilevm.layout.form import Form
from tilevm.layout.mode import DENSE, MEM, REG, REPLICATED, Mode, Modes
from tilevm.layout.place import Digits, digits
from tilevm.layout.product import kronecker
from tilevm.layout.view import renumbered

F = TypeVar("F", bound=Form)
Kept: TypeAlias = Digits | None
Offsets: TypeAlias = dict[str, int]


def slice_dims(form: F, index: Sequence[Kept]) -> tuple[F, Offsets]:
    """The layout of the dims where ``index`` is None, and how far the fixed entries lie from the origin on each axis.

    On mem, d0, d1, … and on thread and block, the coordinate of an element is the one in the slice plus the offset.
    Threads and blocks of a slice must therefore be neighbours: fixed digits have to be the slowest ones on their axis.
    Register slots are numbered afresh, in the old order, and the offset on reg is the first of the old ones. Swizzled
    memory can be cut at multiples of the swizzle's period. Raises LayoutError where there is not one entry a dim, an
    entry is out of bounds, or threads would not be neighbours.
    """
    if not isinstance(index, Sequence):
        raise LayoutError(f"slice: {told(index)} is one entry: give a tuple, with None where a dim is kept")
    if len(index) != form.rank:
        raise LayoutError(f"slice: {len(index)} entries where {form.rank} are due")
    fixed = [dim for dim, entry in enumerate(index) if entry is not None]
    kept = tuple(modes for modes, entry in zip(form.dims, index, strict=True) if entry is None)
    for dim in fixed:
        for mode in form.dims[dim]:
            check_slowest(mode, [*chain.from_iterable(kept), *form.replicas])
    offsets: Counter[str] = Counter(dict.fromkeys(form.axes, 0))
    for mode, digit in digits(form, tuple(0 if entry is None else entry for entry in index)):
        if mode.extent > 1:
            offsets[mode.axis] += digit * mode.stride
    if form.xor and offsets[MEM] % form.xor.period:
        raise LayoutError(
            f"slice: an offset of {offsets[MEM]} cannot be added to offsets that are swizzled {form.xor}: "
            f"only multiples of {form.xor.period} can"
        )
    return replace(form, dims=renumbered(kept)), dict(offsets)


def check_slowest(fixed: Mode, kept: Sequence[Mode]) -> None:
    """Raises LayoutError where a digit that stays is slower than a fixed one on thread or block."""
    for mode in kept:
        slower = mode.extent > 1 and mode.axis == fixed.axis and mode.stride > fixed.stride
        if slower and fixed.extent > 1 and fixed.axis in REPLICATED:
            raise LayoutError(f"slice: with {fixed} fixed, {mode} leaves {fixed.axis}s that are not neighbours")


def expand(form: F, shape: Sequence[int], axis: str | None = None) -> F:
    """Unit dims broadcast to the extents of ``shape``: the same element at every index.

    On ``axis`` mem the new modes have stride 0; on reg every owner holds the copies in registers of its own, fastest,
    the last dim innermost, so that the result is ``form * local(…)``. Without ``axis``: mem for layouts that move on
    any axis but thread, reg and block, else reg. Replicas stay. Raises LayoutError where the rank differs, an extent is
    neither kept nor broadcast from 1, or for another axis.
    """
    if len(shape) != form.rank:
        raise LayoutError(f"expand: shape {told(tuple(shape))} has rank {len(shape)}, the layout has rank {form.rank}")
    for dim, (old, new) in enumerate(zip(form.shape, shape, strict=True)):
        if new != old and old != 1:
            raise LayoutError(f"expand: dim {dim} has extent {old}, and only unit dims can become {told(new)}")
    natural = REG if all(each in DENSE for each in form.axes) else MEM
    home = natural if axis is None else axis
    if home not in (REG, MEM):
        raise LayoutError(f"expand: copies lie on {REG} or {MEM}, not on {told(axis)}")
    dims: list[Modes] = []
    step = 1 if home == REG else 0
    for old, new in reversed(list(zip(form.shape, shape, strict=True))):
        count = new if old == 1 else 1
        dims.append((Mode(count, home, step),))
        step *= count
    return kronecker(form, type(form)(tuple(reversed(dims))))
