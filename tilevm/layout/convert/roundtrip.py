"""Conversions through shared memory, with a swizzle solved for both sides.

The index is a vector over GF(2). The elements of one wavefront of the writes span a space W, those of the reads a
space R: the bits of a vector and of the lanes served together. A linear map of the index to the offset within a line of
banks is free of conflicts when it is one-to-one on W and on R, so when its kernel meets neither. With W = I + A,
R = I + B and I what they share, the sums a + b of pairs, and whatever lies outside W + R, span such a kernel. Each
kernel vector becomes a bit that numbers lines, and flips the bits within the line that the vector names: a layout of
memory with an Xor.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from tilevm.layout.convert.memory import Banks, Service
from tilevm.layout.convert.plan import Access, Shared
from tilevm.layout.digits import Digit, Halves, merged_dims
from tilevm.layout.form import Form
from tilevm.layout.gf2 import beyond, echelon, meet, rank
from tilevm.layout.layout import Layout
from tilevm.layout.mode import MEM, REG, THREAD, Mode
from tilevm.layout.xor import Xor, ones

BARRIER = 20.0  # issue slots that a barrier and the latency of a round trip cost a warp, roughly
ISSUE = 0.5  # issue slots of an access, besides its wavefronts
WORD = 4  # bytes of a bank


@dataclass(frozen=True)
class Side:
    """What one side does with the index bits, given by number."""

    registers: tuple[int, ...]  # in the order of their slots
    lanes: tuple[tuple[int, int], ...]  # lane number and index bit
    slots: int  # registers, all of them
    warp: int  # lanes of a warp
    services: Mapping[int, Service]  # by bytes of an access
    container: int  # bits of an element in memory

    def width(self, vector: tuple[int, ...]) -> int:
        """The elements of one access, when the bits of ``vector`` lie lowest in memory."""
        count = 0
        while count < len(vector) and vector[count] in self.registers:
            count += 1
        return 1 << count

    def served(self, vector: tuple[int, ...]) -> tuple[Service, tuple[int, ...]]:
        """How its accesses are served, and the lanes of one phase that the warp has."""
        service = self.services[max(1, self.width(vector) * self.container // 8)]
        return service, tuple(lane for lane in service.lanes if lane < self.warp)

    def accesses(self, vector: tuple[int, ...]) -> int:
        """How many instructions a warp issues."""
        return self.slots // self.width(vector)

    def phases(self, vector: tuple[int, ...]) -> int:
        """How many phases all accesses of a warp have."""
        return self.accesses(vector) * (self.warp >> len(self.served(vector)[1]))

    def line(self, vector: tuple[int, ...]) -> int:
        """Bits of the offset of an element within a line of banks."""
        return (self.served(vector)[0].line * 8 // self.container).bit_length() - 1

    def wavefront(self, vector: tuple[int, ...]) -> list[int]:
        """The space in which the elements of one phase of an access differ."""
        images = [sum(1 << bit for own, bit in self.lanes if own & lane) for lane in self.served(vector)[1]]
        return echelon([1 << bit for bit in vector[: self.width(vector).bit_length() - 1]] + images)


@dataclass(frozen=True)
class Problem:
    """A conversion through memory: the bits of the index, what has no bits, and both sides."""

    rank: int
    twos: tuple[Digit, ...]
    odd: tuple[Digit, ...]
    sides: tuple[Side, Side]
    container: int  # bits of an element in memory
    widest: int  # bytes of an access


def round_trip(first: Form, second: Form, halves: Halves, lanes: int, bits: int, banks: Banks) -> Shared:
    """The cheapest round trip between two layouts whose common digits are ``halves``."""
    problem = posed(first, second, halves, lanes, bits, banks)
    best: Shared | None = None
    for bound, vector in sorted((least(problem, vector), vector) for vector in vectors(problem)):
        if best is None or bound < best.cost:
            found = offer(problem, vector)
            best = found if best is None or found.cost < best.cost else best
    assert best is not None, "no vector at all is a choice too"
    return best


def copied(first: Form, second: Form, halves: Halves, lanes: int, bits: int, banks: Banks, width: int) -> Shared:
    """The round trip in which the lowest ``width`` registers of each run of ``first`` stay neighbours in memory.

    What neighbouring lanes of ``first`` write stays in one line as far as the banks allow: an asynchronous copy asks
    for a sector of global memory once for each line that it goes to, and neighbouring lanes share sectors.
    """
    problem = posed(first, second, halves, lanes, bits, banks)
    write = problem.sides[0]
    vector = write.registers[: width.bit_length() - 1]
    order = dict.fromkeys([*vector, *(bit for _, bit in write.lanes), *range(len(problem.twos))])
    return offer(problem, vector, tuple(order))


def cost_of_round_trip(first: Form, second: Form, halves: Halves, lanes: int, bits: int, banks: Banks) -> float:
    """What a round trip costs at least: without any conflict."""
    problem = posed(first, second, halves, lanes, bits, banks)
    return min(least(problem, vector) for vector in vectors(problem))


def posed(first: Form, second: Form, halves: Halves, lanes: int, bits: int, banks: Banks) -> Problem:
    """The problem of a pair."""
    twos, odd = halves
    container = max(8, 1 << (bits - 1).bit_length())
    places = ([digit.first for digit in twos], [digit.second for digit in twos])
    write, read = (
        side(of, form.registers, lanes, services, container)
        for of, form, services in zip(places, (first, second), banks.sides(), strict=True)
    )
    return Problem(first.rank, twos, odd, (write, read), container, banks.widest)


def least(problem: Problem, vector: tuple[int, ...]) -> float:
    """What the round trip with ``vector`` lowest costs without any conflict; a bound, cheap to find."""
    total = BARRIER
    for one in problem.sides:
        total += one.phases(vector) + ISSUE * one.accesses(vector)
    return total


def side(places: list[Mode], slots: int, warp: int, services: Mapping[int, Service], container: int) -> Side:
    """One side, from where it keeps each index bit."""
    registers = sorted((mode.stride, bit) for bit, mode in enumerate(places) if mode.axis == REG)
    lanes = sorted((mode.stride, bit) for bit, mode in enumerate(places) if mode.axis == THREAD and mode.stride < warp)
    return Side(tuple(bit for _, bit in registers), tuple(lanes), slots, warp, services, container)


def vectors(problem: Problem) -> list[tuple[int, ...]]:
    """Which index bits may lie lowest in memory: register bits of both sides first, then those of either."""
    write, read = (one.registers for one in problem.sides)
    common = [bit for bit in write if bit in read]
    orders = [[*common, *(bit for bit in one if bit not in common)] for one in (write, read)]
    limit = (problem.widest * 8 // problem.container).bit_length() - 1
    found = [tuple(order[:count]) for order in orders for count in range(min(len(order), limit), -1, -1)]
    return list(dict.fromkeys(found))


def offer(problem: Problem, vector: tuple[int, ...], order: Sequence[int] = ()) -> Shared:
    """The round trip that has ``vector`` lowest in memory. ``order``: the index bits, those first that had best lie
    within a line; as they are numbered where it is empty."""
    spaces = [one.wavefront(vector) for one in problem.sides]
    rows = kernel(problem, vector, spaces)
    places, xor = placed(problem, vector, rows, spaces, order or range(len(problem.twos)))
    write, read = (
        access(problem, one, space, vector, places, xor) for one, space in zip(problem.sides, spaces, strict=True)
    )
    issued = sum(one.accesses(vector) for one in problem.sides)
    cost = write.wavefronts + read.wavefronts + ISSUE * issued + BARRIER
    return Shared(memory(problem, places, xor), problem.container, write, read, cost)


def kernel(problem: Problem, vector: tuple[int, ...], spaces: list[list[int]]) -> list[int]:
    """A space without bits of ``vector``, of as many dimensions as lines need, that meets ``spaces`` least; reduced."""
    free = sum(1 << bit for bit in range(len(problem.twos)) if bit not in vector)
    width = len(problem.twos)
    line = max(one.line(vector) for one in problem.sides)
    above = max(0, width - max(line, len(vector)))
    coordinates = [1 << bit for bit in ones(free)]
    write, read = (meet(space, coordinates, width) for space in spaces)
    shared = meet(write, read, width)
    alone = [beyond(shared, space) for space in (write, read)]
    pairs = [a ^ b for a, b in zip(*alone, strict=False)]
    outside = beyond([*write, *read], coordinates)
    chosen = [*outside, *pairs][:above]
    return echelon([*chosen, *beyond([*chosen, *shared], [*alone[0], *alone[1]]), *beyond(chosen, coordinates)][:above])


def placed(
    problem: Problem, vector: tuple[int, ...], rows: list[int], spaces: list[list[int]], order: Sequence[int]
) -> tuple[dict[int, int], Xor]:
    """Index bit → bit of the offset, and what the kernel ``rows`` flip. A row's pivot is its last bit in ``order``.

    Where one side has shorter lines than the other, the bits in which its own wavefronts differ come first.
    """
    pivots = pivoted(rows, order)
    within = [bit for bit in order if bit not in pivots and bit not in vector]
    shorter = min((0, 1), key=lambda number: problem.sides[number].line(vector))
    within.sort(key=lambda bit: not any(row >> bit & 1 for row in spaces[shorter]))
    places = {bit: place for place, bit in enumerate([*vector, *within, *sorted(pivots)])}
    flips: dict[int, int] = {}
    for pivot, row in pivots.items():
        for bit in ones(row ^ (1 << pivot)):
            flips[places[bit]] = flips.get(places[bit], 0) | 1 << places[pivot]
    return places, Xor(tuple(flips.items()))


def pivoted(rows: Iterable[int], order: Sequence[int]) -> dict[int, int]:
    """A basis of what ``rows`` span, by pivots: each is the last bit of its row in ``order``, and in no other row."""
    rank_of = {bit: place for place, bit in enumerate(order)}
    renumbered = echelon(sum(1 << rank_of[bit] for bit in ones(row)) for row in rows)
    return {order[row.bit_length() - 1]: sum(1 << order[place] for place in ones(row)) for row in renumbered}


def access(
    problem: Problem, one: Side, space: list[int], vector: tuple[int, ...], places: dict[int, int], xor: Xor
) -> Access:
    """The wavefronts of one side, exactly: in a phase, the most different words of one bank; all banks are alike."""
    width, line = one.width(vector), one.line(vector)
    offsets = [xor(sum(1 << places[bit] for bit in ones(element))) for element in space]
    word = (WORD * 8 // problem.container).bit_length() - 1 if problem.container < WORD * 8 else 0
    words = rank(offset >> word for offset in offsets)
    banks = rank((offset & ((1 << line) - 1)) >> word for offset in offsets)
    phases = one.phases(vector)
    fewest = max(1, (1 << words) * (1 << word) >> line)
    return Access(width, phases << (words - banks), phases * fewest)


def memory(problem: Problem, places: dict[int, int], xor: Xor) -> Layout:
    """The layout of memory: bits as placed, whatever is no power of two above them."""
    modes = [(problem.twos[bit], Mode(2, MEM, 1 << place)) for bit, place in places.items()]
    steps = [digit.extent for digit in problem.odd]
    for count, digit in enumerate(problem.odd):
        modes.append((digit, Mode(digit.extent, MEM, prod(steps[:count]) << len(problem.twos))))
    return Layout(merged_dims(problem.rank, modes), xor=xor)
