"""What a real card and its driver refuse, as callers read it. A fault ends a process's context, so each has its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tilevm.optional import optional

torch: Any = optional("torch")
ROOT = Path(__file__).parents[2]
HEAD = """
import ctypes
import mmap
import numpy as np
import torch
import tilevm as tv
from tests.cuda.kernels import add_one, asserted, copy
from tilevm.bench.kernels import matmul

class Wild:
    def __init__(self, address):
        self.__cuda_array_interface__ = {
            "shape": (1000,), "typestr": "<f4", "data": (address, False), "strides": None, "version": 3}

x, y = torch.ones(1000, device="cuda"), torch.zeros(1000, device="cuda")
add_one(x, y)
torch.cuda.synchronize()
driver = ctypes.CDLL("libcuda.so.1")
"""
TAIL = """
except tv.TileError as error:
    print(error)
else:
    print("nothing is told")
"""

CASES: dict[str, tuple[str, str]] = {
    "a fault shows at a later call": (
        """
        bad = torch.empty(1 << 20, dtype=torch.uint8, device="cuda")
        reach[1](bad)
        for _ in range(1000):
            copy(x, y)
        """,
        r"error: .*reach.* faulted on cuda:0: a kernel touched memory.*\n(.*\n)*.*it shows at a later call",
    ),
    "a fault while debugging": (
        """
        bad = torch.empty(1 << 20, dtype=torch.uint8, device="cuda")
        reach[1](bad)
        """,
        r"error: reach faulted on cuda:0: a kernel touched memory",
    ),
    "an assertion": (
        """
        asserted(-x, y)
        """,
        r"x is negative",
    ),
    "no memory of the card": (
        """
        whole, unreserved = torch.cuda.mem_get_info()[1] + (4 << 30), 0x4000  # MAP_NORESERVE: the host may have less
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | unreserved
        wide = np.frombuffer(mmap.mmap(-1, whole, flags=flags), np.float32)
        copy[1](wide, wide, device="cuda:0")
        """,
        r"error: .*cuda:0.*\n(.*\n)*.*OUT_OF_MEMORY",
    ),
    "a stream of another context": (
        """
        context, stream = ctypes.c_void_p(), ctypes.c_void_p()
        assert driver.cuCtxCreate_v2(ctypes.byref(context), 0, 0) == 0
        assert driver.cuStreamCreate(ctypes.byref(stream), 1) == 0
        assert driver.cuCtxPopCurrent_v2(ctypes.byref(context)) == 0
        add_one(x, y, stream=stream.value)
        """,
        r"error: .*stream",
    ),
    "memory that is nobody's": (
        """
        add_one(Wild(0x7F00_0000_0000), Wild(0x7F00_0000_0000), device="cuda:0")
        """,
        r"error: .*x",
    ),
    "memory of the host": (
        """
        add_one(np.ones(1000, np.float32), y)
        """,
        r"error: .*cpu.*cuda:0",
    ),
    "a card that is not there": (
        """
        add_one(np.ones(1000, np.float32), np.ones(1000, np.float32), device="cuda:63")
        """,
        r"error: .*cuda:63",
    ),
    "too much shared memory": (
        """
        a = torch.zeros(1024, 1024, dtype=torch.bfloat16, device="cuda")
        matmul(a, a, a, BM=256, BN=256, BK=128, stages=4, num_warps=16)
        """,
        r"error: .*shared memory.*\d{6}",
    ),
}
CAREFUL = {"a fault while debugging", "an assertion", "memory that is nobody's"}  # under TILEVM_DEBUG=1
REACH = """
@tv.kernel
def reach(p: tv.Pointer):
    p.store(1 << 40, 5)
"""


@pytest.mark.parametrize("case", CASES)
def test_what_is_told(case: str, tmp_path: Path) -> None:
    body, wanted = CASES[case]
    text = HEAD + REACH + "try:" + body.replace("\n        ", "\n    ") + TAIL
    file = tmp_path / "case.py"
    file.write_text(text, encoding="utf-8")
    told = {**os.environ, "TILEVM_DEBUG": "1" if case in CAREFUL else "", "PYTHONPATH": os.pathsep.join(sys.path)}
    found = subprocess.run([sys.executable, str(file)], capture_output=True, text=True, cwd=ROOT, timeout=120, env=told)
    print(found.stdout, found.stderr)  # what a card tells is seen in the log
    assert found.returncode == 0 and re.search(wanted, found.stdout), found.stdout + found.stderr
