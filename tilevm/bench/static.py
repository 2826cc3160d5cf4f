"""The code that is made for a GPU, without one: registers, what stands in main loops, and what compiling costs.

Beside Triton's on as large tiles, assembled by the same program, where Triton is installed.
"""

from __future__ import annotations

import json
import os
import pkgutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from ml_dtypes import bfloat16
from rich.table import Table

from tilevm.bench import code, kernels
from tilevm.bench.conflicts import conflicts, main_loop
from tilevm.library.attention import attention
from tilevm.optional import optional
from tilevm.passes.threads.place import shared_bytes
from tilevm.runtime.compiled import Compiled
from tilevm.source import TileError
from tilevm.target import occupancy, target
from tilevm.text import read_func

MACHINE = "sm_80"
ROUNDS = 5  # processes of each side, in turn
PEER = Path(__file__).parents[2] / "benchmarks" / "triton_kernels.py"


@dataclass(frozen=True)
class Problem:
    """A kernel and its tiles. ``peer``: Triton's kernel, and its constants where they are called otherwise."""

    name: str
    compile: Callable[[int], Compiled]
    peer: str
    tiles: Mapping[str, int]
    stages: int
    warps: tuple[int, ...]  # counts of which the better is taken; those that the tiles have registers for
    share: float | None  # the least part of the main loop that products are to be; as much as Triton's where None


def matrix(*tiles: int, warps: tuple[int, ...]) -> Problem:
    """bf16 on matrices of 4096 x 4096: extents that 16 divides, rows that are aligned."""
    sizes = dict(zip(("BM", "BN", "BK"), tiles, strict=True))

    def compile(warps: int) -> Compiled:
        x = np.empty((4096, 4096), bfloat16)
        return kernels.matmul.compile(x, x, x, **sizes, stages=3, target=MACHINE, num_warps=warps)

    return Problem(f"matmul bf16 {'x'.join(map(str, tiles))}", compile, "matmul", {**sizes, "GROUP": 8}, 3, warps, 0.5)


def flash(rows: int, keys: int, depth: int) -> Problem:
    """Causal attention in bf16."""

    def compile(warps: int) -> Compiled:
        x = np.empty((4, 32, 4096, depth), bfloat16)
        sizes = {"BM": rows, "BN": keys, "D": depth}
        return attention.compile(x, x, x, x, 0.1, **sizes, causal=True, target=MACHINE, num_warps=warps)

    tiles = {"BM": rows, "BN": keys, "D": depth, "CAUSAL": 1}
    return Problem(f"attention bf16 {rows}x{keys}x{depth}", compile, "attention", tiles, 2, (4, 8), None)


PROBLEMS = (matrix(128, 128, 32, warps=(4, 8)), matrix(128, 256, 64, warps=(8,)), flash(128, 64, 128))


@dataclass
class Static:
    """Figures of a run: a row a problem; a side holds what :func:`measured` tells, for the better count of warps."""

    machine: dict[str, Any]
    rows: list[dict[str, Any]] = field(default_factory=list)

    def tables(self) -> Iterator[Table]:
        yield self.codes()
        yield self.times()

    def codes(self) -> Table:
        heads = ("warps", "regs", "spill", "shared", "blocks", "loop", "mma", "share", "wide", "clash")
        table = Table("code of", *heads)
        for column in table.columns:
            column.no_wrap = True
        for row in self.rows:
            for side in ("ours", "triton"):
                if row[side]:
                    table.add_row(f"{row['case']}: {side}", *cells(row[side]))
        return table

    def times(self) -> Table:
        table = Table("cold compile", "ours ms", "before assembling", "triton ms", "ratio", "first, ours / triton ms")
        for row in self.rows:
            if cold := row["cold"]:
                ours, theirs = cold["ours"], cold["triton"]
                ratio = f"{ours['again'] / theirs['again']:.2f}" if theirs else "-"
                peer, first = (f"{theirs['again']:.0f}", f"{theirs['first']:.0f}") if theirs else ("-", "-")
                part = f"{ours['front'] / ours['again']:.0%}"
                table.add_row(row["case"], f"{ours['again']:.0f}", part, peer, ratio, f"{ours['first']:.0f} / {first}")
        return table

    def summary(self) -> str:
        missed = [f"{row['case']}: {name}" for row in self.rows for name, held in row["gates"].items() if not held]
        m = self.machine
        return f"{m['target']}, ptxas {m['ptxas']}, triton {m['triton']}; missed: {'; '.join(missed) or 'nothing'}"

    def data(self) -> dict[str, Any]:
        return {"machine": self.machine, "rows": self.rows}


def cells(side: Mapping[str, Any]) -> Iterator[str]:
    """A side's figures: of machine code where it could be listed, else of PTX."""
    held, resources = listing(side), side["resources"]
    yield str(side["warps"])
    yield str(resources["registers"])
    yield str(resources["spill_stores"] + resources["spill_loads"])
    yield str(resources["shared"])
    yield str(resources["occupancy"])
    yield str(held["loop"]["all"])
    yield str(held["loop"]["mma"])
    yield f"{held['mma_share']:.3f}"
    yield "yes" if wide(held) else f"no: {held['widths']}"
    yield "-" if side["conflicts"] is None else str(side["conflicts"])


def listing(side: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = side["sass"] or side["ptx"]
    return found


def wide(held: Mapping[str, Any]) -> bool:
    """Whether every access of the main loop moves 16 bytes a thread."""
    return all(set(widths) <= {"16"} for widths in held["widths"].values())


def bench_static(rounds: int = ROUNDS, only: str = "") -> Static:
    """The problems whose names hold ``only``; compile times of ``rounds`` processes of each side, none for 0.

    Raises TileError where there is no assembler of PTX.
    """
    triton = optional("triton")
    found = Static(
        {
            "target": MACHINE,
            "ptxas": called("release")(),
            "triton": triton.__version__ if triton is not None and PEER.is_file() else "not installed",
            "date": time.strftime("%Y-%m-%d"),
        }
    )
    for problem in PROBLEMS:
        if only in problem.name:
            found.rows.append(row(problem, triton is not None and PEER.is_file(), rounds))
    return found


def called(name: str) -> Any:
    """A function of the module that assembles PTX."""
    return pkgutil.resolve_name(f"tilevm.backends.ptx.assemble:{name}")


def row(problem: Problem, peer: bool, rounds: int) -> dict[str, Any]:
    ours = best([measured_ours(problem, warps) for warps in problem.warps])
    theirs = best([measured_peer(problem, warps) for warps in problem.warps]) if peer else None
    cold = times(problem, ours["warps"], theirs["warps"] if theirs else None, rounds) if rounds else None
    return {
        "case": problem.name,
        "ours": ours,
        "triton": theirs,
        "cold": cold,
        "gates": gates(problem, ours, theirs, cold),
    }


def best(sides: list[dict[str, Any]]) -> dict[str, Any]:
    """The side that spills least, and of those alike the one with the most products in its main loop."""

    def order(side: dict[str, Any]) -> tuple[int, float]:
        spilled: int = side["resources"]["spill_stores"] + side["resources"]["spill_loads"]
        return spilled, -listing(side)["mma_share"]

    return min(sides, key=order)


def measured_ours(problem: Problem, warps: int) -> dict[str, Any]:
    compiled = problem.compile(warps)
    func = read_func(compiled.stages["thread"])
    cost = [served.passes - served.least for served in conflicts(func, main_loop(func))]
    return measured(compiled.stages["ptx"], warps, shared_bytes(func), sum(cost))


def measured_peer(problem: Problem, warps: int) -> dict[str, Any]:
    found = from_peer(problem, warps)
    return measured(found["ptx"], warps, found["shared"], None)


def measured(text: str, warps: int, shared: int, cost: int | None) -> dict[str, Any]:
    """What a text of PTX becomes. ``conflicts``: passes over the banks beyond the fewest, in the main loop."""
    made, machine = called("assemble")(text, MACHINE), target(MACHINE)
    lines = code.disassembled(made.cubin)
    counts = {name: made.counts[name] for name in ("registers", "spill_stores", "spill_loads")}
    held = occupancy(machine, warps * machine.lanes, counts["registers"], shared)
    return {
        "warps": warps,
        "resources": {**counts, "shared": shared, "occupancy": held},
        "ptx": code.ptx(text).data(),
        "sass": None if lines is None else code.sass(lines).data(),
        "conflicts": cost,
    }


def gates(
    problem: Problem, ours: Mapping[str, Any], theirs: Mapping[str, Any] | None, cold: Mapping[str, Any] | None
) -> dict[str, bool]:
    """What is wished for, and whether it holds."""
    held, share = listing(ours), problem.share
    if share is None and theirs is not None:
        share = listing(theirs)["mma_share"]
    found = {
        "no spills": not ours["resources"]["spill_stores"] and not ours["resources"]["spill_loads"],
        "accesses of 16 bytes": wide(held),
        "no conflicts": ours["conflicts"] == 0,
    }
    if share is not None:
        found[f"products are {share:.2f} of the loop"] = held["mma_share"] >= share
    if cold and cold["triton"]:
        found["compiles in 0.6 of triton's time"] = cold["ours"]["again"] <= 0.6 * cold["triton"]["again"]
    return found


# what compiling costs -----------------------------------------------------------------------------------------


def times(problem: Problem, warps: int, theirs: int | None, rounds: int) -> dict[str, Any]:
    """Milliseconds from Python to machine code in fresh processes, which take turns: of the first compilation there,
    and of one more with nothing kept; the least of all. ``front``: of the latter, what comes before the assembler."""
    own: list[Mapping[str, float]] = []
    peer: list[Mapping[str, float]] = []
    for _ in range(rounds):
        own.append(from_us(problem, warps))
        if theirs is not None:
            first, again = from_peer(problem, theirs)["ms"]
            peer.append({"first": first, "again": again})
    return {"ours": least(own), "triton": least(peer) if peer else None}


def least(runs: list[Mapping[str, float]]) -> dict[str, float]:
    """The least of each time, and the median of the last compilation as well."""
    found = {name: min(run[name] for run in runs) for name in runs[0]}
    return {**found, "median": statistics.median(run["again"] for run in runs)}


def from_us(problem: Problem, warps: int) -> Mapping[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "tilevm.bench.cold", problem.name, str(warps)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "TILEVM_CACHE": "0"},
    )
    found: Mapping[str, float] = json.loads(done.stdout)
    return found


def from_peer(problem: Problem, warps: int) -> Mapping[str, Any]:
    """PTX, shared memory and times of Triton's kernel, which ours' assembler assembles. Raises TileError where it
    fails."""
    words = [f"{name}={value}" for name, value in problem.tiles.items()]
    env = {**os.environ, "TRITON_DEFAULT_FP_FUSION": "1", "TRITON_PTXAS_PATH": str(called("assembler")() or "")}
    command = [sys.executable, str(PEER), problem.peer, str(warps), str(problem.stages), *words]
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    if done.returncode:
        raise TileError(f"triton fails on {problem.name}: {done.stderr.strip().splitlines()[-1]}")
    found: Mapping[str, Any] = json.loads(done.stdout)
    return found
