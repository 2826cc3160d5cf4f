"""The error of the layout algebra."""

from __future__ import annotations


class LayoutError(ValueError):
    """What was asked of a layout has no exact answer; the message names the mode, dim or character at fault."""
