"""The same map of numbers with the fewest modes."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from tilevm.layout.cute.runs import run_of
from tilevm.layout.form import Form
from tilevm.layout.mode import Modes

F = TypeVar("F", bound=Form)


def coalesce(layout: F) -> F:
    """The fewest modes with R(i) == L(i) for every int i: one dim a mode, and one unit dim where nothing is left.

    Dims join too, so the shape changes; ``canonical()`` joins within dims only. Any axes; replicas stay.
    """
    return replace(layout, dims=apart(run_of(layout)))


def apart(modes: Modes) -> tuple[Modes, ...]:
    """One dim a mode; one unit dim without modes."""
    return tuple((mode,) for mode in modes) or ((),)
