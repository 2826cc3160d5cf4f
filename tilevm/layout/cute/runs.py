"""Layouts as CuTe's functions see them: one run of modes that a number counts, the first dim fastest."""

from __future__ import annotations

from itertools import chain

from tilevm.layout.error import LayoutError, told
from tilevm.layout.form import Form
from tilevm.layout.mode import MEM, Modes, merge


def run_of(form: Form) -> Modes:
    """The fewest modes that a number counts across all dims, the first dim fastest."""
    check_layout(form)
    return merge(chain.from_iterable(form.dims))


def plain_run(form: Form, name: str) -> Modes:
    """``run_of`` a layout that gives numbers. Raises LayoutError where it has several axes or replicas."""
    check_plain(form, name)
    return run_of(form)


def check_layout(value: object) -> None:
    """Raises TypeError unless ``value`` is a layout."""
    if not isinstance(value, Form):
        raise TypeError(f"a layout is due, not {type(value).__name__}")


def check_plain(form: Form, name: str) -> None:
    """Raises LayoutError unless ``form`` gives one number an element: on one axis, without replicas."""
    check_layout(form)
    if len(form.axes) > 1:
        raise LayoutError(f"{name}: {form} moves on {' and '.join(form.axes)}, where one axis is due")
    if form.key[1]:
        raise LayoutError(f"{name}: {form} has replicas, so it gives no single number")
    if form.xor:
        raise LayoutError(f"{name}: {form} is swizzled: take it of the layout without, and swizzle the result")


def axis_of(form: Form) -> str:
    """The only axis that the layout moves on; ``mem`` when it moves on none."""
    return form.axes[0] if form.axes else MEM


def whole(value: object, name: str, what: str) -> int:
    """``value`` as an int of at least 1. Raises LayoutError otherwise."""
    if not isinstance(value, int) or value < 1:
        raise LayoutError(f"{name}: {what} must be an int of at least 1, not {told(value)}")
    return value
