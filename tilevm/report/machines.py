"""The records of machines in words: limits, banks, copies, and the parts of the document on them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from tilevm.report import atoms
from tilevm.target import TARGETS, Banks, Target, target

KIB = 1024
Row = tuple[str, ...]

LIMITS: Mapping[str, Callable[[Target], object]] = {
    "card": lambda t: t.card,
    "generation": lambda t: t.generation,
    "lowest version of PTX": lambda t: "" if t.since is None else f"{t.since[0]}.{t.since[1]}",
    "processors (SM, CU)": lambda t: t.processors,
    "parts with an L2 of their own": lambda t: t.dies,
    "lanes of a warp": lambda t: t.lanes,
    "threads of a block": lambda t: t.limits.threads_per_block,
    "threads on a processor": lambda t: t.limits.threads_per_processor,
    "blocks on a processor": lambda t: t.limits.blocks_per_processor,
    "blocks of a cluster": lambda t: t.limits.cluster_blocks,
    "registers of a thread": lambda t: t.limits.registers_per_thread,
    "registers of a processor": lambda t: t.limits.registers_per_processor,
    "registers traded at run time": lambda t: traded(t.limits.register_trade),
    "shared memory of a block": lambda t: size(t.limits.shared_per_block),
    "of it without asking": lambda t: size(t.limits.shared_static),
    "shared memory of a processor": lambda t: size(t.limits.shared_per_processor),
    "of it kept for each block": lambda t: size(t.limits.shared_reserved),
    "tensor memory of a processor": lambda t: size(t.limits.tensor_memory),
    "barriers by number": lambda t: t.limits.barriers or "",
    "bytes of a line, of a sector": lambda t: f"{t.memory.line_bytes}, {t.memory.sector_bytes}",
}


def traded(trade: tuple[int, int, int] | None) -> str:
    return "" if trade is None else f"{trade[0]} to {trade[1]} by {trade[2]}"


def size(count: int) -> str:
    return f"{count // KIB} KiB" if count else ""


def markdown(head: Row, rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ("---",) * len(head), *rows))


def limits(names: Sequence[str] = TARGETS) -> list[Row]:
    """A row a limit: its name, and its value on each machine."""
    return [(what, *(str(fact(target(name))) for name in names)) for what, fact in LIMITS.items()]


def banks(machine: Target) -> list[Row]:
    """A row a kind of access: its bytes a lane, banks, phases, who says so. Widths that are served alike share one."""
    rows: dict[Row, list[str]] = {}
    for b in machine.banks:
        rows.setdefault((b.access, str(b.count) if b.phases else "", phases(b), b.source), []).append(str(b.width))
    return [(f"{access} of {', '.join(widths)}", *rest) for (access, *rest), widths in rows.items()]


def phases(banks: Banks) -> str:
    """The lanes of each phase; where they are runs of equal length, that length."""
    if banks.phases is None:
        return "not known"
    length = len(banks.phases[0])
    if banks.phases == tuple(tuple(range(n * length, (n + 1) * length)) for n in range(len(banks.phases))):
        return f"{len(banks.phases)} of {length} lanes" if len(banks.phases) > 1 else "all lanes"
    return " · ".join(spans(phase) for phase in banks.phases)


def spans(lanes: Iterable[int]) -> str:
    """Sorted numbers, runs of them as ``first-last``."""
    runs: list[list[int]] = []
    for lane in sorted(lanes):
        if runs and runs[-1][-1] == lane - 1:
            runs[-1].append(lane)
        else:
            runs.append([lane])
    return " ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


def copies(machine: Target) -> Iterator[Row]:
    """A row a way to move data: name, from, to, how much, how the end is known."""
    for copy in machine.copies:
        widths = ", ".join(map(str, copy.widths))
        yield copy.name, copy.source, copy.destination, f"{widths} a lane", copy.wait
    for matrix in machine.matrix_copies:
        yield matrix.name, matrix.source, matrix.destination, f"{128 * matrix.count} a warp", "use"
    for bulk in machine.bulk_copies:
        shape = "a run of bytes" if bulk.box is None else f"a box of {bulk.box.ranks[0]} to {bulk.box.ranks[-1]} dims"
        yield bulk.name, bulk.source, bulk.destination, shape, bulk.wait


def limits_part() -> str:
    return markdown(("", *(f"`{name}`" for name in TARGETS)), limits())


def banks_part() -> str:
    """Accesses of all machines; those with equal rows share one."""
    rows: dict[Row, list[str]] = {}
    for name in TARGETS:
        for row in banks(target(name)):
            rows.setdefault(row, []).append(name)
    head = ("access, by bytes a lane", "banks", "lanes served together", "who says so", "machines")
    return markdown(head, ((*row, ", ".join(names)) for row, names in rows.items()))


def copies_part() -> str:
    rows: dict[Row, list[str]] = {}
    for name in TARGETS:
        for row in copies(target(name)):
            rows.setdefault(row, []).append(name)
    head = ("copy", "from", "to", "bytes", "waited for by", "machines")
    return markdown(head, ((f"`{row[0]}`", *row[1:], ", ".join(names)) for row, names in rows.items()))


def atoms_part() -> str:
    return markdown(atoms.HEAD, atoms.atoms())
