"""Versions, as the installer knows them: of the tilevm that is running, and of other packages."""

from importlib.metadata import PackageNotFoundError, version


def installed(package: str) -> str:
    """The version of an installed package; empty for one that is not."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


__version__ = installed("tilevm") or "0+checkout"  # a bare checkout has no metadata
