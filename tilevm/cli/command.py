"""Verbs of the command, one function each."""

from __future__ import annotations

import json
import math
import runpy
import sys
import time
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table

from tilevm.bench.cpu import bench_cpu
from tilevm.bench.formats import Figures, bench_formats
from tilevm.bench.launch import CALLS, ROUNDS as LAUNCH_ROUNDS, Launches, bench_launch
from tilevm.bench.layouts import Times, bench_layouts
from tilevm.bench.results import Results
from tilevm.bench.static import ROUNDS, Static, bench_static
from tilevm.cli import example
from tilevm.cli.cache import cache
from tilevm.cli.check import check
from tilevm.cli.doctor import findings
from tilevm.cli.explain import explain
from tilevm.cli.gpu import carry_, gpu, report_
from tilevm.cli.layout import layout
from tilevm.cli.targets import targets
from tilevm.layout import LayoutError
from tilevm.passes import PIPELINE, THREADED, every_pass, through
from tilevm.source import TileError
from tilevm.text import print_func
from tilevm.version import __version__

STAGES = ("tile", "optimised", "thread", "ptx", "llvm", "asm")
AFTER = (*(p.name for p in PIPELINE), *THREADED)
LEXERS = {"llvm": "llvm", "asm": "gas"}


class Refusing(click.Group):
    """Users' mistakes end in their page and exit status 1, not in a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except TileError as error:
            click.echo(str(error), err=True)
        except LayoutError as error:
            click.echo(f"error: {error}", err=True)
        sys.exit(1)


@click.group(cls=Refusing, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tilevm")
def main() -> None:
    """Compile, run and examine tile programs."""


def show(text: str, lexer: str = "text") -> None:
    """Coloured on a terminal, plain when piped."""
    console = Console()
    if console.is_terminal:
        console.print(Syntax(text, lexer, background_color="default"))
    else:
        click.echo(text)


@main.command()
@click.argument("where", metavar="FILE[:KERNEL]")
@click.argument("words", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("--device", default="cpu", show_default=True, help="where to run")
@click.option("--check", "checked", is_flag=True, help="compare with the reference machine")
@click.option("--seed", default=0, show_default=True, help="of the random arguments")
def run(where: str, words: tuple[str, ...], device: str, checked: bool, seed: int) -> None:
    """Run a script, or one kernel of it on random arguments.

    Words bind dims, type variables and constants: M=512 T=f16 BM=64. A dim that is not said is 256. Where the file has
    a function KERNEL_inputs, the arguments come from there, and words set its parameters.
    """
    if ":" not in where:
        if not Path(where).is_file():
            raise TileError(f"there is no file {where}")
        runpy.run_path(where, run_name="__main__")
        return
    named = example.find(where)
    kernel = named.kernel
    values, constants = example.arguments(named, example.words(words), seed)
    again = [v.copy() if isinstance(v, np.ndarray) else v for v in values]
    kernel(*values, device=device, **constants)
    begin = time.perf_counter()
    kernel(*values, device=device, **constants)
    report(kernel.parameters.runtime, values, time.perf_counter() - begin)
    if checked:
        compare(kernel, values, again, constants)


def report(names: Any, values: list[Any], seconds: float) -> None:
    table = Table("argument", "what", "mean", "least", "largest")
    for name, value in zip(names, values, strict=True):
        if isinstance(value, np.ndarray) and value.size:
            numbers = value.astype(np.float64)
            parts = (f"{x:.6g}" for x in (numbers.mean(), numbers.min(), numbers.max()))
            table.add_row(name, f"{value.dtype.name}{list(value.shape)}", *parts)
        else:
            table.add_row(name, str(value))
    Console().print(table)
    click.echo(f"{seconds * 1e3:.3f} ms")


def compare(kernel: Any, found: list[Any], again: list[Any], constants: dict[str, Any]) -> None:
    """Run on the reference machine too; exit status 1 where an array differs by more than rounding explains."""
    for _ in range(2):  # the first run ran twice as well, for kernels that read what they write
        kernel(*again, device="vm", **constants)
    pairs = zip(found, again, strict=True)
    worst = max((apart(a, b) for a, b in pairs if isinstance(a, np.ndarray)), default=0.0)
    click.echo(f"largest difference from the reference machine: {worst:.2e} of the largest number")
    if worst > 1e-2:
        sys.exit(1)


def apart(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference, as part of the largest finite number; inf where NaN or infinity meets another."""
    x, y = found.astype(np.float64), expected.astype(np.float64)
    finite = np.isfinite(x) & np.isfinite(y)
    if not np.array_equal(x[~finite], y[~finite], equal_nan=True):
        return math.inf
    return float(np.abs(x[finite] - y[finite]).max(initial=0.0) / max(1.0, np.abs(y)[finite].max(initial=0.0)))


@main.command("print")
@click.argument("where", metavar="FILE:KERNEL")
@click.argument("words", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("--after", metavar="PASS", help=f"the IR after a pass: {', '.join(AFTER)}")
@click.option("--stage", type=click.Choice(STAGES), default="optimised", show_default=True)
@click.option("--target", default="cpu", show_default=True, help="what the code is for, such as sm_80")
@click.option("--num-warps", default=4, show_default=True, help="warps of a block, where the target has any")
def print_(where: str, words: tuple[str, ...], after: str | None, stage: str, target: str, num_warps: int) -> None:
    """Print a kernel at a stage of its compilation."""
    named = example.find(where)
    kernel = named.kernel
    values, constants = example.arguments(named, example.words(words))
    compiled = kernel.compile(*values, target=target, num_warps=num_warps, **constants)
    if after is not None:
        show(print_func(through(compiled.build.tile, after, every_pass(target, num_warps)), places=True))
        return
    if stage not in compiled.stages:
        raise TileError(f"code for {target} has no stage {stage}", help=f"it has {', '.join(compiled.stages)}")
    show(compiled.stages[stage], LEXERS.get(stage, "text"))


main.add_command(check)

main.add_command(explain)

main.add_command(cache)

main.add_command(targets)

main.add_command(layout)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="for programs")
def doctor(as_json: bool) -> None:
    """Tell what is installed, what is missing, and what that costs."""
    found = findings()
    if as_json:
        click.echo(json.dumps([vars(f) for f in found], indent=2))
        return
    table = Table("what", "found", "without it")
    for finding in found:
        table.add_row(finding.name, finding.found or "missing", finding.without)
    Console().print(table)


@main.group()
def bench() -> None:
    """Measure speed, as ratios to peers in one run."""


def measuring(command: Any) -> Any:
    """The options of every benchmark."""
    for option in (
        click.option("--only", default="", help="cases whose names hold this, such as softmax or u4"),
        click.option("--seconds", default=2.0, show_default=True, help="to spend on each rival"),
        click.option("--json", "file", type=click.Path(dir_okay=False), help="write the figures here too"),
    ):
        command = option(command)
    return command


@bench.command()
@measuring
def cpu(file: str | None, seconds: float, only: str) -> None:
    """Compare the CPU backend with numpy, and with torch and numba where they are installed."""
    tell(bench_cpu(seconds, only), file)


@bench.command()
@measuring
def formats(file: str | None, seconds: float, only: str) -> None:
    """Compare packed number types, made f32, with a copy of as many bytes; and time the codec."""
    tell(bench_formats(seconds, only), file)


@bench.command()
@measuring
def layouts(file: str | None, seconds: float, only: str) -> None:
    """Time the layout algebra, and the inference of layouts."""
    tell(bench_layouts(seconds, only), file)


@bench.command()
@click.option("--only", default="", help="problems whose names hold this, such as matmul")
@click.option("--rounds", default=ROUNDS, show_default=True, help="processes of each side that compile; 0 for none")
@click.option("--json", "file", type=click.Path(dir_okay=False), help="write the figures here too")
def static(file: str | None, rounds: int, only: str) -> None:
    """Examine the code made for sm_80, which no GPU runs: registers, main loops, and what compiling costs."""
    tell(bench_static(rounds, only), file)


@bench.command()
@click.option("--rounds", default=LAUNCH_ROUNDS, show_default=True, help="rounds in which every way takes its turn")
@click.option("--calls", default=CALLS, show_default=True, help="calls of each in a round")
@click.option("--json", "file", type=click.Path(dir_okay=False), help="write the figures here too")
def launch(file: str | None, rounds: int, calls: int) -> None:
    """Time what a launch costs the host, ours and others', against a driver that does nothing."""
    tell(bench_launch(rounds, calls), file)


bench.add_command(gpu)

bench.add_command(report_)

bench.add_command(carry_)


def tell(result: Results | Figures | Times | Static | Launches, file: str | None) -> None:
    """Print figures, and write them where that is wanted."""
    console = Console(width=110 if not sys.stdout.isatty() else None)
    for table in result.tables():
        console.print(table)
    click.echo(result.summary())
    if file:
        Path(file).write_text(json.dumps(result.data(), indent=2) + "\n")
