"""Machine code that was assembled before, perhaps elsewhere: a folder to be carried to a machine with a GPU."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from tilevm.store import Store

FOLDER = "TILEVM_CUBINS"
FILES = re.compile(r"^\.file .*$", re.MULTILINE)  # where the kernel's source lies: another folder, the same code


def shelf() -> Store | None:
    """The folder that ``TILEVM_CUBINS`` names, made when something is put there; None where it names none."""
    named = os.environ.get(FOLDER)
    return Store(Path(named)) if named else None


def key(text: str, target: str, options: Sequence[str]) -> str:
    """All that decides machine code but the release of the assembler: that of another machine will do."""
    return "\0".join(["1", target, *options, FILES.sub("", text)])
