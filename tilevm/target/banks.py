"""Shared memory: its banks, which lanes are served together, and what an access costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from tilevm.layout import LayoutError

Access: TypeAlias = Literal["read", "write", "matrix"]
Lanes: TypeAlias = tuple[int, ...]
Addresses: TypeAlias = Sequence["int | None"]


@dataclass(frozen=True)
class Banks:
    """How one kind of access to shared memory is served.

    ``width`` bytes a lane; ``access`` is read, write, or matrix (a row of ldmatrix or stmatrix). Word w of
    ``bank_bytes`` lies in bank w mod ``count``. ``phases``: the lanes whose words must lie in different banks, or be
    the same word; None where nobody has told or measured them (``count`` is then the most that the machine has, and
    this access may see fewer). ``source`` says who has.

    Raises LayoutError where a lane stands in two phases, or in none.
    """

    access: Access
    width: int
    count: int
    phases: tuple[Lanes, ...] | None
    source: str
    bank_bytes: int = 4

    def __post_init__(self) -> None:
        lanes = sorted(lane for phase in self.phases or () for lane in phase)
        if lanes != list(range(len(lanes))):
            raise LayoutError(f"the phases of {self} do not name each lane once")

    def __str__(self) -> str:
        return f"a {self.access} of {self.width} bytes a lane"


@dataclass(frozen=True)
class Phase:
    """The cost of one phase: ``wavefronts``, and the ``least`` for as many words in banks of one's choice; ``words`` of
    them, most in the ``busiest`` bank (None where no lane is active)."""

    lanes: Lanes
    wavefronts: int
    least: int
    words: int
    busiest: int | None


@dataclass(frozen=True)
class Wavefronts:
    """The cost of an access: ``count`` passes over the banks, ``least`` with no conflict, and each phase."""

    count: int
    least: int
    phases: tuple[Phase, ...]

    @property
    def ways(self) -> int:
        """How many passes the worst phase takes for each that it needs, rounded up: 1 is free of conflicts."""
        return max((-(-phase.wavefronts // phase.least) for phase in self.phases if phase.least), default=1)


def wavefronts(addresses: Addresses, banks: Banks) -> Wavefronts:
    """What an access costs whose lane i touches ``banks.width`` bytes from byte address ``addresses[i]``.

    None stands for a lane that does nothing. In a phase, each bank gives one word a pass, to every lane that asks for
    it. Raises LayoutError where the phases are unknown, and for addresses that the access cannot have.
    """
    if banks.phases is None:
        raise LayoutError(f"the phases of {banks} are not known ({banks.source}), so its cost cannot be told")
    check_addresses(addresses, banks.width, sum(map(len, banks.phases)))
    phases = tuple(phase_cost(lanes, addresses, banks) for lanes in banks.phases)
    return Wavefronts(sum(p.wavefronts for p in phases), sum(p.least for p in phases), phases)


def phase_cost(lanes: Lanes, addresses: Addresses, banks: Banks) -> Phase:
    """The cost of the lanes that are served together: the most distinct words in one bank."""
    found = {word for lane in lanes for word in words(addresses[lane], banks)}
    load = [0] * banks.count
    for word in found:
        load[word % banks.count] += 1
    worst = max(load)
    least = -(-len(found) // banks.count)
    return Phase(lanes, worst, least, len(found), load.index(worst) if worst else None)


def words(address: int | None, banks: Banks) -> Iterator[int]:
    """The words that a lane touches."""
    if address is not None:
        yield from range(address // banks.bank_bytes, (address + banks.width - 1) // banks.bank_bytes + 1)


def check_addresses(addresses: Addresses, width: int, lanes: int) -> None:
    """Raises LayoutError unless there is one address a lane, none negative, all aligned to ``width`` (12 to 4)."""
    if len(addresses) != lanes:
        raise LayoutError(f"{len(addresses)} addresses for {lanes} lanes; None stands for a lane that does nothing")
    align = width & -width
    for lane, address in enumerate(addresses):
        if address is not None and (address < 0 or address % align):
            raise LayoutError(f"lane {lane} touches {width} bytes at address {address}, not a multiple of {align}")
