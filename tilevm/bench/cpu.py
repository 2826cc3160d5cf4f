"""The CPU backend against numpy, torch and numba."""

from __future__ import annotations

import os
import pkgutil
import subprocess
import sys
import tempfile
import time

import numpy as np

from tilevm.bench.beside import beside_torch
from tilevm.bench.cases import CASES, Peers
from tilevm.bench.measure import rivals
from tilevm.bench.results import Results, row

REPEATS = 5  # processes of which the fastest counts


def bench_cpu(seconds: float, only: str = "") -> Results:
    """The cases whose names hold ``only``, each measured in turn with its rivals, all on as many threads."""
    threads = pkgutil.resolve_name("tilevm.backends.cpu.pool:threads")()
    compile_ms, import_ms = compile_times(), import_time()
    peers = Peers.found(threads)
    results = Results(
        {
            "processor": pkgutil.resolve_name("tilevm.backends.cpu.host:host")().name,
            "threads": threads,
            "fma_peak": pkgutil.resolve_name("tilevm.backends.cpu.peak:fma_peak")(),
            "copy": copy_rate(),
            "compile_ms": compile_ms,
            "import_ms": import_ms,
            "beside_torch": beside_torch(peers, seconds),
            **peers.versions(),
            "date": time.strftime("%Y-%m-%d"),
        }
    )
    for make in CASES:
        case = make(peers)
        if only in case.name:
            results.rows.append(row(case, rivals(case.calls, seconds), results.machine))
    return results


KERNELS = {  # what is compiled to be timed
    "matmul": "kernels.matmul.compile(a, a, a)",
    "attention": "attention.compile(q, q, q, q, 0.125, D=64, causal=True)",
}
SETTING = """
import time, numpy
from tilevm.bench import kernels
from tilevm.library.attention import attention
a, q = numpy.zeros((512, 512), "f"), numpy.zeros((1, 8, 1024, 64), "f")
kernels.vector_add.compile(a[0], a[1], a[2])
begin = time.perf_counter(); {made}; print((time.perf_counter() - begin) * 1e3)
"""


def compile_times() -> dict[str, float]:
    """Milliseconds to a callable in a fresh process with all imported: from Python, and from the disk ("kept")."""
    with tempfile.TemporaryDirectory() as folder:
        out = {}
        for name, made in KERNELS.items():
            code = SETTING.format(made=made)
            out[name] = min(printed(code, TILEVM_CACHE="0") for _ in range(REPEATS))
            printed(code, TILEVM_CACHE="1", TILEVM_CACHE_DIR=folder)
            kept = (printed(code, TILEVM_CACHE="1", TILEVM_CACHE_DIR=folder) for _ in range(REPEATS))
            out[f"{name}, kept"] = min(kept)
    return out


def import_time() -> float:
    """Milliseconds that ``import tilevm`` and its decorator take in a fresh process."""
    code = "import time; b = time.perf_counter(); import tilevm; tilevm.kernel; print((time.perf_counter() - b) * 1e3)"
    return min(printed(code) for _ in range(REPEATS))


def printed(code: str, **settings: str) -> float:
    """The number that a Python process prints, under these settings."""
    run = [sys.executable, "-c", code]
    done = subprocess.run(run, capture_output=True, text=True, check=True, env={**os.environ, **settings})
    return float(done.stdout)


def copy_rate() -> float:
    """GB/s of bytes read and written by numpy's copy of 64 MB."""
    a = np.ones(1 << 24, np.float32)
    b = np.empty_like(a)
    timing = rivals({"copy": lambda: np.copyto(b, a)}, 0.3, 0.0)["copy"]
    return 2 * a.nbytes / timing.median / 1e9
