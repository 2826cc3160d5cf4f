"""The ``tilevm`` command."""

from tilevm.cli.command import main

__all__ = ["main"]
