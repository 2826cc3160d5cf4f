"""Memory of the host for a kernel on a card: copied there, and what the kernel writes copied back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from tilevm.abi import KernelAbi
from tilevm.backend import Argument, Array
from tilevm.source import Note
from tilevm.types import Tensor, Type

from ..arguments import STEP, Stretch, stretches
from .card import Card
from .codes import STICKY
from .driver import attempt


@dataclass(frozen=True)
class Copy:
    """A stretch of the host's memory, and where the card has its first byte."""

    stretch: Stretch
    address: int

    @property
    def count(self) -> int:
        return self.stretch.end - self.stretch.begin

    def fetch(self, card: Card, stream: int) -> None:
        """Copy it to the card."""
        doing = f"copying {self.stretch.name} there"
        card.call("cuMemcpyHtoDAsync", self.address, self.stretch.begin, self.count, stream, doing=doing)

    def bring(self, card: Card, stream: int) -> None:
        """Copy it back."""
        doing = f"copying {self.stretch.name} back"
        card.call("cuMemcpyDtoHAsync", self.stretch.begin, self.address, self.count, stream, doing=doing)


def needed(abi: KernelAbi, arguments: Sequence[Argument]) -> list[Stretch]:
    """The host's memory that a kernel may touch: what a tensor spans, and all that a pointer's owner has."""
    return stretches(abi, [spanned(p.type, a) for p, a in zip(abi.params, arguments, strict=True)])


def spanned(kind: Type, held: Argument) -> Argument:
    if not isinstance(held, Array) or not isinstance(kind, Tensor):
        return held
    lowest, highest = held.span
    return replace(held, lowest=lowest, highest=highest)


@contextmanager
def copied(card: Card, found: Sequence[Stretch], stream: int) -> Iterator[list[Copy]]:
    """Stretches of the host's memory on a card, as far apart from multiples of ``STEP`` as on the host."""
    places, total = [], 0
    for one in found:
        places.append(total + one.begin % STEP)
        total = -(-(places[-1] + one.end - one.begin) // STEP) * STEP
    if not total:
        yield []
        return
    base = allocate(card, total, ", ".join(sorted(s.name for s in found)))
    try:
        copies = [Copy(one, base + at) for one, at in zip(found, places, strict=True)]
        for copy in copies:
            copy.fetch(card, stream)
        yield copies
    finally:
        code, _ = attempt("cuMemFree", base)
        if code and code not in STICKY:  # of those the caller is told already
            card.fail("cuMemFree", code, f"freeing {total} bytes")


def allocate(card: Card, count: int, names: str) -> int:
    """Bytes on a card. Raises CudaError where it has not that many."""
    code, found = attempt("cuMemAlloc", count)
    if code:
        asked, room = attempt("cuMemGetInfo")
        notes = () if asked else (Note(f"{int(room[0])} of its {int(room[1])} bytes are free"),)
        card.fail("cuMemAlloc", code, f"taking {count} bytes for {names}", notes)
    return int(found)


def moved(arguments: Sequence[Argument], copies: Sequence[Copy]) -> list[Argument]:
    """Arguments as the card has them; tensors without elements are anywhere."""
    return [replace(a, address=place(a, copies)) if isinstance(a, Array) else a for a in arguments]


def place(array: Array, copies: Sequence[Copy]) -> int:
    """Where the card has element 0."""
    for one in copies:
        if one.stretch.begin <= array.address < one.stretch.end:
            return one.address + array.address - one.stretch.begin
    return copies[0].address if copies else 0
