"""The version of the tilevm that is running, as the installer knows it."""

import importlib.metadata


def installed_version() -> str:
    """The version in the installed metadata; a bare checkout has none."""
    try:
        return importlib.metadata.version("tilevm")
    except importlib.metadata.PackageNotFoundError:
        return "0+checkout"


__version__ = installed_version()
