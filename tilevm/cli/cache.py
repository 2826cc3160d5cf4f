"""``tilevm cache``: the compiled kernels that are kept on disk."""

from __future__ import annotations

import time

import click

from tilevm.runtime.store import SWITCH, store
from tilevm.source import TileError
from tilevm.store import Store


def shelf() -> Store:
    found = store()
    if found is None:
        raise TileError(f"{SWITCH}=0 turns the cache off")
    return found


@click.group()
def cache() -> None:
    """Compiled kernels kept on disk: where, which, and away with them."""


@cache.command()
def path() -> None:
    """Print the folder."""
    click.echo(shelf().folder)


@cache.command("list")
def list_() -> None:
    """List the entries: bytes, when last used, name."""
    entries = shelf().entries()
    for entry, stat in entries:
        used = time.strftime("%Y-%m-%d %H:%M", time.localtime(stat.st_mtime))
        click.echo(f"{stat.st_size:>9}  {used}  {entry.stem[:16]}")
    click.echo(f"kernels: {len(entries)}, bytes: {sum(stat.st_size for _, stat in entries)}")


@cache.command()
def clear() -> None:
    """Remove all entries."""
    click.echo(f"kernels removed: {shelf().clear()}")
