"""Launches that the driver refuses, or would: why, with the numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import NoReturn

from tilevm.backend import Argument, Array
from tilevm.source import Note, TileError

from .card import Card
from .codes import SILENT, STICKY, UNKNOWN
from .driver import attempt, bindings

LAUNCH = "cuLaunchKernelEx"
DEFAULTS = (0, 1, 2)  # handles that stand for a stream of whatever context is current
GONE = "keep the tensor alive until the kernel is done, and launch in the process that made it"


@dataclass(frozen=True)
class Try:
    """A launch that was tried: the kernel, what a block of it takes, and what it was launched on, so far as is
    known."""

    card: Card
    name: str
    threads: int
    shared: int
    registers: int
    grid: Sequence[int]
    arguments: Mapping[str, Argument]
    stream: int

    def refuse(self, code: int) -> NoReturn:
        """Raises the error of the driver's result."""
        if code in STICKY:
            raise self.card.fault(LAUNCH, code, f"launching {self.name}")
        if code in SILENT:
            self.card.fail(LAUNCH, code, f"launching {self.name}")
        notes, mends = [self.numbers()], []
        for note, mend in (*self.of_stream(), *self.of_memory()):
            notes.append(note)
            mends.append(mend)
        self.card.fail(LAUNCH, code, f"launching {self.name}", tuple(notes), mends[0] if mends else None)

    def numbers(self) -> Note:
        return Note(
            f"{' x '.join(map(str, self.grid))} blocks of {self.threads} threads, {self.registers} registers each, "
            f"and {self.shared} bytes of shared memory; {self.card.device} has "
            f"{self.card.limit('MAX_REGISTERS_PER_BLOCK')} registers and {self.card.shared} bytes for a block"
        )

    def of_stream(self) -> Iterator[tuple[Note, str]]:
        """What is wrong with the stream."""
        if self.stream in DEFAULTS:
            return
        code, context = attempt("cuStreamGetCtx", self.stream)
        if code:
            yield Note(f"stream {self.stream:#x} is none: {code}"), "pass a stream that was not destroyed"
        elif int(context) != int(self.card.context):
            said = f"stream {self.stream:#x} is of another context than the one that {self.card.device} is used by"
            yield Note(said), f"make the stream on {self.card.device}, in its primary context, as torch and CuPy do"

    def of_memory(self) -> Iterator[tuple[Note, str]]:
        """What is wrong with the arguments."""
        for name, held in self.arguments.items():
            if isinstance(held, Array) and held.device == self.card.device and 0 not in held.shape:
                said = elsewhere(held, self.card)
                if said:
                    yield Note(f"{name} {said}"), GONE


def elsewhere(array: Array, card: Card) -> str:
    """Where an argument that should be a card's memory is; nothing where it is there, or the driver does not tell."""
    which = bindings().CUpointer_attribute.CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL
    code, found = attempt("cuPointerGetAttribute", which, array.address)
    if code in STICKY:
        raise card.fault("cuPointerGetAttribute", code, "looking at an argument")
    if code == UNKNOWN:
        return f"begins at {array.address:#x}, where no card has memory: it was freed, or never was a card's"
    return "" if code or int(found) == card.number else f"lies on cuda:{int(found)}"


def refuse_memory(tried: Try) -> None:
    """Raises TileError for an argument that is no memory of the card. It asks the driver of each: for debugging."""
    for note, mend in tried.of_memory():
        raise TileError(f"{tried.name} cannot run on {tried.card.device}: {note.message}", help=mend)


def counted(card: Card, grid: Sequence[int]) -> bool:
    """Whether the card counts so many blocks along each axis."""
    return all(n <= most for n, most in zip(grid, card.grid, strict=True))


def along_x_of(card: Card, name: str, grid: Sequence[int]) -> tuple[int, int, int]:
    """A grid with all its programs along x. Raises TileError where these are more than the card counts there."""
    most, count = card.grid[0], prod(grid)
    if count > most:
        shape = " x ".join(map(str, grid))
        raise TileError(
            f"{name}: {shape} programs are {count}, and {card.device} counts to {most}",
            help="let each program do more",
        )
    return count, 1, 1
