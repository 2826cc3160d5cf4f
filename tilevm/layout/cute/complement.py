"""The offsets that a layout leaves out, as a layout."""

from __future__ import annotations

from typing import TypeVar

from tilevm.layout.cute.coalesce import apart
from tilevm.layout.cute.runs import axis_of, plain_run, whole
from tilevm.layout.error import LayoutError
from tilevm.layout.form import Form
from tilevm.layout.mode import Mode, Modes, merge

F = TypeVar("F", bound=Form)


def complement(layout: F, size: int = 1) -> F:
    """What has to be added to the offsets of ``layout`` to fill the numbers up to ``size``, ascending.

    No sum L(a) + R(b) occurs for two pairs (L(a), b). Where each stride is a multiple of all that lies below it, the
    sums are 0 … c − 1 without a gap, c the least multiple of the reach (largest extent·stride) that is ≥ ``size``.
    Elsewhere each gap takes as many copies of what lies below as fit, as in CuTe; the sums stay below c. Modes of
    stride 0 do not count. Raises LayoutError, naming the mode, where it overlaps what lies below, and for a layout on
    several axes, with replicas, or on a dense axis that the complement would not fill.
    """
    modes = filling(plain_run(layout, "complement"), axis_of(layout), whole(size, "complement", "the size"))
    return type(layout)(apart(modes))


def filling(modes: Modes, axis: str, size: int) -> Modes:
    """The complement of a run of modes, merged."""
    found, reach = gaps(modes, axis)
    return merge([*found, Mode(-(-size // reach), axis, reach)])


def gaps(modes: Modes, axis: str) -> tuple[Modes, int]:
    """What fits between the modes, and the reach of them all."""
    reach = 1
    found = []
    for mode in sorted((mode for mode in modes if mode.stride), key=lambda mode: mode.stride):
        if mode.stride < reach:
            raise LayoutError(f"complement: {mode} overlaps the modes below it, which reach to {reach}")
        found.append(Mode(mode.stride // reach, axis, reach))
        reach = mode.extent * mode.stride
    return tuple(found), reach
