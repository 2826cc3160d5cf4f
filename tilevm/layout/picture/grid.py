"""What a picture of a layout shows: a grid of cells, drawn elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import prod

from tilevm.layout.error import LayoutError
from tilevm.layout.form import Form
from tilevm.layout.mode import MEM, REG, THREAD
from tilevm.layout.place import offset, owners

BANKS, BANK_BYTES = 32, 4  # of NVIDIA's shared memory; what colours memory where nobody says otherwise
GROUP = 4  # banks of one colour: 16 bytes
LEAST_LIMIT = 1


@dataclass(frozen=True)
class Cell:
    """One element: its index, a short label of two lines, what it shares a colour with, and all that is known of it.

    ``keys``: cells with a key in common belong together: elements of one thread, or of one bank.
    """

    index: tuple[int, ...]
    label: tuple[str, str]
    colour: int
    keys: tuple[str, ...]
    told: str


@dataclass(frozen=True)
class Panel:
    """A part of the tile with its last two dims spread out: ``rows`` of cells, and the index of the dims before."""

    caption: str
    row_names: tuple[int, ...]
    column_names: tuple[int, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class Picture:
    """Panels one below the other, with a title, what the colours mean, and what was cut off."""

    title: str
    summary: str
    legend: str
    panels: tuple[Panel, ...]
    note: str = ""

    def cells(self) -> Iterator[Cell]:
        for panel in self.panels:
            for row in panel.rows:
                yield from row


def picture(form: Form, bits: int = 32, limit: int = 4096) -> Picture:
    """The picture of a layout on threads and registers, or of one on memory.

    ``bits`` an element, which tells its bank in memory; ``limit``: the most cells that are drawn. Raises LayoutError
    for layouts on other axes, and for numbers that are no widths or limits.
    """
    if bits < 1 or limit < LEAST_LIMIT:
        raise LayoutError(f"elements of {bits} bits, at most {limit} cells: both count from 1")
    in_memory = form.axes == (MEM,)
    if not in_memory and any(axis not in (THREAD, REG) for axis in form.axes):
        raise LayoutError(f"{form} lies on {', '.join(form.axes)}: pictures are of threads and registers, or of memory")
    draw = Memory(form, bits) if in_memory else Holders(form)
    panels, note = cut(form.shape, limit, draw)
    return Picture(str(form), draw.summary(), draw.legend(), panels, note)


@dataclass(frozen=True)
class Holders:
    """Cells of a register layout: thread and slot of the first owner, coloured by thread."""

    form: Form

    def cell(self, index: tuple[int, ...]) -> Cell:
        held = owners(self.form, index)
        thread, slot = held[0]
        more = "+" if len(held) > 1 else ""
        threads = ", ".join(f"{t}" for t, _ in held[:16]) + (", …" if len(held) > 16 else "")
        told = f"element {told_index(index)}: register {slot} of thread{'s' * (len(held) > 1)} {threads}"
        return Cell(index, (f"T{thread}{more}", f"R{slot}"), thread, tuple(f"t{t}" for t, _ in held), told)

    def summary(self) -> str:
        copies = prod(mode.extent for mode in self.form.replicas)
        held = f", each element in {copies} threads" if copies > 1 else ""
        shape = " x ".join(map(str, self.form.shape)) or "one element"
        return f"{shape}: {self.form.threads} threads, {self.form.registers} registers in each{held}"

    def legend(self) -> str:
        plus = "; + more threads hold it too" if any(mode.extent > 1 for mode in self.form.replicas) else ""
        return f"T thread, R register; a colour a thread{plus}"


@dataclass(frozen=True)
class Memory:
    """Cells of a memory layout: the offset, coloured by the bank of 4 bytes where the element begins."""

    form: Form
    bits: int

    def cell(self, index: tuple[int, ...]) -> Cell:
        at = offset(self.form, index)
        bank = at * self.bits // (8 * BANK_BYTES) % BANKS
        byte, bit = divmod(at * self.bits, 8)
        within = f" bit {bit}" if bit else ""
        told = f"element {told_index(index)}: offset {at}, byte {byte}{within}, bank {bank}"
        return Cell(index, (str(at), f"b{bank}"), bank // GROUP, (f"b{bank}",), told)

    def summary(self) -> str:
        swizzle = f", swizzled {self.form.xor}" if self.form.key[2] or self.form.key[3] else ""
        shape = " x ".join(map(str, self.form.shape)) or "one element"
        return f"{shape}: elements of {self.bits} bits in {self.form.cosize_of(MEM)} places{swizzle}"

    def legend(self) -> str:
        part = f"{GROUP * BANK_BYTES} bytes of a line of {BANKS} banks"
        return f"offset, b bank of {BANK_BYTES} bytes; a colour for each {part}"


def told_index(index: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, index))})"


def cut(shape: tuple[int, ...], limit: int, draw: Holders | Memory) -> tuple[tuple[Panel, ...], str]:
    """Panels of at most ``limit`` cells in all: whole, or the first rows and columns."""
    front, last = shape[:-2], (1, 1, *shape)[-2:]
    columns = min(last[1], limit)
    rows = min(last[0], max(1, limit // columns))
    count = min(prod(front), max(1, limit // (rows * columns)))
    whole = (count, rows, columns) == (prod(front), *last)
    note = "" if whole else f"the first {count * rows * columns} of {prod(shape)} elements"
    panels = []
    for number, before in enumerate(product(*map(range, front))):
        if number == count:
            break
        caption = f"[{', '.join(map(str, before))}, :, :]" if before else ""
        cells = tuple(
            tuple(draw.cell((*before, row, column)[-len(shape) :] if shape else ()) for column in range(columns))
            for row in range(rows)
        )
        panels.append(Panel(caption, tuple(range(rows)), tuple(range(columns)), cells))
    return tuple(panels), note
