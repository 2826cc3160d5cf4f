"""``tilevm targets``: devices, and the records of machines."""

from __future__ import annotations

import sys
from contextlib import suppress

import click
from rich.console import Console
from rich.table import Table

from tilevm.backend import FAMILIES, PLACES, Here, cards
from tilevm.report import atoms, machines
from tilevm.source import TileError
from tilevm.target import TARGETS, Target, target

CAPTIONS = {
    "cpu": "native code on every core, through LLVM",
    "vm": "the reference machine: tile IR on numpy, or what the threads of a GPU do",
    "emulator": "the PTX that is made for NVIDIA's GPUs, run without one",
}


@click.command()
@click.argument("name", required=False, metavar="[MACHINE]")
def targets(name: str | None) -> None:
    """List devices and the code that is made for them, and the GPUs that are described; or tell all of one.

    Beside each GPU stands what runs the code that is made for it.
    """
    console = Console(width=None if sys.stdout.isatty() else 120)
    if name is None:
        console.print(devices())
        console.print(described())
        return
    found = target(name)
    console.print(f"{found.name}: {found.card}, {made(found.name)}", highlight=False)
    for table in whole(found):
        console.print(table)


def devices() -> Table:
    table = Table("device", "target", "what it is")
    for place in PLACES.values():
        table.add_row(place.name, place.target, CAPTIONS[place.name])
    for card in here():
        table.add_row(card.device, card.targets[0] if card.targets else "none", card.about)
    return table


def here() -> list[Here]:
    """The cards that are here; none where no driver serves them, which ``tilevm doctor`` tells."""
    found = []
    for family in FAMILIES:
        with suppress(TileError):
            found += cards(family).here()
    return found


def described() -> Table:
    """The machines that have a record."""
    table = Table(
        "machine", "card", "lanes", "shared memory of a block", "registers of a thread", "mma atoms", "runs on"
    )
    for name in TARGETS:
        it = target(name)
        shared = machines.size(it.limits.shared_per_block)
        numbers = (str(it.limits.registers_per_thread), str(len(it.mma_atoms)))
        table.add_row(name, it.card, str(it.lanes), shared, *numbers, made(name))
    return table


def made(name: str) -> str:
    """The devices that run code made for a machine."""
    found = [place.name for place in PLACES.values() if place.running(name) is not None]
    return ", ".join(found + [card.device for card in here() if name in card.targets])


def whole(machine: Target) -> list[Table]:
    """All that is known of one machine."""
    parts = (
        ("limits", ("limit", "value"), machines.limits((machine.name,))),
        (
            "banks of shared memory",
            ("access, by bytes a lane", "banks", "lanes served together", "who says so"),
            machines.banks(machine),
        ),
        ("copies", ("copy", "from", "to", "bytes", "waited for by"), machines.copies(machine)),
        ("matrix instructions", atoms.HEAD[:3] + atoms.HEAD[4:], without_machines(machine)),
    )
    tables = []
    for title, head, rows in parts:
        table = Table(*head, title=title, title_justify="left")
        for row in rows:
            table.add_row(*row)
        tables.append(table)
    return tables


def without_machines(machine: Target) -> list[tuple[str, ...]]:
    rows = atoms.atoms((machine.name,))
    return [(*row[:3], *(cell.strip("`") for cell in row[4:])) for row in rows]
