"""Figures of a benchmark: rows, the machine they were taken on, and how they are shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from rich.table import Table

from tilevm.bench.cases import OURS, PEERS, Case
from tilevm.bench.measure import Timing


@dataclass
class Results:
    """Figures of a run. ``machine`` has the version of each peer, None for one that is not installed."""

    machine: dict[str, Any]
    rows: list[dict[str, Any]] = field(default_factory=list)

    def table(self) -> Table:
        table = Table("case", "ours", "of peak", *(f"{peer} / ours" for peer in PEERS), "error")
        for row in self.rows:
            ratios = (self.ratio(row, peer) for peer in PEERS)
            share = f"{row['of_peak']:.0%}" if row["of_peak"] else "-"
            table.add_row(row["case"], f"{row['rate']:.1f} {row['unit']}", share, *ratios, f"{row['error']:.1e}")
        return table

    def tables(self) -> Iterator[Table]:
        yield self.table()

    def ratio(self, row: dict[str, Any], peer: str) -> str:
        if peer in row["ratio"]:
            return f"{row['ratio'][peer]:.2f}x"
        return "-" if self.machine[peer] else "not installed"

    def summary(self) -> str:
        m = self.machine
        compiled = ", ".join(f"{name} {ms:.1f} ms" for name, ms in m["compile_ms"].items())
        turn = m["beside_torch"]
        beside = f"; in turn with torch {turn:.2f}x the time of each alone" if turn else ""
        return (
            f"{m['processor']}, {m['threads']} threads; FMA peak {m['fma_peak']:.0f} GFLOP/s, "
            f"copy {m['copy']:.1f} GB/s; import {m['import_ms']:.0f} ms; compiled: {compiled}{beside}"
        )

    def data(self) -> dict[str, Any]:
        return {"machine": self.machine, "rows": self.rows}


def row(case: Case, times: dict[str, Timing], machine: dict[str, Any]) -> dict[str, Any]:
    """A case's figures; ratios are peer time / our time, of medians."""
    ours = times[OURS]
    rate = case.work / ours.median / 1e9
    peak = machine["fma_peak"] if case.unit == "GFLOP/s" else machine["copy"]
    return {
        "case": case.name,
        "rate": rate,
        "unit": case.unit,
        "of_peak": rate / peak,
        "ratio": {n: t.median / ours.median for n, t in times.items() if n != OURS},
        "seconds": {n: t.median for n, t in times.items()},
        "error": case.error(),
    }
