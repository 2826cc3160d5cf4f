"""``tilevm bench gpu`` and ``tilevm bench report``: figures of a card, and what is made of them."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tilevm.bench.gpu.carry import ARCHITECTURE, carry
from tilevm.bench.gpu.plots import plots
from tilevm.bench.gpu.report import PART, by_family, report
from tilevm.bench.gpu.results import read
from tilevm.bench.gpu.run import BUDGET, bench_gpu
from tilevm.bench.gpu.setting import BASE, dry, on_card
from tilevm.report.docs import renewed
from tilevm.source import TileError

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.option("--only", default="", help="cases whose names hold this, such as softmax or hd128")
@click.option("--budget", default=BUDGET, show_default=True, help="seconds, after which no case begins")
@click.option("--dry", "without", is_flag=True, help="every case at a tiny size on the CPU: no GPU is needed")
@click.option("--json", "file", type=FILE, help="write the figures here, after every case")
def gpu(only: str, budget: float, without: bool, file: Path | None) -> None:
    """Compare the kernels of the library and of examples/ with cuBLAS, torch and Triton on an NVIDIA GPU.

    Exit status 1 where a case fails, or ours computes what is wrong.
    """
    setting = dry() if without else on_card()
    found = bench_gpu(setting, only, budget, file, tell=click.echo)
    click.echo(f"cases: {len(found.rows)}, failed: {len(found.failed)}, left out: {len(found.left_out)}")
    if not found.sound():
        sys.exit(1)


@click.command("report")
@click.argument("files", nargs=-1, required=True, type=FILE, metavar="FILE...")
@click.option("--plots", "folder", type=click.Path(file_okay=False, path_type=Path), help="write SVG pictures here")
@click.option("--into", "document", type=FILE, help="renew the table of families in this document, such as README.md")
def report_(files: tuple[Path, ...], folder: Path | None, document: Path | None) -> None:
    """Tell figures of `tilevm bench gpu` as Markdown.

    With several files --plots and --into take the last one's.
    """
    every = [read(file) for file in files]
    click.echo("\n\n".join(map(report, every)))
    last = every[-1]
    if document is not None:
        if last.machine["device"]["dry"]:
            raise TileError(f"{files[-1]} is of a dry run, whose figures tell nothing", help="measure on a GPU first")
        text = document.read_text(encoding="utf-8")
        document.write_text(renewed(text, parts={PART: lambda root: by_family(last)}), encoding="utf-8", newline="\n")
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        for name, plot in plots(last).items():
            (folder / name).write_text(plot.svg(), encoding="utf-8", newline="\n")


@click.command("carry")
@click.option("-o", "folder", required=True, type=click.Path(file_okay=False, path_type=Path), help="a new folder")
@click.option("--arch", default=ARCHITECTURE, show_default=True, help="the card's architecture, which code is made for")
@click.option("--target", default=BASE, show_default=True, help="the target of the PTX")
@click.option("--only", default="", help="assemble the kernels of these cases alone")
def carry_(folder: Path, arch: str, target: str, only: str) -> None:
    """Prepare a folder to take to a machine with a GPU and without a network: its run.sh tests, then measures."""
    click.echo(str(carry(folder, target, arch, only, tell=click.echo)))
