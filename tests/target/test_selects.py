"""AMD's matrix instructions: that LLVM has each on its machine, under the names of the record."""

import subprocess
import sys
from pathlib import Path

import llvmlite.binding as llvm
import pytest

from tilevm.target import target

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(llvm.llvm_version_info < (19,), reason="LLVM older than 19 does not know gfx950")


@pytest.mark.parametrize("machine", ["gfx90a", "gfx942", "gfx950"])
def test_llvm_selects_every_atom(machine: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.target.selects", machine], cwd=ROOT, capture_output=True, text=True
    )
    if "No available targets" in done.stderr or "Unable to find target" in done.stderr:
        pytest.skip("this llvmlite has no AMDGPU")
    assert done.returncode == 0, done.stderr[-2000:]
    pairs = [line.split() for line in done.stdout.splitlines()]
    assert len(pairs) == len(target(machine).mma_atoms)
    assert [pair for pair in pairs if pair[0] != pair[1]] == []
