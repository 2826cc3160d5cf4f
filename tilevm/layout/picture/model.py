"""What a picture of a layout consists of, before anybody draws it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cell:
    """One element, or a vector of them: ``lines`` stand in it, ``colour`` is #rrggbb behind them.

    ``owners`` are names of who holds it; cells that share one belong together. ``facts`` say the whole in words.
    ``marked`` cells take part in a conflict.
    """

    row: int
    column: int
    lines: tuple[str, ...]
    colour: str
    owners: tuple[str, ...]
    facts: str
    marked: bool = False


@dataclass(frozen=True)
class Panel:
    """A grid with heads on rows and columns; a place without a cell stays empty. ``corner`` names rows and columns."""

    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[Cell, ...]
    corner: str = ""


@dataclass(frozen=True)
class Key:
    """A line of the legend: what a colour, or the mark, stands for; without a colour, a sentence."""

    colour: str
    text: str
    marked: bool = False


@dataclass(frozen=True)
class Picture:
    """Panels under a title; ``facts`` are short sentences on the whole, ``note`` tells what was left out."""

    title: str
    facts: tuple[str, ...]
    panels: tuple[Panel, ...]
    legend: tuple[Key, ...] = ()
    note: str = ""
