"""``tilevm explain``: which thread holds what, why, and what conversions cost."""

from __future__ import annotations

import json
from pathlib import Path

import click

from tilevm.cli import example
from tilevm.report.explain import explain as told


@click.command()
@click.argument("where", metavar="FILE:KERNEL")
@click.argument("words", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("--target", default="sm_80", show_default=True, help="the machine: see tilevm targets")
@click.option("--num-warps", default=4, show_default=True, help="warps of a block")
@click.option("--json", "file", type=click.Path(dir_okay=False), help="write what was found here too")
def explain(where: str, words: tuple[str, ...], target: str, num_warps: int, file: str | None) -> None:
    """Tell for each tile of a kernel which layout it got and why, and what each conversion costs.

    Words bind dims, type variables and constants: M=512 T=f16 BM=64.
    """
    named = example.find(where)
    values, constants = example.arguments(named, example.words(words))
    found = told(named.kernel, *values, target=target, num_warps=num_warps, **constants)
    click.echo(str(found))
    if file:
        Path(file).write_text(json.dumps(found.data(), indent=2) + "\n")
