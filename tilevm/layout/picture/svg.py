"""A picture as SVG, written by hand: no fonts to load, nothing to run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from textwrap import wrap
from xml.sax.saxutils import escape, quoteattr

from tilevm.layout.picture.model import Cell, Key, Panel, Picture

LETTER = 7.3  # width of a letter of 12 units in the common monospace fonts, rounded up
SMALL = 6.2  # of one of 10 units
MARGIN, GAP, LINE = 20, 28, 18
WIDEST = 1120  # panels stand beside each other up to here
NARROWEST = 520
UNPRINTABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
STYLE = """\
text{font-family:ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:12px;fill:#1a1a1a}
.paper{fill:#fff}.title{font-size:14px;font-weight:700}.head{font-size:10px;fill:#555}.fact{fill:#333}
.panel{font-weight:700}.cell text{text-anchor:middle;fill:#111}.cell .minor{font-size:10px}
.cell rect{stroke:#fff;stroke-width:1}.cell.marked rect{stroke:#a30000;stroke-width:2.5}.empty{fill:none;stroke:#ddd}
"""


@dataclass(frozen=True)
class Grid:
    """A panel with its measures; cells are as large in all panels of a picture."""

    panel: Panel
    cell_width: int
    cell_height: int

    @staticmethod
    def of(panels: Sequence[Panel]) -> list[Grid]:
        cells = [cell for panel in panels for cell in panel.cells]
        wide = max((widest(cell.lines) for cell in cells), default=0)
        heads = max((len(head) * SMALL for panel in panels for head in panel.columns), default=0)
        high = 10 + 14 * max((len(cell.lines) for cell in cells), default=1)
        return [Grid(panel, round(max(wide, heads, 20) + 8), high) for panel in panels]

    @cached_property
    def left(self) -> int:
        """Where the first column begins."""
        return round(max((len(head) for head in (*self.panel.rows, self.panel.corner)), default=0) * SMALL) + 8

    @property
    def top(self) -> int:
        """Where the first row begins."""
        return (22 if self.panel.title else 0) + 16

    @property
    def width(self) -> int:
        cells = self.left + len(self.panel.columns) * self.cell_width
        return max(cells, self.left + round(len(self.panel.title) * LETTER))

    @property
    def height(self) -> int:
        return self.top + len(self.panel.rows) * self.cell_height


def widest(lines: Sequence[str]) -> float:
    first, *rest = (*lines, "")
    return max([len(first) * LETTER, *(len(line) * SMALL for line in rest)])


def svg(picture: Picture) -> str:
    """The text of an SVG file: title, facts, panels in rows, legend, note."""
    placed, width, bottom = arranged(Grid.of(picture.panels))
    told = max((len(key.text) for key in picture.legend if not key.colour), default=0)
    width = max(width, NARROWEST, round(told * LETTER))
    head = list(heading(picture, width))
    shift = MARGIN + len(head) * LINE + 10
    keys, height = legend(picture.legend, width, shift + bottom + GAP)
    note = [text(MARGIN, height + 10, picture.note, "fact")] if picture.note else []
    height += LINE + 4 if note else 0
    whole = f"{width + 2 * MARGIN} {height + MARGIN // 2}"
    sizes = 'width="{}" height="{}"'.format(*whole.split())
    body = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {sizes} viewBox="0 0 {whole}" role="group" '
        f"aria-label={quoteattr(printable(picture.title))}>",
        f"<style>{STYLE}</style>",
        '<rect class="paper" width="100%" height="100%"/>',
        *head,
        *(line for grid, x, y in placed for line in panel(grid, x + MARGIN, y + shift)),
        *keys,
        *note,
        "</svg>",
    ]
    return "\n".join(body) + "\n"


def arranged(grids: Sequence[Grid]) -> tuple[list[tuple[Grid, int, int]], int, int]:
    """Where each grid stands, and the width and height of all: side by side as long as there is room."""
    placed: list[tuple[Grid, int, int]] = []
    x = y = width = tallest = 0
    for grid in grids:
        if x and x + grid.width > WIDEST:
            x, y, tallest = 0, y + tallest + GAP, 0
        placed.append((grid, x, y))
        width = max(width, x + grid.width)
        tallest = max(tallest, grid.height)
        x += grid.width + GAP
    return placed, width, y + tallest


def heading(picture: Picture, width: int) -> Iterator[str]:
    """The title, wrapped, and the facts, one line each."""
    lines = [(line, "title") for line in wrap(picture.title, round(width / 8.8)) or [""]]
    lines += [(line, "fact") for fact in picture.facts for line in wrap(fact, round(width / LETTER))]
    for number, (line, kind) in enumerate(lines):
        yield text(MARGIN, MARGIN + 12 + number * LINE, line, kind)


def printable(words: str) -> str:
    """``words`` without what XML cannot hold."""
    return UNPRINTABLE.sub("\ufffd", words)


def text(x: float, y: float, words: str, kind: str, anchor: str = "") -> str:
    end = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text class="{kind}" x="{x:g}" y="{y:g}"{end}>{escape(printable(words))}</text>'


def panel(grid: Grid, x: int, y: int) -> Iterator[str]:
    """A grid whose upper left corner is at x, y."""
    own = grid.panel
    yield f'<g class="grid" role="group" aria-label={quoteattr(own.title or "tile")}>'
    if own.title:
        yield text(x + grid.left, y + 12, own.title, "panel")
    left, top = x + grid.left, y + grid.top
    if own.corner:
        yield text(left - 5, top - 5, own.corner, "head", "end")
    for number, head in enumerate(own.columns):
        yield text(left + (number + 0.5) * grid.cell_width, top - 5, head, "head", "middle")
    for number, head in enumerate(own.rows):
        yield text(left - 5, top + (number + 0.5) * grid.cell_height + 4, head, "head", "end")
    if len(own.cells) < len(own.rows) * len(own.columns):
        yield empty(grid, left, top)
    for one in own.cells:
        yield cell(one, left + one.column * grid.cell_width, top + one.row * grid.cell_height, grid)
    yield "</g>"


def empty(grid: Grid, left: int, top: int) -> str:
    """The outlines of places without a cell."""
    taken = {(one.row, one.column) for one in grid.panel.cells}
    boxes = "".join(
        f"M{left + column * grid.cell_width + 0.5} {top + row * grid.cell_height + 0.5}"
        f"h{grid.cell_width - 1}v{grid.cell_height - 1}h{1 - grid.cell_width}z"
        for row in range(len(grid.panel.rows))
        for column in range(len(grid.panel.columns))
        if (row, column) not in taken
    )
    return f'<path class="empty" d="{boxes}"/>'


def cell(one: Cell, x: int, y: int, grid: Grid) -> str:
    """A rectangle with its lines; what it says in full is its title, which browsers show."""
    wide, high = grid.cell_width, grid.cell_height
    first = y + (high - 14 * len(one.lines)) / 2 + 11
    lines = "".join(
        text(x + wide / 2, first + 14 * number, line, "minor" if number else "main")
        for number, line in enumerate(one.lines)
    )
    inset = 1.5 if one.marked else 0
    box = f'x="{x + inset:g}" y="{y + inset:g}" width="{wide - 2 * inset:g}" height="{high - 2 * inset:g}"'
    kind = "cell marked" if one.marked else "cell"
    place = f'data-owners="{" ".join(one.owners)}" data-row="{one.row}" data-column="{one.column}"'
    title = f"<title>{escape(printable(one.facts))}</title>"
    return f'<g class="{kind}" {place}>{title}<rect {box} fill="{one.colour}"/>{lines}</g>'


def legend(keys: Sequence[Key], width: int, y: int) -> tuple[list[str], int]:
    """The keys in lines as wide as the picture, and where they end."""
    found: list[str] = []
    x = 0.0
    for key in keys:
        box = 22 if key.colour else 0
        room = box + len(key.text) * LETTER + 14
        if x and x + room > width:
            x, y = 0.0, y + 22
        if key.colour:
            found.append(swatch(key, MARGIN + x, y - 11))
        found.append(text(MARGIN + x + box, y, key.text, "fact"))
        x += room
    return found, y + 16 if keys else y - GAP + 8


def swatch(key: Key, x: float, y: float) -> str:
    kind = "cell marked" if key.marked else "cell"
    return f'<g class="{kind}"><rect x="{x:g}" y="{y:g}" width="16" height="14" fill="{key.colour}"/></g>'
