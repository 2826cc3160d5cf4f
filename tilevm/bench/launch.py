"""What a launch costs the host, on any machine: ours and others' against a driver that does nothing."""

from __future__ import annotations

import json
import os
import pkgutil
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from tilevm.bench.launches import DRIVER, EMPTY
from tilevm.optional import require
from tilevm.source import TileError
from tilevm.version import installed

ROUNDS, CALLS = 15, 20000
FOLDER = Path(__file__).parents[2] / "benchmarks"
FLOOR = 500.0  # nanoseconds above the driver's call that a prepared launch may cost


@dataclass
class Launches:
    """Figures of a run: nanoseconds a call of each way, with the empty call of Python that was timed around it."""

    machine: dict[str, Any]
    rows: list[dict[str, Any]] = field(default_factory=list)

    def tables(self) -> Iterator[Table]:
        table = Table("launch of 4 tensors and 4 numbers", "median ns", "least", "above the driver", "of ours")
        ours = next((r for r in self.rows if r["way"] == self.machine["ours"]), None)
        for row in self.rows:
            above = row["above"]
            times = f"{above / ours['above']:.1f}x" if ours and above > 0 else "-"
            table.add_row(escape(row["way"]), f"{row['median']:.0f}", f"{row['least']:.0f}", f"{above:.0f}", times)
        yield table

    def summary(self) -> str:
        m, slow = self.machine, [r["way"] for r in self.rows if r["prepared"] and r["above"] > FLOOR]
        peers = f"torch {m['torch']}, cuda-python {m['cuda-python']}, triton {m['triton']}"
        return (
            f"{m['processor']}, Python {m['python']}, {peers}; more than {FLOOR:.0f} ns above the driver: "
            f"{', '.join(slow) or 'nothing that is prepared'}"
        )

    def data(self) -> dict[str, Any]:
        return {"machine": self.machine, "rows": self.rows}


def bench_launch(rounds: int = ROUNDS, calls: int = CALLS) -> Launches:
    """All ways of launching, ``rounds`` times ``calls`` of each, in turn.

    Raises TileError where there is no C compiler, or no cuda-python.
    """
    if shutil.which("cc") is None:
        raise TileError("there is no C compiler to make the driver that does nothing", help="install gcc or clang")
    require("cuda.bindings.driver", "a launch", "cuda")
    with tempfile.TemporaryDirectory() as folder:
        env = beside(build(Path(folder)))
        here = [sys.executable, "-m", "tilevm.bench.launches", str(rounds), str(calls)]
        taken = dict(run(here, env)["taken"])
        if installed("triton"):
            peer = [sys.executable, str(FOLDER / "triton_launch.py"), str(rounds), str(max(calls // 10, 1))]
            taken |= run(peer, env)["taken"]
    return Launches(described(taken), [row(way, times, taken) for way, times in taken.items()])


def build(folder: Path) -> Path:
    """The folder, with the driver in it."""
    source, made = FOLDER / "driver.c", folder / "libcuda.so.1"
    if not source.is_file():
        raise TileError(f"there is no {source}", help="run this in a checkout of tilevm")
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-Wl,-soname,libcuda.so.1", "-o", made, source], check=True)
    return folder


def beside(driver: Path) -> dict[str, str]:
    """The environment of processes that have this driver."""
    search = os.pathsep.join(filter(None, [str(driver), os.environ.get("LD_LIBRARY_PATH")]))
    triton = {"TRITON_LIBCUDA_PATH": str(driver), "TRITON_DEFAULT_BACKEND": "nvidia", "TRITON_DEFAULT_FP_FUSION": "1"}
    return {**os.environ, **triton, "LD_LIBRARY_PATH": search}


def run(command: Sequence[str], env: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    if done.returncode:
        raise TileError(f"{command[1:3]} fails: {done.stderr.strip().splitlines()[-1]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def row(way: str, times: Sequence[float], taken: dict[str, list[float]]) -> dict[str, Any]:
    """A way's figures. ``above``: what it takes beyond the driver's own time and that of an empty call of Python."""
    base = 0.0 if way == DRIVER else statistics.median(taken[DRIVER])
    base += 0.0 if way in (DRIVER, EMPTY) else statistics.median(taken[EMPTY])
    median = statistics.median(times)
    prepared = way.startswith("kernel")
    return {"way": way, "median": median, "least": min(times), "above": median - base, "prepared": prepared}


def described(taken: dict[str, list[float]]) -> dict[str, Any]:
    """The machine, and which way the others are compared with."""
    ours = next(way for end in ("torch", "numpy") if (way := f"kernel[grid](...), {end}") in taken)
    packages = {name: installed(name) or "not installed" for name in ("torch", "cuda-python", "triton")}
    return {
        "processor": pkgutil.resolve_name("tilevm.backends.cpu.host:host")().name,
        "python": platform.python_version(),
        "date": time.strftime("%Y-%m-%d"),
        "ours": ours,
        **packages,
    }
