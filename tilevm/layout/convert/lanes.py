"""Conversions within warps: which lane each register comes from, round by round.

Index bits that change place make the problem; all others stay where they are. A bit that moves from a lane to a
register meets one that moves from a register to a lane: in round k a thread fills the register whose bits are k, those
of the partners added. Then a lane offers one register a round, and no two lanes need different ones of the same lane.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod

from tilevm.layout.convert.plan import Affine, Lanes, Registers, Round, combinations
from tilevm.layout.digits import Digit, Digits, Halves
from tilevm.layout.mode import REG, THREAD, Mode


@dataclass
class Puzzle:
    """Who moves where, in bit numbers: of the thread under either layout, and of the registers that change."""

    width: int  # bits of a lane number
    lane_of_lane: dict[int, int] = field(default_factory=dict)  # source lane bit → thread bit of the destination
    lane_of_put: dict[int, int] = field(default_factory=dict)  # source lane bit → bit of the register that is filled
    send_of_lane: dict[int, int] = field(default_factory=dict)  # bit of the register offered → thread bit
    send_strides: list[int] = field(default_factory=list)
    put_strides: list[int] = field(default_factory=list)
    kept: list[tuple[int, int, int]] = field(default_factory=list)  # extent, slots before and after

    def free(self) -> list[int]:
        """Source lane bits that no index bit decides: replicas, which may be read anywhere."""
        return [bit for bit in range(self.width) if bit not in self.lane_of_lane and bit not in self.lane_of_put]


def renaming(digits: Digits, registers: int) -> Registers | None:
    """The conversion that stays in each thread and moves the same registers in all; None where there is none."""
    if any(digit.first != digit.second for digit in digits if REG not in (digit.first.axis, digit.second.axis)):
        return None
    if any(digit.first.axis != digit.second.axis for digit in digits):
        return None
    kept = [(digit.extent, digit.first.stride, digit.second.stride) for digit in digits if digit.first.axis == REG]
    sources = {put: send for send, put in combinations(kept)}
    return Registers(tuple(sources[register] for register in range(registers)))


def within_warps(halves: Halves, threads: int, lanes: int, bits: int) -> Lanes | None:
    """Rounds of shuffles; None where an element changes warp, or a lane would have to offer two registers at once."""
    found = solution(halves, lanes)
    if found is None:
        return None
    puzzle, partners = found
    width = max(puzzle.width, (threads - 1).bit_length())
    rounds = tuple(solved(puzzle, partners, k, width) for k in range(1 << len(puzzle.put_strides)))
    cost = effort(puzzle, partners, bits)
    return Lanes(rounds, tuple(puzzle.send_strides), tuple(puzzle.put_strides), combinations(puzzle.kept), cost)


def cost_within_warps(halves: Halves, lanes: int, bits: int) -> float | None:
    """What ``within_warps`` costs, without writing it out."""
    found = solution(halves, lanes)
    return None if found is None else effort(*found, bits)


def solution(halves: Halves, lanes: int) -> tuple[Puzzle, dict[int, int]] | None:
    puzzle = posed(halves, lanes)
    partners = paired(puzzle) if puzzle is not None else None
    return None if puzzle is None or partners is None else (puzzle, partners)


def posed(halves: Halves, lanes: int) -> Puzzle | None:
    """The bits that move; None where one leaves its warp or is no bit."""
    puzzle = Puzzle(lanes.bit_length() - 1)
    twos, odd = halves
    for digit in odd:
        if digit.first.axis == digit.second.axis == REG:
            puzzle.kept.append((digit.extent, digit.first.stride, digit.second.stride))
        elif digit.first != digit.second:
            return None
    return puzzle if all(pose(puzzle, digit, lanes) for digit in twos) else None


def pose(puzzle: Puzzle, digit: Digit, lanes: int) -> bool:
    """Enter one bit of the index; False where no shuffle within a warp can move it."""
    first, second = digit.first, digit.second
    if THREAD in (first.axis, second.axis) and first != second and not all(map(is_bit, (first, second))):
        return False
    if first.axis == THREAD and first.stride >= lanes:
        return first == second
    if first.axis == second.axis == REG:
        puzzle.kept.append((2, first.stride, second.stride))
    elif first.axis == REG:
        puzzle.send_of_lane[len(puzzle.send_strides)] = log2(second.stride)
        puzzle.send_strides.append(first.stride)
    elif second.axis == REG:
        puzzle.lane_of_put[log2(first.stride)] = len(puzzle.put_strides)
        puzzle.put_strides.append(second.stride)
    else:
        puzzle.lane_of_lane[log2(first.stride)] = log2(second.stride)
    return True


def is_bit(mode: Mode) -> bool:
    return mode.axis != THREAD or mode.stride & (mode.stride - 1) == 0


def log2(power: int) -> int:
    return power.bit_length() - 1


def paired(puzzle: Puzzle) -> dict[int, int] | None:
    """For each lane bit that comes from a register, a source lane bit to tell it by; None where they do not suffice.

    The bit itself is preferred, as then a thread has the value from itself in some round.
    """
    asking = [bit for bit in puzzle.send_of_lane.values() if bit < puzzle.width]
    offered = [*puzzle.lane_of_put, *puzzle.free()]
    found = {bit: bit for bit in asking if bit in offered}
    for bit in asking:
        if bit not in found:
            unused = [other for other in offered if other not in found.values()]
            if not unused:
                return None
            found[bit] = unused[0]
    return found


def solved(puzzle: Puzzle, partners: dict[int, int], k: int, width: int) -> Round:
    """Round ``k``."""
    source, send, put = [0] * width, [0] * width, [0] * width
    base, offered = 0, 0
    told = {via: bit for bit, via in partners.items()}  # source lane bit → thread bit that it tells
    for via, bit in puzzle.lane_of_lane.items():
        source[bit] |= 1 << via
    for via in puzzle.free():
        source[told.get(via, via)] |= 1 << via
    for via, register in puzzle.lane_of_put.items():
        base |= (k >> register & 1) << via
        if via in told:
            source[told[via]] |= 1 << via
            put[told[via]] |= 1 << register
    for bit in range(puzzle.width, width):
        source[bit] |= 1 << bit
    for register, bit in puzzle.send_of_lane.items():
        via = partners.get(bit, bit)
        send[via] |= 1 << register
        if via in puzzle.lane_of_put and bit in partners:
            offered |= (k >> puzzle.lane_of_put[via] & 1) << register
    return Round(Affine(tuple(source), base), Affine(tuple(send), offered), Affine(tuple(put), k))


def effort(puzzle: Puzzle, partners: dict[int, int], bits: int) -> float:
    """Issue slots of a warp: one for a shuffle, one for each choice among registers.

    Only the first round can have every value from its own lane.
    """
    stays = not puzzle.lane_of_put or all(partners.get(via) == via for via in puzzle.lane_of_put)
    stays = stays and all(via == bit for via, bit in puzzle.lane_of_lane.items())
    stays = stays and all(via == bit for bit, via in partners.items())
    rounds = 1 << len(puzzle.put_strides)
    told = sum(via in puzzle.lane_of_put for via in partners.values())
    choices = (1 << len(puzzle.send_of_lane)) - 1 + (1 << told) - 1
    copies = prod(extent for extent, _, _ in puzzle.kept)
    return (rounds - stays + rounds * choices) * copies * words(puzzle.kept, bits)


def words(kept: list[tuple[int, int, int]], bits: int) -> float:
    """Registers of 32 bits that move for each element: fewer than one where neighbours stay neighbours."""
    packed = 1
    while packed * bits < 32 and (2, packed, packed) in kept:
        packed *= 2
    return max(1, -(-bits // 32)) / packed
