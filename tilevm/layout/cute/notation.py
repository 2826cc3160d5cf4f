"""Layouts in the notation of CuTe."""

from __future__ import annotations

from tilevm.layout.cute.runs import check_plain
from tilevm.layout.form import Form
from tilevm.layout.mode import Modes


def notation(form: Form) -> str:
    """``shape:stride``, nested as the dims are, which ``parse`` reads back for a layout on mem.

    Raises LayoutError where the layout moves on several axes or has replicas.
    """
    check_plain(form, "cute notation")
    groups = [group(modes) for modes in form.dims]
    if len(groups) == 1 and len(form.dims[0]) < 2:
        return ":".join(groups[0])
    shapes, strides = zip(*groups, strict=True) if groups else ((), ())
    return f"({','.join(shapes)}):({','.join(strides)})"


def group(modes: Modes) -> tuple[str, str]:
    """The extents and strides of one dim."""
    if not modes:
        return "1", "0"
    if len(modes) == 1:
        return str(modes[0].extent), str(modes[0].stride)
    return f"({','.join(str(mode.extent) for mode in modes)})", f"({','.join(str(mode.stride) for mode in modes)})"
