"""Figures as JSON, as tables, as pictures, and in the README."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.conftest import Golden
from tilevm.bench.gpu.case import HOST, OURS, Case, Problem
from tilevm.bench.gpu.clock import Taken
from tilevm.bench.gpu.plots import plots
from tilevm.bench.gpu.report import by_family, report
from tilevm.bench.gpu.results import Judged, Results, read, row
from tilevm.bench.gpu.spread import Spread
from tilevm.cli import main
from tilevm.source import TileError

MACHINE = {
    "device": {
        "name": "A card",
        "dry": False,
        "driver": "580.1",
        "clock_mhz": "345",
        "most_clock_mhz": "1980",
        "memory_clock_mhz": "3201",
        "power_limit_w": "700.00",
        "temperature_c": "31",
    },
    "host": {},
    "versions": {"tilevm": "0.1.0", "torch": "2.11.0", "triton": None, "cuda": "13.0"},
    "commit": "0123456789ab",
    "date": "2026-01-02 03:04:05 +0000",
}


def times(seconds: float, spread: float = 0.1) -> Spread:
    return Spread(seconds, seconds * (1 - spread), seconds * (1 + spread), 9)


def measured(name: str, family: str, at: int, unit: str, error: float = 0.5, **seconds: float) -> dict[str, Any]:
    """A row, of whose rivals the first leads."""
    lead, *peers = (other.replace("_", " ") for other in seconds)
    values = dict(zip((lead, *peers), seconds.values(), strict=True))
    case = Case(1e12, unit, (), lambda: None)  # type: ignore[arg-type, return-value]
    object.__setattr__(case, "rivals", tuple(type("Rival", (), {"name": n}) for n in values))
    taken = {n: Taken(times(t), "by hand", None if n == lead else times(t / values[lead])) for n, t in values.items()}
    judged = {n: Judged("128x64" if n == OURS else "", (), error if n == OURS else 2.0 * error, {}) for n in values}
    problem = Problem(name, family, at, lambda s: case, ceiling=family == "ceiling")
    return row(problem, case, taken, judged, {} if at < 4096 else {"torch bf16": "RuntimeError: no kernel"})


def figures() -> Results:
    rows = [
        measured("copy 1 GiB", "ceiling", 1, "TB/s", torch=0.25, tilevm=0.26),
        measured("product 8192", "ceiling", 1, "TFLOP/s", torch=1e-3),
        measured("matmul 1024", "matmul", 1024, "TFLOP/s", tilevm=2e-3, torch=1.5e-3, triton=2.5e-3),
        measured("matmul 4096", "matmul", 4096, "TFLOP/s", error=0.4, tilevm=1.25e-3, torch=1.2e-3, triton=1.3e-3),
        measured("softmax 1024", "softmax", 1024, "TB/s", error=1.5, tilevm=0.3, torch_bf16=0.6),
        measured("launch", "launch", 3, HOST, tilevm=4e-6, torch=6e-6),
    ]
    failed = [{"case": "attention 8192", "message": "TileError: no room"}]
    left_out = [{"case": "paged decode", "reason": "490 of 500 s were spent"}]
    return Results(json.loads(json.dumps(MACHINE)), rows, failed, left_out, 490.4)


def test_a_report(golden: Golden) -> None:
    golden("bench/gpu.md", report(figures()))


def test_a_table_of_families(golden: Golden) -> None:
    golden("bench/gpu_families.md", by_family(figures()))


def test_a_dry_run_says_so() -> None:
    found = figures()
    found.machine["device"] = {"name": "a processor", "dry": True}
    assert report(found).startswith("A dry run on the CPU: sizes are tiny")


def test_files_are_read_as_they_were_written(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    figures().write(file)
    assert read(file) == figures()
    assert "Infinity" not in file.read_text() and "NaN" not in file.read_text()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "cannot be read as figures"),
        ("[]", "holds no figures of a GPU"),
        ('{"kind": "tilevm bench gpu", "schema": 99}', "has schema 99, and this version of tilevm reads 1"),
    ],
)
def test_other_files_are_refused(text: str, says: str, tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    file.write_text(text)
    with pytest.raises(TileError, match=says):
        read(file)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TileError, match="cannot be read as figures"):
        read(tmp_path / "none.json")


def test_pictures_are_of_families_with_several_sizes(golden: Golden) -> None:
    found = plots(figures())
    assert list(found) == ["matmul.svg"]
    golden("bench/matmul.svg", found["matmul.svg"].svg())


def test_the_command_renews_a_document(tmp_path: Path) -> None:
    file, document = tmp_path / "figures.json", tmp_path / "README.md"
    figures().write(file)
    document.write_text("before\n<!-- begin gpu figures -->\nold\n<!-- end gpu figures -->\nafter\n")
    words = ["bench", "report", str(file), "--into", str(document), "--plots", str(tmp_path / "plots")]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    text = document.read_text()
    assert text.startswith("before\n<!-- begin gpu figures -->\n\nA card;") and text.endswith("figures -->\nafter\n")
    assert "| matmul | 2 | 800 TFLOP/s | 80% | 0.75 … 0.96 |" in text and "old" not in text
    assert [path.name for path in (tmp_path / "plots").iterdir()] == ["matmul.svg"]


def test_a_dry_run_goes_into_no_document(tmp_path: Path) -> None:
    file, document = tmp_path / "figures.json", tmp_path / "README.md"
    found = figures()
    found.machine["device"] = {"name": "a processor", "dry": True}
    found.write(file)
    document.write_text("as it was")
    done = CliRunner().invoke(main, ["bench", "report", str(file), "--into", str(document)])
    assert done.exit_code == 1 and "is of a dry run" in done.output and document.read_text() == "as it was"


def test_the_readme_has_room_for_the_table() -> None:
    text = (Path(__file__).parents[3] / "README.md").read_text()
    assert text.count("<!-- begin gpu figures -->\n") == text.count("<!-- end gpu figures -->\n") == 1
