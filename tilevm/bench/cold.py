"""A process that compiles one problem of :mod:`tilevm.bench.static`, and prints how many milliseconds it took."""

from __future__ import annotations

import json
import sys
import time

import numpy as np

from tilevm.bench import kernels
from tilevm.bench.static import MACHINE, PROBLEMS, Problem
from tilevm.library.attention import attention


def compiled(problem: Problem, warps: int) -> tuple[float, float]:
    """Milliseconds until there was PTX, and until there was machine code, with nothing kept in the process."""
    for kernel in (kernels.matmul, attention):
        kernel._known.clear()
        kernel._made.clear()
    begin = time.perf_counter()
    found = problem.compile(warps)
    written = time.perf_counter()
    assert found.binary[:4] == b"\x7fELF", "there is an assembler"
    return 1e3 * (written - begin), 1e3 * (time.perf_counter() - begin)


def main() -> None:
    name, warps = sys.argv[1:]
    problem = next(p for p in PROBLEMS if p.name == name)
    x = np.empty(1024, np.float32)
    kernels.vector_add.compile(x, x, x, BLOCK=1024, target=MACHINE).binary  # noqa: B018  what is done once is done
    (_, first), (front, again) = (compiled(problem, int(warps)) for _ in range(2))
    sys.stdout.write(json.dumps({"first": first, "front": front, "again": again}))


if __name__ == "__main__":
    main()
