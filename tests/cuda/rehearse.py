"""What `make test-gpu` runs, rehearsed without a card: the stand-in is the driver, and the emulator runs what it is
given. Only tests that have torch's tensors on a card step aside. As a plugin of pytest this makes the stand-in run.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.cuda.driver import ROOT, environment
from tests.cuda.standin import Stub

CARD = (8, 0)  # the capability whose code the emulator runs


HELD = pytest.StashKey[Stub]()  # the driver calls it as long as there are tests


def pytest_configure(config: pytest.Config) -> None:
    stub = config.stash[HELD] = Stub()
    stub.card(0, CARD)
    stub.run_kernels()


def main() -> int:
    """Run pytest on a card of the stand-in with the arguments of this process; its exit status."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pytest", "-p", "tests.cuda.rehearse", "-m", "gpu", *sys.argv[1:]]
        return subprocess.run(command, env=environment(Path(folder)), cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main())
