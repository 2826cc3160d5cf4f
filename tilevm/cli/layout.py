"""``tilevm layout``: a layout as a picture, in the terminal, as SVG, as a page, or as JSON."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import click
from rich.console import Console
from rich.table import Table

from tilevm.cli.drawing import lines
from tilevm.layout import Layout
from tilevm.layout.mode import MEM
from tilevm.layout.picture import Picture, draw, html, svg
from tilevm.layout.picture.draw import Memory
from tilevm.report.pictures import access, access_data, cost_table, layout_data, moved, named, read_layout
from tilevm.source import TileError
from tilevm.target import SharedAccess, target as machine_called

COSTS = ("instructions", "registers, of the first", "wavefronts of each", "fewest", "ways of conflict")


@dataclass(frozen=True)
class Moved:
    """An access to draw: registers, memory, and how it is done."""

    registers: Layout
    memory: Layout
    target: str
    bits: int
    kind: Literal["read", "write"]

    def costs(self) -> SharedAccess:
        return moved(self.registers, self.memory, machine_called(self.target), self.bits, self.kind)

    def drawn(self, title: str) -> Picture:
        return access(self.registers, self.memory, machine_called(self.target), self.bits, self.kind, title)


@click.command()
@click.argument("expression", metavar="LAYOUT")
@click.option("--access", "other", metavar="LAYOUT", help="move the tile between both, registers and memory")
@click.option("--target", default="sm_80", show_default=True, help="whose shared memory --access is of")
@click.option("--kind", type=click.Choice(["read", "write"]), default="read", show_default=True, help="of --access")
@click.option("--bits", default=16, show_default=True, help="of an element in memory")
@click.option("--banks", default=32, show_default=True, help="of 4 bytes, that colour memory")
@click.option("--vector", default=1, show_default=True, help="elements of memory in a cell")
@click.option("--limit", default=4096, show_default=True, help="cells to draw, or elements in the JSON")
@click.option("--svg", "svg_file", type=click.Path(dir_okay=False), help="write the picture as SVG")
@click.option("--html", "html_file", type=click.Path(dir_okay=False), help="write a page to point at")
@click.option("--json", "as_json", is_flag=True, help="for programs")
def layout(expression: str, other: str | None, target: str, kind: Literal["read", "write"], **how: Any) -> None:
    """Show a layout: which thread holds each element in which register, or at which offset and bank it lies.

    LAYOUT is an expression, spatial(8, 4) * local(1, 2), the text of a layout, "8:4@thread 4:1@thread", or an operand
    of a matrix instruction, sm_80:m16n8k16.f16:a. A tile of more than two dims has a grid for each index of the others.
    """
    found, memory = read_layout(expression), Memory(how["bits"], how["banks"], vector=how["vector"])
    moving = None if other is None else paired(found, read_layout(other), target, how["bits"], kind)
    title = " ".join(expression.split()) if other is None else named(expression, other, kind)
    if how["as_json"]:
        told = access_data(moving.costs()) if moving else layout_data(found, memory, how["limit"])
        click.echo(json.dumps(told))
        return
    drawn = moving.drawn(title) if moving else draw(found, memory, how["limit"], title)
    written = [(file, text) for file, text in ((how["svg_file"], svg), (how["html_file"], html)) if file]
    for file, text in written:
        write(Path(file), text(drawn))
    if not written:
        show(drawn, moving)


def paired(one: Layout, other: Layout, target: str, bits: int, kind: Literal["read", "write"]) -> Moved:
    """Which of two layouts is of registers and which of memory."""
    registers, memory = (other, one) if MEM in one.axes else (one, other)
    return Moved(registers, memory, target, bits, kind)


def write(path: Path, text: str) -> None:
    """Raises TileError where the file cannot be written."""
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise TileError(f"{path} cannot be written: {error.strerror}") from error


def show(drawn: Picture, moving: Moved | None) -> None:
    """On a terminal as wide as it is, and whole when piped."""
    console = Console(soft_wrap=True, highlight=False, markup=False)
    width = console.width if console.is_terminal else None
    for line in lines(drawn, width):
        console.print(line)
    if moving is not None:
        table = Table(*COSTS)
        for row in cost_table(moving.costs()):
            table.add_row(*row)
        Console(width=None if sys.stdout.isatty() else 110).print(table)
