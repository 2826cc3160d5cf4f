"""The CPU backend against numpy and torch."""

from __future__ import annotations

import os
import pkgutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from rich.table import Table

from tilevm.bench import kernels
from tilevm.bench.measure import Call, Timing, rivals
from tilevm.optional import optional

OURS = "tilevm"


@dataclass(frozen=True)
class Case:
    """One problem: the rivals' calls, how much work it is, and the result's largest relative error."""

    name: str
    calls: dict[str, Call]
    work: float  # floating-point operations, or bytes moved
    unit: str  # GFLOP/s or GB/s
    error: Callable[[], float]


@dataclass
class Results:
    """Figures of a run."""

    machine: dict[str, Any]
    rows: list[dict[str, Any]] = field(default_factory=list)

    def table(self) -> Table:
        table = Table("case", "ours", "of peak", "numpy / ours", "torch / ours", "error")
        for row in self.rows:
            ratios = (f"{row['ratio'][p]:.2f}x" if p in row["ratio"] else "-" for p in ("numpy", "torch"))
            share = f"{row['of_peak']:.0%}" if row["of_peak"] else "-"
            table.add_row(row["case"], f"{row['rate']:.1f} {row['unit']}", share, *ratios, f"{row['error']:.1e}")
        return table

    def summary(self) -> str:
        m = self.machine
        return (
            f"{m['processor']}, {m['threads']} threads; FMA peak {m['fma_peak']:.0f} GFLOP/s, "
            f"copy {m['copy']:.1f} GB/s; matmul compiles in {m['compile_ms']:.0f} ms, import {m['import_ms']:.0f} ms"
        )

    def data(self) -> dict[str, Any]:
        return {"machine": self.machine, "rows": self.rows}


def bench_cpu(seconds: float) -> Results:
    """Every case, measured in turn with its rivals; ratios are peer time / our time, of medians."""
    threads = pkgutil.resolve_name("tilevm.backends.cpu.pool:threads")()
    torch = optional("torch")
    if torch is not None:
        torch.set_num_threads(threads)
    compile_ms = cold_compile()
    results = Results(
        {
            "processor": pkgutil.resolve_name("tilevm.backends.cpu.host:host")().name,
            "threads": threads,
            "fma_peak": pkgutil.resolve_name("tilevm.backends.cpu.peak:fma_peak")(),
            "copy": copy_rate(),
            "compile_ms": compile_ms,
            "import_ms": import_time(),
            "numpy": np.__version__,
            "torch": torch.__version__ if torch is not None else None,
            "date": time.strftime("%Y-%m-%d"),
        }
    )
    for case in cases(torch):
        results.rows.append(row(case, rivals(case.calls, seconds), results.machine))
    return results


def row(case: Case, times: dict[str, Timing], machine: dict[str, Any]) -> dict[str, Any]:
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


def cold_compile() -> float:
    """Milliseconds from Python source to native code for a matmul, in a fresh process with all imported."""
    code = (
        "import time, numpy, tilevm.bench.kernels as k\n"
        "a = numpy.zeros((8, 8), 'f')\n"
        "k.vector_add(a[0], a[1], a[2])\n"
        "begin = time.perf_counter(); k.matmul.compile(a, a, a); print((time.perf_counter() - begin) * 1e3)\n"
    )
    return min(printed(code) for _ in range(3))


def import_time() -> float:
    """Milliseconds that ``import tilevm`` and its decorator take in a fresh process."""
    code = "import time; b = time.perf_counter(); import tilevm; tilevm.kernel; print((time.perf_counter() - b) * 1e3)"
    return min(printed(code) for _ in range(3))


def printed(code: str) -> float:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    return float(done.stdout)


def copy_rate() -> float:
    """GB/s of bytes read and written by numpy's copy of 64 MB."""
    a = np.ones(1 << 24, np.float32)
    b = np.empty_like(a)
    timing = rivals({"copy": lambda: np.copyto(b, a)}, 0.3, 0.0)["copy"]
    return 2 * a.nbytes / timing.median / 1e9


def cases(torch: Any) -> Iterator[Case]:
    rng = np.random.default_rng(0)
    for m, n, k in ((512,) * 3, (1024,) * 3, (2048,) * 3, (1000, 1111, 1037)):
        yield matmul_case(rng, torch, m, n, k)
    yield softmax_case(rng, torch, 4096, 1024)
    yield add_case(rng, torch, 1 << 24)


def matmul_case(rng: np.random.Generator, torch: Any, m: int, n: int, k: int) -> Case:
    a, b = rng.standard_normal((m, k), dtype=np.float32), rng.standard_normal((k, n), dtype=np.float32)
    c, d = np.empty((m, n), np.float32), np.empty((m, n), np.float32)
    calls: dict[str, Call] = {
        OURS: lambda: kernels.matmul(a, b, c),
        "numpy": lambda: np.matmul(a, b, out=d),
    }
    if torch is not None:
        x, y, z = torch.from_numpy(a), torch.from_numpy(b), torch.empty(m, n)
        calls["torch"] = lambda: torch.mm(x, y, out=z)

    def error() -> float:
        exact = a.astype(np.float64) @ b
        return float(np.abs(c - exact).max() / np.abs(exact).max())

    return Case(f"matmul f32 {m}x{n}x{k}", calls, 2.0 * m * n * k, "GFLOP/s", error)


def softmax_case(rng: np.random.Generator, torch: Any, m: int, n: int) -> Case:
    x = rng.standard_normal((m, n), dtype=np.float32)
    y, z = np.empty_like(x), np.empty_like(x)

    def by_numpy() -> None:
        np.subtract(x, x.max(axis=1, keepdims=True), out=z)
        np.exp(z, out=z)
        np.divide(z, z.sum(axis=1, keepdims=True), out=z)

    calls: dict[str, Call] = {OURS: lambda: kernels.softmax(x, y), "numpy": by_numpy}
    if torch is not None:
        t = torch.from_numpy(x)
        out = torch.empty(m, n)
        calls["torch"] = lambda: torch.softmax(t, 1, out=out)

    def error() -> float:
        e = np.exp(x.astype(np.float64) - x.max(axis=1, keepdims=True))
        return float(np.abs(y - e / e.sum(axis=1, keepdims=True)).max())

    return Case(f"softmax f32 {m}x{n}", calls, 2.0 * x.nbytes, "GB/s", error)


def add_case(rng: np.random.Generator, torch: Any, n: int) -> Case:
    a, b = rng.standard_normal((2, n), dtype=np.float32)
    c, d = np.empty_like(a), np.empty_like(a)
    calls: dict[str, Call] = {OURS: lambda: kernels.vector_add(a, b, c), "numpy": lambda: np.add(a, b, out=d)}
    if torch is not None:
        x, y, z = torch.from_numpy(a), torch.from_numpy(b), torch.empty(n)
        calls["torch"] = lambda: torch.add(x, y, out=z)
    return Case(f"vector add f32 {n}", calls, 3.0 * a.nbytes, "GB/s", lambda: float(np.abs(c - (a + b)).max()))
