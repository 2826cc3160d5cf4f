"""Accesses of tiles as pictures: which lanes meet in a bank."""

from __future__ import annotations

from dataclasses import dataclass

from tilevm.layout import Layout
from tilevm.layout.picture.grid import Cell, Panel, Picture
from tilevm.target import SharedAccess, Target, shared_access
from tilevm.target.banks import Access, Banks

WORST = 5  # the colour of words that wait for others of their bank
FREE = 2


@dataclass(frozen=True)
class Told:
    """One instruction of one warp: the registers that it moves, and its cost in wavefronts against the fewest."""

    instruction: int
    warp: int
    registers: tuple[int, ...]
    wavefronts: int
    least: int


def told(found: SharedAccess) -> list[Told]:
    """Every instruction in every warp, in order."""
    return [
        Told(number, warp, registers, cost.count, cost.least)
        for number, (registers, costs) in enumerate(zip(found.instructions, found.costs, strict=True))
        for warp, cost in enumerate(costs)
    ]


def summary(found: SharedAccess, machine: Target, kind: Access) -> str:
    conflicts = "free of conflicts" if found.ways == 1 else f"{found.ways} passes in the worst phase"
    return (
        f"{kind} on {machine.name}: {len(found.instructions)} instructions of {found.width_bytes} bytes a lane, "
        f"{found.wavefronts} wavefronts, {found.least} at least: {conflicts}"
    )


def access_picture(registers: Layout, memory: Layout, bits: int, machine: Target, kind: Access) -> Picture:
    """The lines and banks that the worst phase of an access touches: a cell a word, named by the lane that asks for it.

    Words of one bank in several lines wait for each other. Raises LayoutError as ``shared_access`` does.
    """
    found = shared_access(registers, memory, bits, machine, kind)
    banks = machine.banks_for(kind, found.width_bytes)
    number, warp, phase = worst(found)
    lanes = found.costs[number][warp].phases[phase].lanes
    addresses = found.addresses[number][warp]
    words = touched(banks, [(lane, addresses[lane]) for lane in lanes])
    lines = sorted({word // banks.count for word in words})
    rows = tuple(tuple(cell(words, banks, line, bank) for bank in range(banks.count)) for line in lines)
    caption = f"instruction {number}, warp {warp}, phase {phase}: lines of {banks.count} banks, the lanes that ask"
    panel = Panel(caption, tuple(lines), tuple(range(banks.count)), rows)
    legend = "L lane; green: alone in its bank, orange: one of several words of its bank"
    return Picture(str(memory), summary(found, machine, kind), legend, (panel,))


def worst(found: SharedAccess) -> tuple[int, int, int]:
    """Instruction, warp and phase that take the most passes; the first of them."""
    places = [
        (number, warp, phase)
        for number, costs in enumerate(found.costs)
        for warp, cost in enumerate(costs)
        for phase in range(len(cost.phases))
    ]
    return max(places, key=lambda at: found.costs[at[0]][at[1]].phases[at[2]].wavefronts)


def touched(banks: Banks, asked: list[tuple[int, int]]) -> dict[int, list[int]]:
    """Word → the lanes that ask for it."""
    words: dict[int, list[int]] = {}
    for lane, address in asked:
        for word in range(address // banks.bank_bytes, (address + banks.width - 1) // banks.bank_bytes + 1):
            words.setdefault(word, []).append(lane)
    return words


def cell(words: dict[int, list[int]], banks: Banks, line: int, bank: int) -> Cell:
    """One bank in one line."""
    lanes = words.get(line * banks.count + bank, [])
    rivals = sum(word % banks.count == bank for word in words)
    if not lanes:
        return Cell((line, bank), ("", ""), 31, (f"b{bank}",), f"bank {bank}, line {line}: nobody asks")
    more = "+" if len(lanes) > 1 else ""
    ask = f"lane{'s' * (len(lanes) > 1)} {', '.join(map(str, lanes))}"
    text = f"bank {bank}, line {line}: {ask}; {rivals} word{'s' * (rivals > 1)} of this bank"
    return Cell((line, bank), (f"L{lanes[0]}{more}", f"b{bank}"), WORST if rivals > 1 else FREE, (f"b{bank}",), text)
