"""What a conversion between two register layouts does: records, and what each costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import TypeAlias

from tilevm.layout.layout import Layout
from tilevm.layout.xor import ones

Move: TypeAlias = tuple[int, int, int]  # from a thread, its register, to a register of this thread


@dataclass(frozen=True)
class Nothing:
    """Both layouts hold the same elements in the same registers."""

    cost: float = 0.0

    def __str__(self) -> str:
        return "nothing"


@dataclass(frozen=True)
class Registers:
    """Register r becomes what register ``sources[r]`` was, in every thread alike: a renaming."""

    sources: tuple[int, ...]
    cost: float = 0.0

    def __str__(self) -> str:
        return "register permutation"


@dataclass(frozen=True)
class Affine:
    """A map of numbers that is linear over GF(2), with a constant: ``base`` ^ the column of every bit that is set."""

    columns: tuple[int, ...]
    base: int = 0

    def __call__(self, number: int) -> int:
        found = self.base
        for bit in ones(number):
            found ^= self.columns[bit]
        return found

    def is_identity(self) -> bool:
        return not self.base and all(column == 1 << bit for bit, column in enumerate(self.columns))

    def is_constant(self) -> bool:
        return not any(self.columns)


@dataclass(frozen=True)
class Round:
    """Each thread offers the register ``send(thread)`` and fills ``put(thread)`` with what ``source(thread)`` offers.

    Registers are counted by the digits that move; ``Lanes`` tells their slots. ``source`` stays within the warp.
    """

    source: Affine
    send: Affine
    put: Affine

    @property
    def shuffles(self) -> bool:
        """Whether a value crosses lanes; else a select among registers does."""
        return not self.source.is_identity()


@dataclass(frozen=True)
class Lanes:
    """Rounds of shuffles within warps, and selects where the register depends on the lane.

    ``send_strides`` and ``put_strides`` are the slots of the digits that move, lowest digit first; ``copies`` are the
    (source, destination) slots of the digits that stay in registers: every round is done once for each.
    """

    rounds: tuple[Round, ...]
    send_strides: tuple[int, ...]
    put_strides: tuple[int, ...]
    copies: tuple[tuple[int, int], ...]
    cost: float

    def __str__(self) -> str:
        shuffles = sum(step.shuffles for step in self.rounds) * len(self.copies)
        return f"{shuffles} lane shuffle{'s' * (shuffles != 1)}" if shuffles else "selects among registers"

    def moves(self, thread: int) -> Iterator[Move]:
        """Where ``thread`` has each of its new registers from."""
        for step in self.rounds:
            source = step.source(thread)
            send = slot(step.send(source), self.send_strides)
            put = slot(step.put(thread), self.put_strides)
            for kept, fresh in self.copies:
                yield source, send + kept, put + fresh


@dataclass(frozen=True)
class Access:
    """One side of a round trip: vectors of ``width`` elements, and wavefronts for each warp against the fewest."""

    width: int
    wavefronts: int
    fewest: int


@dataclass(frozen=True)
class Shared:
    """A round trip through shared memory laid out as ``memory`` (offsets in elements), with a barrier between.

    ``container`` is the bits that an element takes there.
    """

    memory: Layout
    container: int
    write: Access
    read: Access
    cost: float

    def __str__(self) -> str:
        count = self.write.wavefronts + self.read.wavefronts
        return f"shared memory, {self.bytes} bytes, {count} wavefronts a warp"

    @property
    def bytes(self) -> int:
        return -(-self.memory.cosize * self.container // 8)


Plan: TypeAlias = Nothing | Registers | Lanes | Shared


def slot(number: int, strides: tuple[int, ...]) -> int:
    """The register whose digits are the bits of ``number``."""
    return sum(strides[bit] for bit in ones(number))


def combinations(digits: list[tuple[int, int, int]]) -> tuple[tuple[int, int], ...]:
    """The pairs of slots that digits of (extent, source stride, destination stride) count, first digit fastest."""
    counted = product(*(range(extent) for extent, _, _ in reversed(digits)))
    return tuple(
        (
            sum(n * source for n, (_, source, _) in zip(reversed(count), digits, strict=True)),
            sum(n * target for n, (_, _, target) in zip(reversed(count), digits, strict=True)),
        )
        for count in counted
    )
