"""Compiled kernels kept on disk: where, and for which compiler."""

from __future__ import annotations

import hashlib
import os
import sys
from functools import cache
from pathlib import Path

import platformdirs

from tilevm.source import TileError
from tilevm.store import Store

PLACE, SWITCH = "TILEVM_CACHE_DIR", "TILEVM_CACHE"
PACKAGE = Path(__file__).parents[1]


def store() -> Store | None:
    """The store of this user; None where TILEVM_CACHE=0 turns it off."""
    said = os.environ.get(SWITCH, "1")
    if said not in ("0", "1"):
        raise TileError(f"{SWITCH} is {said!r}", help="0 keeps no compiled kernels on disk, 1 does")
    if said == "0":
        return None
    folder = os.environ.get(PLACE)
    return Store(Path(folder) if folder else Path(platformdirs.user_cache_dir("tilevm")) / "kernels")


@cache
def compiler() -> str:
    """Which compiler this is: the files of the package, by name, size and time, and the Python that runs them."""
    words = [sys.version]
    for folder, folders, files in os.walk(PACKAGE, followlinks=True):
        folders[:] = sorted(f for f in folders if f != "__pycache__")
        for name in sorted(files):
            stat = os.stat(os.path.join(folder, name))
            words.append(f"{folder}/{name} {stat.st_size} {stat.st_mtime_ns}")
    return hashlib.sha256("\n".join(words).encode()).hexdigest()
