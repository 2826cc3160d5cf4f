"""``tilevm check``: passes and devices against the reference machine."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from tilevm.cli import example
from tilevm.report.check import check as examine


@click.command()
@click.argument("where", metavar="FILE:KERNEL")
@click.argument("words", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("--every-pass", is_flag=True, help="compare after each pass, not only after all")
@click.option("--device", help="compare the code made for this device too, such as cpu")
@click.option("--target", help="go on to what threads of a GPU such as sm_80 do")
@click.option("--num-warps", default=4, show_default=True, help="warps of a block, where the target has any")
@click.option("--tolerance", type=float, help="for floats of the device, as a part of the largest number")
@click.option("--seed", default=0, show_default=True, help="of the random arguments")
@click.option("--json", "file", type=click.Path(dir_okay=False), help="write what was found here too")
def check(
    where: str,
    words: tuple[str, ...],
    every_pass: bool,
    device: str | None,
    target: str | None,
    num_warps: int,
    tolerance: float | None,
    seed: int,
    file: str | None,
) -> None:
    """Run a kernel on the reference machine before and after the passes, and name the first that changes the answer.

    Words bind dims, type variables and constants: M=64 T=f16 BM=16. Where the file has a function KERNEL_inputs, the
    arguments come from there. Exit status 1 where answers differ, or where the kernel itself is at fault.
    """
    named = example.find(where)
    kernel = named.kernel
    values, constants = example.arguments(named, example.words(words), seed)
    report = examine(
        kernel,
        None,
        *values,
        device=device,
        target=target,
        num_warps=num_warps,
        every_pass=every_pass,
        tolerance=tolerance,
        **constants,
    )
    click.echo(str(report))
    if file:
        Path(file).write_text(json.dumps(report.data(), indent=2) + "\n")
    sys.exit(0 if report.ok else 1)
