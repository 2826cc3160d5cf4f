"""Pictures as SVG, without a library: rectangles and text."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from tilevm.layout.picture.colours import colour
from tilevm.layout.picture.grid import Cell, Panel, Picture

WIDTH, HEIGHT = 46, 30  # of a cell
LEFT, TOP, GAP = 34, 64, 26  # room for row names, for the title, between panels
LINE = 15
LETTER = 7.3  # width of a letter of the title, roughly, in a font of 12
STYLE = (
    "text{font-family:ui-monospace,Menlo,Consolas,monospace;fill:#1a1a1a}"
    ".title{font-size:12px;font-weight:600}.small{font-size:11px;fill:#555}"
    ".name{font-size:9px;fill:#555;text-anchor:middle}.one{font-size:11px;text-anchor:middle}"
    ".two{font-size:9px;fill:#222;text-anchor:middle}rect.cell{stroke:#fff;stroke-width:1.5}"
)


def svg(picture: Picture, interactive: bool = False) -> str:
    """The picture; ``interactive`` makes cells that can be pointed at and stepped through, for the page."""
    lines = [picture.title, picture.summary, picture.legend, *filter(None, [picture.note])]
    head = TOP + LINE * (len(lines) - 3)
    heights = [panel_height(panel) for panel in picture.panels]
    width = max([LEFT + WIDTH * len(panel.column_names) + 12 for panel in picture.panels] + [text_width(lines)])
    height = head + sum(heights) + 8
    parts = [*heading(lines), *panels(picture.panels, heights, head, interactive)]
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{escape(picture.title)}">\n'
        f"<style>{STYLE}</style>\n"
        f'<rect width="{width}" height="{height}" fill="#fff"/>\n{body}\n</svg>\n'
    )


def text_width(lines: list[str]) -> int:
    return int(max(map(len, lines)) * LETTER) + 24


def panel_height(panel: Panel) -> int:
    return GAP + LINE * bool(panel.caption) + HEIGHT * len(panel.rows)


def heading(lines: list[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        style = "title" if not number else "small"
        yield f'<text x="12" y="{20 + LINE * number}" class="{style}">{escape(line)}</text>'


def panels(shown: tuple[Panel, ...], heights: list[int], top: int, interactive: bool) -> Iterator[str]:
    for panel, height in zip(shown, heights, strict=True):
        if panel.caption:
            yield f'<text x="12" y="{top + 12}" class="small">{escape(panel.caption)}</text>'
        yield from grid(panel, top + GAP + LINE * bool(panel.caption) - 8, interactive)
        top += height


def grid(panel: Panel, top: int, interactive: bool) -> Iterator[str]:
    for column, name in enumerate(panel.column_names):
        yield f'<text x="{LEFT + WIDTH * column + WIDTH // 2}" y="{top - 5}" class="name">{name}</text>'
    for row, cells in enumerate(panel.rows):
        y = top + HEIGHT * row
        yield f'<text x="{LEFT // 2 + 4}" y="{y + HEIGHT // 2 + 3}" class="name">{panel.row_names[row]}</text>'
        for column, cell in enumerate(cells):
            yield drawn(cell, LEFT + WIDTH * column, y, interactive)


def drawn(cell: Cell, x: int, y: int, interactive: bool) -> str:
    """A cell: its colour, its label, and what is told of it when it is pointed at."""
    keys = f' tabindex="-1" data-keys="{" ".join(cell.keys)}" data-told="{escape(cell.told)}"' if interactive else ""
    middle = x + WIDTH // 2
    first, second = map(escape, cell.label)
    return (
        f'<g class="at"{keys}><title>{escape(cell.told)}</title>'
        f'<rect class="cell" x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="3" fill="{colour(cell.colour)}"/>'
        f'<text x="{middle}" y="{y + 13}" class="one">{first}</text>'
        f'<text x="{middle}" y="{y + 25}" class="two">{second}</text></g>'
    )
