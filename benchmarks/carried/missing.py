"""Folders of carried packages that this Python has not, each behind a colon: they come after what it has."""

import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path


def here(name):
    try:
        return distribution(name) is not None
    except PackageNotFoundError:
        return False


folders = sorted((Path(__file__).resolve().parent / "packages").iterdir())
sys.stdout.write("".join(f":{folder}" for folder in folders if not here(folder.name)))
