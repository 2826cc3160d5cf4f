"""The benchmark of number types, on little."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tilevm.bench import formats, linear
from tilevm.bench.measure import Timing
from tilevm.cli import main


@pytest.fixture(autouse=True)
def little(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each rival runs once, on few elements."""
    for module in (formats, linear):
        monkeypatch.setattr(
            module, "rivals", lambda calls, *_: {n: (c(), Timing(1.0, 1.0))[1] for n, c in calls.items()}
        )
    monkeypatch.setattr(formats, "FAR", 1 << 16)
    monkeypatch.setattr(linear, "SIZE", 256)
    monkeypatch.setattr(linear, "ENOUGH", 1)
    monkeypatch.setattr(linear, "torch_calls", lambda threads: {})


def test_figures_are_written(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    done = CliRunner().invoke(main, ["bench", "formats", "--only", "u4", "--json", str(file)])
    assert done.exit_code == 0, (done.output, done.exception)
    found = json.loads(file.read_text())
    (row,), (coded,), (layer,) = found["rows"], found["codec"], found["linear"]
    assert row["format"] == coded["format"] == layer["weights"] == "u4"
    assert row["far_of_copy"] == 1.0 and row["near_of_copy"] == 1.0
    assert coded["encode"] == coded["drawn"] == pytest.approx((1 << 22) / 1e6)
    assert layer["rate"] == pytest.approx((256 * 256 / 2 + 2 * 256 * 2) / 1e9)


def test_a_wrong_number_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "decode", lambda codes, dtype: codes * 0.0 + 1.0)
    with pytest.raises(AssertionError, match="u4: wrong numbers"):
        formats.bench_formats(0.0, "u4")
