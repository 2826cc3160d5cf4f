"""A picture in the terminal: coloured where that can be, plain text else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.text import Text

from tilevm.layout.picture import Cell, Key, Panel, Picture

MARK = "!"


def lines(picture: Picture, width: int | None) -> Iterator[Text]:
    """The picture a line at a time; of a grid wider than ``width`` columns of text the rest is left out, and noted."""
    yield Text(picture.title, style="bold")
    yield from map(Text, picture.facts)
    wide = cell_width(picture.panels)
    for panel in picture.panels:
        yield Text()
        yield from grid(panel, wide, width)
    yield Text()
    yield from (Text(key.text) for key in picture.legend if not key.colour)
    if swatches := [swatch(key) for key in picture.legend if key.colour]:
        yield Text("  ").join(swatches)
    if picture.note:
        yield Text(f"{picture.note}: --limit draws more")


def cell_width(panels: Sequence[Panel]) -> int:
    """Letters of a cell, with one beside it on each side."""
    labels = [len(label(cell.lines)) + cell.marked for panel in panels for cell in panel.cells]
    heads = [len(head) for panel in panels for head in panel.columns]
    return max([*labels, *heads], default=1) + 2


def grid(panel: Panel, wide: int, width: int | None) -> Iterator[Text]:
    """A panel: heads, then a line of text for each row. Columns without a cell are the first to go."""
    left = max(map(len, (*panel.rows, panel.corner)), default=0) + 1
    columns = list(range(len(panel.columns)))
    used = sorted({cell.column for cell in panel.cells})
    room = len(columns) if width is None else max(1, (width - left) // wide)
    if room < len(columns):
        columns = used[:room]
    if panel.title:
        yield Text(" " * left + panel.title, style="bold")
    heads = "".join(panel.columns[column].center(wide) for column in columns)
    yield Text(panel.corner.rjust(left - 1) + " " + heads.rstrip(), style="dim")
    held = {(cell.row, cell.column): cell for cell in panel.cells}
    for row, head in enumerate(panel.rows):
        yield Text(head.rjust(left - 1) + " ", style="dim") + strip([held.get((row, c)) for c in columns], wide)
    if room < len(used):
        left_out = f"… {len(used) - room} more columns do not fit; --svg and --html have them all"
        yield Text(" " * left + left_out, style="italic")


def strip(cells: list[Cell | None], wide: int) -> Text:
    """The cells of a row side by side."""
    line = Text()
    while cells and cells[-1] is None:
        cells = cells[:-1]
    for cell in cells:
        if cell is None:
            line.append(" " * wide)
        else:
            words = label(cell.lines) + MARK * cell.marked
            line.append(words.center(wide), f"{'bold underline ' * cell.marked}not dim #111111 on {cell.colour}")
    return line


def label(words: tuple[str, ...]) -> str:
    """The lines of a cell in one."""
    return " ".join(words)


def swatch(key: Key) -> Text:
    """A colour of the legend and what it stands for."""
    colour = Text(f" {MARK if key.marked else ' '} ", f"#111111 on {key.colour}")
    return colour + Text(f" {key.text}")
