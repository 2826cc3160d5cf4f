"""``tilevm layout``: a layout in the terminal, as SVG, or as a page."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tilevm.layout import Layout, LayoutError
from tilevm.layout.expression import layout_of
from tilevm.layout.picture.colours import colour
from tilevm.layout.picture.grid import Cell, Panel, Picture, picture
from tilevm.layout.picture.page import page
from tilevm.layout.picture.svg import svg
from tilevm.report.accesses import access_picture
from tilevm.source import TileError
from tilevm.target import target

IN_TERMINAL, IN_FILE = 1024, 8192  # cells, where nobody says otherwise


@click.command()
@click.argument("what", metavar="LAYOUT")
@click.option("--svg", "svg_file", type=click.Path(dir_okay=False), help="write a picture here")
@click.option("--html", "html_file", type=click.Path(dir_okay=False), help="write a page here, to point at elements")
@click.option("--bits", default=32, show_default=True, help="of an element, which tells its bank in memory")
@click.option("--access", metavar="REGISTERS", help="show how registers laid out so reach LAYOUT in shared memory")
@click.option("--kind", type=click.Choice(["read", "write"]), default="read", show_default=True, help="of the access")
@click.option("--target", "machine", default="sm_80", show_default=True, help="whose banks the access meets")
@click.option("--limit", type=int, help="draw at most so many elements")
@click.option("--json", "as_json", is_flag=True, help="for programs")
def layout(
    what: str,
    svg_file: str | None,
    html_file: str | None,
    bits: int,
    access: str | None,
    kind: Any,
    machine: str,
    limit: int | None,
    as_json: bool,
) -> None:
    """Show which thread holds each element of a tile, or where it lies in memory.

    LAYOUT is an expression, as "spatial(8, 4) * local(1, 2)" or "row_major(8, 64).swizzle(Swizzle(3, 3, 3))", or the
    text of a layout, as "(8,2):(4@thread,2@reg) 8:1@thread".
    """
    try:
        shown = layout_of(what)
        most = limit or (IN_FILE if svg_file or html_file or as_json else IN_TERMINAL)
        if access is None:
            drawn = picture(shown, bits, most)
        else:
            drawn = access_picture(layout_of(access), shown, bits, target(machine), kind)
    except LayoutError as fault:
        raise TileError(str(fault)) from None
    if as_json:
        click.echo(json.dumps(data(shown, drawn), indent=2))
    for file, text in ((svg_file, svg), (html_file, page)):
        if file:
            Path(file).write_text(text(drawn), encoding="utf-8")
    if not (as_json or svg_file or html_file):
        told(drawn)


def told(drawn: Picture) -> None:
    """The picture in the terminal."""
    console = Console(width=None if sys.stdout.isatty() else 10_000, highlight=False)
    for line in filter(None, [drawn.title, drawn.summary, drawn.legend, drawn.note]):
        style = "bold" if line is drawn.title else ""
        console.print(Text(line, style), no_wrap=True, overflow="ignore", crop=False)
    for panel in drawn.panels:
        if panel.caption:
            console.print(Text(panel.caption))
        console.print(grid(panel), crop=False)


def grid(panel: Panel) -> Table:
    table = Table(box=None, padding=(0, 0), pad_edge=False, show_header=True)
    table.add_column("", justify="right", style="dim")
    for name in panel.column_names:
        table.add_column(f" {name} ", justify="center", no_wrap=True, header_style="dim")
    for name, cells in zip(panel.row_names, panel.rows, strict=True):
        table.add_row(f"{name} ", *map(coloured, cells))
    return table


def coloured(cell: Cell) -> Text:
    return Text(f" {' '.join(cell.label).strip()} ", f"black on {colour(cell.colour)}")


def data(shown: Layout, drawn: Picture) -> dict[str, Any]:
    """The same for programs."""
    cells = [{"index": list(cell.index), "label": list(cell.label), "told": cell.told} for cell in drawn.cells()]
    return {"layout": str(shown), "shape": list(shown.shape), "summary": drawn.summary, "cells": cells}
