"""The picture of an access to shared memory: which bank serves which lane in which pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tilevm.layout import Layout, LayoutError
from tilevm.layout.picture import Cell, Key, Panel, Picture
from tilevm.layout.picture.colours import spread
from tilevm.target import Banks, Phase, SharedAccess, Target, shared_access
from tilevm.target.banks import Access, Lanes, words

CLASH = "waits: its bank serves another word first, in passes that other banks leave empty"
LARGEST = 2**20  # elements of an access, counted thread by thread
Row = tuple[str, ...]


@dataclass(frozen=True)
class Instruction:
    """One instruction of one warp: the byte address of each lane, and how the banks serve them."""

    machine: Target
    found: SharedAccess
    number: int
    warp: int
    banks: Banks

    @property
    def addresses(self) -> tuple[int, ...]:
        return self.found.addresses[self.number][self.warp]

    @property
    def registers(self) -> tuple[int, ...]:
        return self.found.instructions[self.number]


def access(
    registers: Layout, memory: Layout, machine: Target, bits: int = 16, kind: Access = "read", title: str = ""
) -> Picture:
    """A tile moved between registers and shared memory: the instruction that costs most, a panel a phase.

    Columns are banks, rows are passes: each bank serves one word a pass, so the rows beyond the fewest are lost to
    conflicts, and their cells marked. Raises LayoutError and TileError as ``shared_access`` does.
    """
    found = moved(registers, memory, machine, bits, kind)
    counts = [(cost.count, -number, -warp) for number, each in enumerate(found.costs) for warp, cost in enumerate(each)]
    _, number, warp = max(counts)
    worst = Instruction(machine, found, -number, -warp, machine.banks_for(kind, found.width_bytes))
    panels = tuple(phases(worst, registers))
    plain = f"registers {registers}", f"memory {memory}"
    marked = any(cell.marked for panel in panels for cell in panel.cells)
    shared = any(len(cell.owners) > 1 for panel in panels for cell in panel.cells)
    keys = [Key("", "T a lane; a colour is a lane" + "; T0-3 and T0+3: one word for lane 0 and three others" * shared)]
    return Picture(
        title or f"{kind}: {plain[0]}, {plain[1]}",
        (*(plain if title else ()), *facts(found, machine, bits, kind), shown(worst)),
        panels,
        (*keys, Key("#ffffff", CLASH, marked=True)) if marked else tuple(keys),
    )


def named(one: str, other: str, kind: Access = "read") -> str:
    """The title of an access between two layouts, as their user wrote them."""
    return f"{kind}: {' '.join(one.split())} with {' '.join(other.split())}"


def moved(registers: Layout, memory: Layout, machine: Target, bits: int, kind: Access) -> SharedAccess:
    if bits < 1:
        raise LayoutError(f"elements of {bits} bits: they have 1 or more")
    held = registers.threads * registers.registers
    if held > LARGEST:
        raise LayoutError(f"an access of {held} elements is not enumerated, {LARGEST} at most: draw a part of the tile")
    return shared_access(registers, memory, bits, machine, kind)


def facts(found: SharedAccess, machine: Target, bits: int, kind: Access) -> tuple[str, ...]:
    """Vectors, instructions and wavefronts in words."""
    counted, warps = len(found.instructions), len(found.addresses[0])
    ways = "free of conflicts" if found.ways == 1 else f"up to {found.ways}-way conflicts"
    plural = "s" * (found.width != 1)
    return (
        f"a {kind} on {machine.name}: {found.width} element{plural} of {bits} bits a lane, {found.width_bytes} bytes",
        f"{counted} instruction{'s' * (counted != 1)}{f' in each of {warps} warps' if warps > 1 else ''}",
        f"{against(found.wavefronts, found.least)}: {ways}",
    )


def shown(one: Instruction) -> str:
    cost = one.found.costs[one.number][one.warp]
    return f"drawn: instruction {one.number} of warp {one.warp}, {against(cost.count, cost.least)}"


def against(count: int, least: int) -> str:
    """A number of wavefronts beside the fewest."""
    told = f"{count} wavefront{'s' * (count != 1)}"
    return f"{told}, as few as can be" if count == least else f"{told} where {least} would do"


def phases(one: Instruction, registers: Layout) -> Iterator[Panel]:
    cost = one.found.costs[one.number][one.warp]
    for number, phase in enumerate(cost.phases):
        if phase.words:
            passes = "pass" if phase.wavefronts == 1 else "passes"
            title = f"phase {number}, lanes {runs(phase.lanes)}: {phase.wavefronts} {passes}, fewest {phase.least}"
            rows = tuple(map(str, range(phase.wavefronts)))
            cells = tuple(served(one, phase, registers))
            columns = tuple(str(bank) for bank in range(one.banks.count))
            yield Panel(title, rows, columns, cells, "pass")


def served(one: Instruction, phase: Phase, registers: Layout) -> Iterator[Cell]:
    """A cell for each word that a phase touches: in the column of its bank, in the pass in which it has its turn."""
    lanes_of: dict[int, list[int]] = {}
    for lane in phase.lanes:
        for word in words(one.addresses[lane], one.banks):
            lanes_of.setdefault(word, []).append(lane)
    turns = [0] * one.banks.count
    for word, lanes in sorted(lanes_of.items()):
        bank = word % one.banks.count
        turn = turns[bank]
        turns[bank] += 1
        held = "; ".join(element(one, registers, lane) for lane in lanes[:4]) + ("; …" if len(lanes) > 4 else "")
        who = f"lane{'s' * (len(lanes) > 1)} {runs(lanes)}"
        told = f"{who}, bank {bank}, pass {turn}, byte {word * one.banks.bank_bytes}: {held}"
        owners = tuple(f"lane{lane}" for lane in lanes)
        label = f"T{runs(lanes)}" if len(lanes) < 2 or together(lanes) else f"T{lanes[0]}+{len(lanes) - 1}"
        yield Cell(turn, bank, (label,), spread(lanes[0]), owners, told, turn >= phase.least)


def element(one: Instruction, registers: Layout, lane: int) -> str:
    """What a lane's vector holds first."""
    thread = one.warp * one.machine.lanes + lane
    index = registers.index_at(thread, one.registers[0])
    assert index is not None, "the thread and the register are of the layout"
    more = f" and {len(one.registers) - 1} more" if len(one.registers) > 1 else ""
    return f"lane {lane} has [{', '.join(map(str, index))}]{more}"


def together(lanes: Sequence[int]) -> bool:
    return lanes[-1] - lanes[0] == len(lanes) - 1


def runs(lanes: Lanes | Sequence[int]) -> str:
    """Numbers, ascending, with neighbours as ``0-3``."""
    found: list[list[int]] = []
    for lane in sorted(lanes):
        if found and lane == found[-1][-1] + 1:
            found[-1].append(lane)
        else:
            found.append([lane])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in found)


def cost_table(found: SharedAccess) -> list[Row]:
    """A row for each run of instructions that cost alike: numbers; registers of the first one's vector,
    in order of memory; wavefronts of each in all warps, the fewest, and ways of the worst."""
    alike: dict[tuple[int, int, int], list[int]] = {}
    for number, costs in enumerate(found.costs):
        worst = max(costs, key=lambda cost: cost.count)
        alike.setdefault((sum(c.count for c in costs), sum(c.least for c in costs), worst.ways), []).append(number)
    return [(runs(numbers), vector(found, numbers[0]), *map(str, cost)) for cost, numbers in alike.items()]


def vector(found: SharedAccess, number: int) -> str:
    held = found.instructions[number]
    return f"R{runs(held)}" if sorted(held) == list(held) else ", ".join(f"R{slot}" for slot in held)
