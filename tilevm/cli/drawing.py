"""A picture in the terminal: coloured where that can be, plain text else."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from tilevm.layout.picture import Key, Panel, Picture

MARK = "!"


def lines(picture: Picture, width: int | None) -> Iterator[Text]:
    """The picture a line at a time; of a grid wider than ``width`` columns of text the rest is left out, and noted."""
    yield Text(picture.title, style="bold")
    yield from map(Text, picture.facts)
    for panel in picture.panels:
        yield Text()
        yield from grid(panel, width)
    yield Text()
    yield from (Text(key.text) for key in picture.legend if not key.colour)
    if swatches := [swatch(key) for key in picture.legend if key.colour]:
        yield Text("  ").join(swatches)
    if picture.note:
        yield Text(f"{picture.note}: --limit draws more")


def grid(panel: Panel, width: int | None) -> Iterator[Text]:
    """A panel: heads, then a line of text for each row."""
    labels = [len(label(cell.lines)) + cell.marked for cell in panel.cells]
    wide = max([*labels, *map(len, panel.columns)], default=1) + 2
    left = max(map(len, (*panel.rows, panel.corner)), default=0) + 1
    columns = len(panel.columns)
    if width is not None:
        columns = max(1, min(columns, (width - left) // wide))
    if panel.title:
        yield Text(" " * left + panel.title, style="bold")
    heads = "".join(head.center(wide) for head in panel.columns[:columns])
    yield Text(panel.corner.rjust(left - 1) + " " + heads.rstrip(), style="dim")
    held = {(cell.row, cell.column): cell for cell in panel.cells}
    for row, head in enumerate(panel.rows):
        line = Text(head.rjust(left - 1) + " ", style="dim", end="")
        last = max((column for row_, column in held if row_ == row and column < columns), default=-1)
        for column in range(last + 1):
            cell = held.get((row, column))
            if cell is None:
                line.append(" " * wide)
                continue
            words = label(cell.lines) + MARK * cell.marked
            line.append(words.center(wide), f"{'bold underline ' * cell.marked}not dim #111111 on {cell.colour}")
        yield line
    if columns < len(panel.columns):
        rest = len(panel.columns) - columns
        yield Text(f"{' ' * left}… {rest} more columns do not fit; --svg and --html have them all", style="italic")


def label(words: tuple[str, ...]) -> str:
    """The lines of a cell in one."""
    return " ".join(words)


def swatch(key: Key) -> Text:
    """A colour of the legend and what it stands for."""
    colour = Text(f" {MARK if key.marked else ' '} ", f"#111111 on {key.colour}")
    return colour + Text(f" {key.text}")
