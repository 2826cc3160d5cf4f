"""Figures as Markdown: a table of every case, and one by families for the README."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tilevm.bench.gpu.case import HOST, OURS
from tilevm.bench.gpu.results import RIGHT, Results

PART = "gpu figures"  # of the README, between markers
DRY = "A dry run on the CPU: sizes are tiny, and the figures tell only that the cases run."
Row = Mapping[str, Any]


def report(found: Results) -> str:
    """All that a run found out."""
    parts = [heading(found), cases(found)]
    lost = [{"case": r["case"], "message": f"{n}: {why}"} for r in found.rows for n, why in r["lost"].items()]
    parts += listed("Failed", found.failed, "message") + listed("Peers that failed", lost, "message")
    parts += listed("Left out", found.left_out, "reason")
    return "\n\n".join(parts)


def by_family(found: Results) -> str:
    """A line a family, for the README: the largest rate, and the ratios of the least and the best case."""
    peers, ceilings = peers_of(found), found.ceilings()
    families: dict[str, list[Row]] = {}
    for row in found.rows:
        if OURS in row["rivals"] and not row["ceiling"]:
            families.setdefault(row["family"], []).append(row)
    heads = ["family", "cases", "best of ours", "of the ceiling", *(f"{peer} / ours" for peer in peers)]
    lines = []
    for family, rows in families.items():
        top = best(rows)
        ratios = (between([ratio for row in rows if (ratio := median(row, peer)) is not None]) for peer in peers)
        lines.append([family, str(len(rows)), rate(top, OURS), share(top, ceilings), *ratios])
    return f"{heading(found)}\n\n{table(heads, lines)}"


def best(rows: Sequence[Row]) -> Row:
    """The row with ours' largest rate; with the least time where the unit is one of time."""

    def order(row: Row) -> float:
        value: float = row["rivals"][OURS]["rate"]["median"]
        return -value if row["unit"] == HOST else value

    return max(rows, key=order)


def heading(found: Results) -> str:
    """The machine in a few lines."""
    m = found.machine
    device, versions = m["device"], m["versions"]
    told = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    lines = [f"{device['name']}; {told}; commit {m['commit'] or 'unknown'}; {m['date']}; {found.seconds:.0f} s."]
    if device["dry"]:
        return "\n".join([DRY, *lines])
    state = "; ".join(words.format(device[key]) for key, words in STATE if device.get(key))
    return "\n".join([*lines, f"{state}." if state else "nvidia-smi was not there to tell driver and clocks."])


STATE = (
    ("driver", "Driver {}"),
    ("clock_mhz", "{} MHz at the start"),
    ("most_clock_mhz", "{} MHz at most"),
    ("memory_clock_mhz", "memory at {} MHz"),
    ("power_limit_w", "{} W at most"),
    ("temperature_c", "{} °C"),
)


def cases(found: Results) -> str:
    """A line a case. Ratios are peer time / lead time, medians of pairs, with their quartiles."""
    peers, ceilings = peers_of(found), found.ceilings()
    heads = ["case", "ours", "of the ceiling", *(f"{peer} / ours" for peer in peers)]
    return table(heads, [[*cells(row, ceilings), *(ratio(row, peer) for peer in peers)] for row in found.rows])


def cells(row: Row, ceilings: Mapping[str, float]) -> Iterator[str]:
    lead = row["lead"]
    yield row["case"] + (" (ceiling)" if row["ceiling"] else "")
    yield rate(row, lead) + (f" by {lead}" if lead != OURS else "")
    yield share(row, ceilings)


def rate(row: Row, name: str) -> str:
    """A rival's rate in its unit; marked where what it computed is wrong."""
    rival = row["rivals"][name]
    value = rival["rate"]["median"]
    digits = f"{value:.3g}" if value < 1000 else f"{value:.0f}"
    return f"{digits} {row['unit']}{'' if rival['verdict'] == RIGHT else ' **wrong**'}"


def share(row: Row, ceilings: Mapping[str, float]) -> str:
    ceiling = ceilings.get(row["unit"])
    return "-" if ceiling is None else f"{row['rivals'][row['lead']]['rate']['median'] / ceiling:.0%}"


def median(row: Row, peer: str) -> float | None:
    rival = row["rivals"].get(peer)
    found: float | None = rival["ratio"]["median"] if rival and rival["ratio"] else None
    return found


def ratio(row: Row, peer: str) -> str:
    rival = row["rivals"].get(peer)
    if not rival or not rival["ratio"]:
        return "-"
    r, mark = rival["ratio"], "" if rival["verdict"] == RIGHT else " (inexact)"
    return f"{r['median']:.2f} [{r['low']:.2f}, {r['high']:.2f}]{mark}"


def between(ratios: Sequence[float]) -> str:
    if not ratios:
        return "-"
    least, most = f"{min(ratios):.2f}", f"{max(ratios):.2f}"
    return least if least == most else f"{least} … {most}"


def peers_of(found: Results) -> list[str]:
    """The peers in the order in which they come; ours is one of a ceiling only, and has no column."""
    names = dict.fromkeys(name for row in found.rows for name in row["rivals"] if name != row["lead"])
    return [name for name in names if name != OURS]


def listed(title: str, entries: Iterable[Mapping[str, str]], key: str) -> list[str]:
    lines = [f"- {entry['case']}: {entry[key]}" for entry in entries]
    return ["\n".join([f"{title}:", "", *lines])] if lines else []


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
