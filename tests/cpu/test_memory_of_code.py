"""Machine code where a process has little room in one place."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCATTERED = """
import mmap
import random
import numpy as np
import tilevm as tv

@tv.kernel("x: f32[N], y: f32[N]", grid=1)
def powers(x: tv.Tensor, y: tv.Tensor, c: tv.constexpr):
    y.store(0, tv.exp(x.load(0, 64)) * c)

far = np.zeros(2**32 + 2**23, np.uint8)
random.seed(1)
holes = [mmap.mmap(-1, 4096) for _ in range(4000)]
x, y = np.zeros(64, np.float32), np.zeros(64, np.float32)
for c in range(40):
    for _ in range(6):
        holes.pop(random.randrange(len(holes))).close()
    powers(x, y, c=c + 0.5)
    assert (y == c + 0.5).all()
print("fine")
"""


def test_parts_of_a_kernel_lie_side_by_side(tmp_path: Path) -> None:
    """Free pages here and beyond 4 GiB: LLVM's MCJIT puts code into the one and constants into the other."""
    script = tmp_path / "scattered.py"
    script.write_text(SCATTERED)
    environment = {"TILEVM_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": str(Path(__file__).parents[2])}
    found = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, env=environment, check=False)
    assert (found.returncode, found.stdout) == (0, "fine\n"), found.stderr
