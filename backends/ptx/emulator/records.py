"""What PTX text says, as frozen records: operands, instructions, declarations, functions, the module."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from tilevm.source import Span


@dataclass(frozen=True)
class Name:
    """A register, a variable, a label or a function; which of them, its scope tells."""

    name: str


@dataclass(frozen=True)
class Number:
    """A constant as written, such as -1, 0x7f or 0f3F800000."""

    text: str


@dataclass(frozen=True)
class Inverted:
    """A predicate taken the other way round."""

    name: str


@dataclass(frozen=True)
class Pair:
    """Two destinations, ``%r1|%p1``."""

    first: Operand
    second: Operand


@dataclass(frozen=True)
class Vector:
    """Registers in braces."""

    items: tuple[Operand, ...]


@dataclass(frozen=True)
class Address:
    """``[base + offset]``, the offset in bytes; ``base`` is empty where the address is a number alone."""

    base: str
    offset: int = 0


@dataclass(frozen=True)
class Arguments:
    """Names in parentheses, as calls have them."""

    items: tuple[Operand, ...]


Operand = Name | Number | Inverted | Pair | Vector | Address | Arguments


@dataclass(frozen=True)
class Source:
    """A line of the program that PTX was made from, as ``.loc`` gives it."""

    file: str
    line: int
    column: int

    @property
    def span(self) -> Span:
        """From the column to the end of the line: more is not told."""
        return Span(self.file, self.line, self.column - 1, self.line + 1, 0)


@dataclass(frozen=True)
class Instruction:
    """One instruction with its guard, where it stands, and the line that it was made from.

    ``text`` is the opcode with all its modifiers.
    """

    text: str
    operands: tuple[Operand, ...]
    span: Span
    guard: str = ""
    inverted: bool = False
    source: Source | None = None

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """The opcode at its dots; ``shared::cta`` counts as one part."""
        return tuple(self.text.split("."))

    def has(self, *modifiers: str) -> bool:
        """Whether the opcode carries one of the modifiers."""
        return any(m in self.parts[1:] for m in modifiers)


@dataclass(frozen=True)
class Declaration:
    """A variable or a range of registers.

    ``space`` is reg, shared, local, param, global or const; ``count`` the elements, None where left open, or the
    number of registers ``name0`` ... in a range. ``initial`` holds the elements that are given.
    """

    space: str
    type: str
    name: str
    count: int | None
    align: int
    span: Span
    ranged: bool = False
    initial: tuple[str, ...] = ()


@dataclass(frozen=True)
class Label:
    """A place that branches name."""

    name: str


@dataclass(frozen=True)
class Block:
    """Braces within a function: names declared in them are theirs."""

    items: tuple[Item, ...]


Item = Declaration | Instruction | Label | Block


@dataclass(frozen=True)
class Function:
    """An entry or a device function. ``body`` is None where it is only declared."""

    name: str
    entry: bool
    returns: tuple[Declaration, ...]
    params: tuple[Declaration, ...]
    body: Block | None
    limits: dict[str, tuple[int, ...]]
    span: Span


@dataclass(frozen=True)
class Text:
    """A module as read: its variables and functions by name, and the header's target."""

    name: str
    target: str
    variables: tuple[Declaration, ...]
    functions: dict[str, Function]
