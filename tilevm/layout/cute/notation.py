"""Layouts in the notation of CuTe."""

from __future__ import annotations

from dataclasses import replace

from tilevm.layout.cute.runs import check_plain
from tilevm.layout.error import LayoutError
from tilevm.layout.form import Form
from tilevm.layout.mode import Modes
from tilevm.layout.xor import PLAIN


def notation(form: Form) -> str:
    """``shape:stride``, nested as the dims are, which ``parse`` reads back for a layout on mem.

    A swizzle stands before it, as ``Sw<3,3,3> o 0 o``. Raises LayoutError where the layout moves on several axes or has
    replicas, and for swizzles that three numbers do not tell.
    """
    if form.xor:
        return f"{swizzle(form)}{notation(replace(form.canonical(), xor=PLAIN))}"
    check_plain(form, "cute notation")
    groups = [group(modes) for modes in form.dims]
    if len(groups) == 1 and len(form.dims[0]) < 2:
        return ":".join(groups[0])
    shapes, strides = zip(*groups, strict=True) if groups else ((), ())
    return f"({','.join(shapes)}):({','.join(strides)})"


def swizzle(form: Form) -> str:
    """CuTe's word for the swizzle of a layout, if it is left with any."""
    xor = form.canonical().xor
    found = xor.swizzle()
    if xor and found is None:
        raise LayoutError(f"cute notation: no Sw<bits,base,shift> flips {xor}")
    return "Sw<{},{},{}> o 0 o ".format(*found) if found else ""


def group(modes: Modes) -> tuple[str, str]:
    """The extents and strides of one dim."""
    if not modes:
        return "1", "0"
    if len(modes) == 1:
        return str(modes[0].extent), str(modes[0].stride)
    return f"({','.join(str(mode.extent) for mode in modes)})", f"({','.join(str(mode.stride) for mode in modes)})"
