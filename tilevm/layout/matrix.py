"""Layouts of powers of two as matrices over GF(2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from tilevm.layout.error import LayoutError
from tilevm.layout.form import Form
from tilevm.layout.mode import MEM
from tilevm.layout.normal import is_linear, joined
from tilevm.layout.xor import ones


@dataclass(frozen=True)
class Bits:
    """A linear map of the bits of an index to the bits of coordinates, of the first replica.

    ``columns[axis][k]`` is the coordinate on the axis of index bit k alone; index bits are counted dim by dim, each
    from its lowest bit. ``widths``: bits of each dim. What several bits give is the ^ of their columns.
    """

    widths: tuple[int, ...]
    columns: dict[str, tuple[int, ...]]

    def __call__(self, index: Sequence[int]) -> dict[str, int]:
        """Axis → coordinate of an element, one entry of ``index`` a dim."""
        joined, shift = 0, 0
        for width, entry in zip(self.widths, index, strict=True):
            joined |= entry << shift
            shift += width
        found = dict.fromkeys(self.columns, 0)
        for bit in ones(joined):
            for axis, column in self.columns.items():
                found[axis] ^= column[bit]
        return found


def bits(form: Form) -> Bits:
    """The matrix of a layout. Raises LayoutError where an extent is no power of two, or offsets in memory carry."""
    for mode in chain(*form.dims):
        if mode.extent & (mode.extent - 1):
            raise LayoutError(f"{mode} has no bits: a layout is a matrix over GF(2) where extents are powers of two")
    if not is_linear(form.dims):
        raise LayoutError(f"offsets of {form} add with carries, so it is no matrix over GF(2)")
    axes = form.axes
    columns: dict[str, list[int]] = {axis: [] for axis in axes}
    for modes in form.dims:
        for mode in modes:
            for step in range(mode.extent.bit_length() - 1):
                for axis in axes:
                    stride = mode.stride << step if mode.axis == axis else 0
                    columns[axis].append(form.xor(stride) if axis == MEM else stride)
    for axis, found in columns.items():
        if axis != MEM and sum(found) != joined(found):
            raise LayoutError(f"coordinates of {form} on {axis} add with carries, so it is no matrix over GF(2)")
    widths = tuple(extent.bit_length() - 1 for extent in form.shape)
    return Bits(widths, {axis: tuple(masks) for axis, masks in columns.items()})
