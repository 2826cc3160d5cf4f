"""What Triton's launches cost the host, against a driver that does nothing: nanoseconds a call, as JSON.

Usage: triton_launch.py ROUNDS CALLS, in a process whose libcuda.so.1 is that of driver.c. torch is not loaded: the
driver has no such tensors, and Triton takes whatever has an address.
"""

from __future__ import annotations

import json
import sys
import time

import triton
import triton.language as tl


@triton.jit
def nothing(x, y, z, w, a, b, c, d):
    tl.store(w, tl.load(x) + tl.load(y) + tl.load(z) * d + a + b + c)


class Tensor:
    """What Triton asks of one."""

    dtype = "fp32"

    def __init__(self, address):
        self._address = address

    def data_ptr(self):
        return self._address


def main():
    rounds, calls = map(int, sys.argv[1:])
    x, y, z, w = (Tensor(1 << 20 | n << 12) for n in range(4))
    made = nothing[(1, 1, 1)](x, y, z, w, 16, 32, 48, 1.0)
    launcher = made[(1, 1, 1)]
    ways = {
        "triton": lambda: nothing[(1, 1, 1)](x, y, z, w, 16, 32, 48, 1.0),
        "triton, compiled kernel": lambda: launcher(x, y, z, w, 16, 32, 48, 1.0),
    }
    taken = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            begin = time.perf_counter_ns()
            for _ in range(calls):
                way()
            taken[name].append((time.perf_counter_ns() - begin) / calls)
    json.dump({"version": triton.__version__, "taken": taken}, sys.stdout)


if __name__ == "__main__":
    main()
