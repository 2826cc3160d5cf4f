"""The stand-in as a process's driver: the library, made of stub/stub.c, and the environment that has it found."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
NAME = "libcuda.so.1"


def environment(folder: Path) -> dict[str, str]:
    """The environment of a process whose driver is the stand-in, which is made in ``folder``."""
    options = ["-O1", "-shared", "-fPIC", f"-Wl,-soname,{NAME}"]
    subprocess.run(["cc", *options, "-o", str(folder / NAME), str(HERE / "stub" / "stub.c")], check=True)
    search = os.pathsep.join(filter(None, [str(folder), os.environ.get("LD_LIBRARY_PATH")]))
    return {**os.environ, "LD_LIBRARY_PATH": search, "PYTHONPATH": str(ROOT)}
