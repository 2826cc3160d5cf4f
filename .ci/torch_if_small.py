"""Put the pinned torch into this environment, unless that would bring gigabytes of GPU libraries.

On Linux the plain torch wheel is built for CUDA and pulls in its libraries, while the CPU build carries the local
version ``+cpu``. Asking for that version by name either finds a small wheel or fails before anything is downloaded.
Elsewhere the plain wheel is the CPU build.
"""

import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

PIP = (sys.executable, "-m", "pip", "install")
PROJECT = Path(__file__).parents[1] / "pyproject.toml"
ABSENT = Path(sys.prefix) / ".no-small-torch"  # remembers the answer until pyproject.toml changes


def pinned() -> str:
    """The requirement in the dependency group test-torch."""
    [requirement] = tomllib.loads(PROJECT.read_text())["dependency-groups"]["test-torch"]
    return str(requirement)


def install_small() -> bool:
    """Install the pin if a small build of it can be had; a plain "there is none" is remembered."""
    small = pinned() + ("+cpu" if sys.platform == "linux" else "")
    run = subprocess.run([*PIP, "--quiet", small], capture_output=True, text=True)
    if "No matching distribution" in run.stderr:
        ABSENT.touch()
    return run.returncode == 0


def known_absent() -> bool:
    """Whether an earlier run found no small build for the present pin."""
    return ABSENT.exists() and ABSENT.stat().st_mtime > PROJECT.stat().st_mtime


def main(when: str) -> int:
    if when == "0" or find_spec("torch"):
        return 0
    if when == "1":
        return subprocess.run([*PIP, pinned()]).returncode
    if known_absent() or not install_small():
        print("torch is not installed: what needs it is skipped; `make TORCH=1 ...` installs it")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "auto"))
