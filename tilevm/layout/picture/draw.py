"""From a layout to its picture: one cell an element, coloured by thread or by bank."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import isqrt, prod
from typing import TypeAlias

from tilevm.layout.error import LayoutError
from tilevm.layout.form import Form
from tilevm.layout.mode import BLOCK, MEM, REG, THREAD, extent_of
from tilevm.layout.picture.colours import grouped, spread
from tilevm.layout.picture.model import Cell, Key, Panel, Picture
from tilevm.layout.place import place
from tilevm.layout.xor import PLAIN

LINE = 32  # elements of a row, where there is one dim only
PREFIX = {BLOCK: "B", THREAD: "T", REG: "R"}
WORDS = {BLOCK: "block", THREAD: "thread", REG: "register", MEM: "offset"}

Index: TypeAlias = tuple[int, ...]


@dataclass(frozen=True)
class Memory:
    """How offsets become banks: elements of ``bits``, ``banks`` of ``bank_bytes``; a cell is ``vector`` elements."""

    bits: int = 16
    banks: int = 32
    bank_bytes: int = 4
    vector: int = 1

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not isinstance(value, int) or value < 1:
                raise LayoutError(f"{name} is {value!r}: a picture needs a whole number from 1 on")

    def bank(self, offset: int) -> int:
        return offset * self.bits // 8 // self.bank_bytes % self.banks

    def reach(self, offset: int) -> tuple[int, int]:
        """The banks of the first and of the last bit of a cell at ``offset``."""
        last = ((offset + self.vector) * self.bits - 1) // 8 // self.bank_bytes % self.banks
        return self.bank(offset), last


def draw(form: Form, memory: Memory | None = None, limit: int = 4096, title: str = "") -> Picture:
    """Rows count dim 0 and columns dim 1; a tile of more dims has a panel for each index of the leading ones.

    Of at most ``limit`` cells: what is left out is noted. A swizzled layout is drawn without its swizzle and with it.
    Raises LayoutError for a ``limit`` below 1, and where ``memory.vector`` elements are no neighbours on mem.
    """
    if limit < 1:
        raise LayoutError(f"a picture of at most {limit} cells shows nothing: 1 at least")
    how = memory or Memory()
    if how.vector > 1 and (form.axes != (MEM,) or not form.rank or form.shape[-1] % how.vector):
        raise LayoutError(f"vectors of {how.vector} are of memory layouts whose last dim they divide, not of {form}")
    forms = {"": form}
    if form.xor:
        forms = {"without the swizzle": replace(form, xor=PLAIN), "with the swizzle": form}
    window = Window.of(form, how.vector, max(1, limit // len(forms)))
    panels = [panel for name, each in forms.items() for panel in panels_of(each, how, window, name)]
    text = str(form)
    said = facts(form, how) if title in ("", text) else (text, *facts(form, how))
    return Picture(title or text, said, tuple(panels), legend(form, how), window.note())


def unravelled(number: int, shape: Sequence[int]) -> Index:
    """The row-major index of an element."""
    found = []
    for extent in reversed(shape):
        number, digit = divmod(number, extent)
        found.append(digit)
    return tuple(reversed(found))


@dataclass(frozen=True)
class Window:
    """What is drawn of a tile: the leading ``front`` dims, then rows and columns of cells of ``vector`` elements."""

    shape: tuple[int, ...]
    vector: int
    panels: int
    rows: int
    columns: int

    @staticmethod
    def of(form: Form, vector: int, limit: int) -> Window:
        shape = form.shape
        columns = shape[-1] // vector if shape else 1
        rows = shape[-2] if len(shape) > 1 else 1
        if len(shape) == 1 and columns > LINE:
            columns, rows = LINE, -(-columns // LINE)
        columns = min(columns, limit // min(rows, isqrt(limit)))  # nearer a square than one long row
        rows = min(rows, limit // columns)
        panels = max(1, min(prod(shape[:-2]), limit // (rows * columns)))
        return Window(shape, vector, panels, rows, columns)

    def fronts(self) -> Iterator[Index]:
        """The indices of the leading dims that have a panel."""
        front = self.shape[:-2]
        return (unravelled(number, front) for number in range(self.panels))

    def index(self, front: Index, row: int, column: int) -> Index | None:
        """The first element of a cell; None beyond the end of the only dim."""
        if not self.shape:
            return ()
        if len(self.shape) > 1:
            return (*front, row, column * self.vector)
        at = (row * LINE + column) * self.vector
        return (at,) if at < self.shape[0] else None

    def heads(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Of rows and of columns."""
        step = LINE * self.vector if len(self.shape) == 1 else 1
        rows = tuple(str(row * step) for row in range(self.rows)) if self.shape else ("",)
        return rows, tuple(str(column * self.vector) if self.shape else "" for column in range(self.columns))

    def note(self) -> str:
        """What was left out, in words; nothing where all is there."""
        cells = prod(self.shape) // self.vector
        flat = len(self.shape) == 1
        shown = self.panels * sum(
            self.index((), row, column) is not None if flat else 1
            for row, column in product(range(self.rows), range(self.columns))
        )
        return f"{shown} of {cells} cells are drawn" if shown < cells else ""


def panels_of(form: Form, how: Memory, window: Window, name: str) -> Iterator[Panel]:
    rows, columns = window.heads()
    for front in window.fronts():
        where = f"[{', '.join(map(str, front))}, :, :]" if front else ""
        cells = []
        for row, column in product(range(window.rows), range(window.columns)):
            index = window.index(front, row, column)
            if index is not None:
                cells.append(cell(form, how, index, row, column))
        yield Panel(" ".join(filter(None, (name, where))), rows, columns, tuple(cells))


def cell(form: Form, how: Memory, index: Index, row: int, column: int) -> Cell:
    at = place(form, index)
    axes = [axis for axis in PREFIX if axis in form.axes or (axis == THREAD and not form.axes)]
    words = [f"{PREFIX[axis]}{reach(form, axis, at[axis])}" for axis in axes]
    rest = [axis for axis in form.axes if axis not in PREFIX and axis != MEM]
    words += [f"{axis}={at[axis]}" for axis in rest]
    told = [f"{WORDS[axis]} {spelled(form, axis, at[axis])}" for axis in axes]
    told += [f"{axis} {at[axis]}" for axis in rest]
    name = f"element [{', '.join(map(str, index))}]"
    if MEM not in form.axes:
        owner = ":".join(f"{axis}{at[axis]}" for axis in axes if axis != REG) or f"reg{at[REG]}"
        colour = spread(at[REG] if axes == [REG] else at[THREAD])
        return Cell(row, column, (":".join(words),), colour, (owner,), f"{name}: {', '.join(told)}")
    return in_memory(form, how, Cell(row, column, tuple(words), "", (), name), index, told)


def in_memory(form: Form, how: Memory, draft: Cell, index: Index, told: list[str]) -> Cell:
    """The cell of an element at an offset: its bank is its colour, and what it is highlighted with."""
    offset = place(form, index)[MEM]
    for step in range(1, how.vector):
        following = place(form, (*index[:-1], index[-1] + step))[MEM]
        if following != offset + step:
            raise LayoutError(f"vectors of {how.vector}: the elements from {index} on are no neighbours in memory")
    first, last = how.reach(offset)
    many = offset if how.vector == 1 else f"{offset}–{offset + how.vector - 1}"
    byte = f"byte {offset * how.bits // 8}"
    banks = f"bank {first}" if first == last else f"banks {first}–{last}"
    held = (last - first) % how.banks + 1
    owners = tuple(f"bank{(first + step) % how.banks}" for step in range(held))
    whole = f"{draft.facts}: {', '.join([*told, f'offset {many}', byte, banks])}"
    lines = (":".join([*draft.lines, str(offset)]), f"b{first}" if first == last else f"b{first}–{last}")
    return replace(draft, lines=lines, colour=grouped(first, how.banks), owners=owners, facts=whole)


def copies(form: Form, axis: str) -> tuple[int, bool]:
    """How many times an element is held on ``axis``, and whether by neighbours."""
    modes = [mode for mode in form.key[1] if mode.axis == axis]
    return extent_of(tuple(modes)), len(modes) == 1 and modes[0].stride == 1


def reach(form: Form, axis: str, first: int) -> str:
    """A number, the run ``0-3`` of neighbours that hold copies, or ``0+3``: it and three others."""
    count, neighbours = copies(form, axis)
    if count == 1:
        return str(first)
    return f"{first}-{first + count - 1}" if neighbours else f"{first}+{count - 1}"


def spelled(form: Form, axis: str, first: int) -> str:
    count, neighbours = copies(form, axis)
    if count == 1:
        return str(first)
    if neighbours:
        return f"{first} to {first + count - 1}"
    steps = [0]
    for mode in (mode for mode in form.key[1] if mode.axis == axis):
        steps = [step + mode.stride * k for k in range(min(mode.extent, 9)) for step in steps][:9]
    shown = ", ".join(str(first + step) for step in sorted(steps)[:8])
    return f"{shown} …, {count} in all" if count > 8 else shown


def facts(form: Form, how: Memory) -> tuple[str, ...]:
    """Short sentences on the whole layout."""
    found = [f"shape {' × '.join(map(str, form.shape)) or '()'}, {many(form.size, 'element')}"]
    if set(form.axes) & {THREAD, REG, BLOCK} or not form.axes:
        found.append(f"{many(form.threads, 'thread')}, {many(form.registers, 'register')} each")
    if BLOCK in form.axes:
        found.append(many(form.cosize_of(BLOCK), "block"))
    held = extent_of(form.replicas)
    if held > 1:
        found.append(f"each element is held {held} times")
    if MEM in form.axes:
        found.append(f"reaches over {many(form.cosize_of(MEM), 'element')} of memory, of {many(how.bits, 'bit')} each")
    return tuple(found)


def many(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"


def legend(form: Form, how: Memory) -> tuple[Key, ...]:
    """What labels and colours mean."""
    if MEM in form.axes:
        group = max(1, how.banks // 8)
        runs = [(first, min(first + group, how.banks) - 1) for first in range(0, min(how.banks, 8 * group), group)]
        names = [f"bank {low}" if low == high else f"banks {low}–{high}" for low, high in runs]
        return tuple(Key(grouped(low, how.banks), name) for (low, _), name in zip(runs, names, strict=True))
    axes = [axis for axis in PREFIX if axis in form.axes]
    said = ", ".join(f"{PREFIX[axis]} a {WORDS[axis]}" for axis in axes)
    copied = "; T0-3 and T0+3: thread 0 and three others hold it" if form.key[1] else ""
    return (Key("", f"{said}; a colour is a {WORDS[REG if axes == [REG] else THREAD]}{copied}"),) if axes else ()
