"""The error of the layout algebra."""

from __future__ import annotations


class LayoutError(ValueError):
    """What was asked of a layout has no exact answer; the message names the mode, dim or character at fault."""


def told(value: object) -> str:
    """``value`` in a message. Python does not spell ints of more than 4300 digits."""
    try:
        return repr(value)
    except (ValueError, RecursionError):
        return "(a number too long, or a tuple too deep, to print)"
