"""How the search for a layout ends where it finds none."""

from __future__ import annotations

from tilevm.layout.error import LayoutError


class UndecidedError(LayoutError):
    """A bounded search ended without a proof and without a counterexample."""


class RefutedError(LayoutError):
    """At ``index`` (one entry a dim) every layout that agrees on smaller indices would give ``due``, a value a line."""

    def __init__(self, index: tuple[int, ...], due: tuple[int, ...]) -> None:
        super().__init__(f"no layout at index {index}")
        self.index = index
        self.due = due
