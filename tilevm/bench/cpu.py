"""The CPU backend against numpy, torch and numba."""

from __future__ import annotations

import os
import pkgutil
import subprocess
import sys
import time

import numpy as np

from tilevm.bench.cases import CASES, Peers
from tilevm.bench.measure import rivals
from tilevm.bench.results import Results, row


def bench_cpu(seconds: float, only: str = "") -> Results:
    """The cases whose names hold ``only``, each measured in turn with its rivals, all on as many threads."""
    threads = pkgutil.resolve_name("tilevm.backends.cpu.pool:threads")()
    compile_ms, import_ms = cold_compile(), import_time()
    peers = Peers.found(threads)
    results = Results(
        {
            "processor": pkgutil.resolve_name("tilevm.backends.cpu.host:host")().name,
            "threads": threads,
            "fma_peak": pkgutil.resolve_name("tilevm.backends.cpu.peak:fma_peak")(),
            "copy": copy_rate(),
            "compile_ms": compile_ms,
            "import_ms": import_ms,
            **peers.versions(),
            "date": time.strftime("%Y-%m-%d"),
        }
    )
    for make in CASES:
        case = make(peers)
        if only in case.name:
            results.rows.append(row(case, rivals(case.calls, seconds), results.machine))
    return results


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
