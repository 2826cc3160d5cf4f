"""The benchmark of launches runs, against a driver that does nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from tilevm.bench.launch import Launches
from tilevm.cli import main
from tilevm.version import installed

LEAST = {"the driver alone", "an empty call of Python", "cuda-python", "ctypes", "kernel[grid](...), numpy"}


def test_the_command(tmp_path: Path) -> None:
    if shutil.which("cc") is None:
        pytest.skip("no C compiler here")
    if not installed("cuda-python"):
        pytest.skip("cuda-python is not installed")
    made = tmp_path / "launch.json"
    done = CliRunner().invoke(main, ["bench", "launch", "--rounds", "2", "--calls", "50", "--json", str(made)])
    assert done.exit_code == 0, done.output
    found = json.loads(made.read_text())
    ways = {row["way"] for row in found["rows"]}
    assert LEAST <= ways and ("triton" in ways) is bool(installed("triton"))
    for row in found["rows"]:
        assert 0 < row["least"] <= row["median"], row
    least = {row["way"]: row["least"] for row in found["rows"]}
    assert 10 * least["kernel(...), numpy"] < least["unprepared, numpy"]  # or native code would refuse what is measured
    assert "kernel[grid](...), numpy" in done.output and "triton" in done.output


def test_what_is_compared() -> None:
    rows = [{"way": "ours", "median": 300.0, "least": 200.0, "above": 250.0, "prepared": True}]
    rows += [{"way": "slow", "median": 900.0, "least": 800.0, "above": 750.0, "prepared": True}]
    machine = {n: "?" for n in ("processor", "python", "torch", "cuda-python", "triton")}
    found = Launches({**machine, "ours": "ours"}, rows)
    (table,) = found.tables()
    assert list(table.columns[-1].cells) == ["1.0x", "3.0x"]
    assert found.summary().endswith("more than 500 ns above the driver: slow")
