"""``tilevm explain``: what it says of real kernels."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import tilevm as tv
from tests.conftest import Golden
from tilevm.cli import example, main
from tilevm.source import TileError

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
CASES = {
    "matmul_sm_80": ["examples/matmul.py:matmul", "T=f16", "BM=128", "BN=128", "BK=32"],
    "matmul_f32": ["examples/matmul.py:matmul", "BM=64", "BN=64", "BK=16"],
    "matmul_gfx942": ["examples/matmul.py:matmul", "T=bf16", "BM=128", "BN=128", "BK=32", "--target", "gfx942"],
    "softmax": ["examples/softmax.py:softmax"],
    "quantised": ["examples/quantised_matmul.py:quantised_matmul"],
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_told(name: str, golden: Golden, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    done = CliRunner().invoke(main, ["explain", *CASES[name]])
    assert done.exit_code == 0, (done.output, done.exception)
    golden(HERE / "explained" / f"{name}.txt", done.output)


def test_the_figures_for_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    file = tmp_path / "found.json"
    done = CliRunner().invoke(main, ["explain", *CASES["matmul_sm_80"], "--num-warps", "8", "--json", str(file)])
    assert done.exit_code == 0
    found = json.loads(file.read_text())
    assert (found["target"], found["num_warps"], found["threads"]) == ("sm_80", 8, 256)
    assert all(one["cost"] > 0 for one in found["conversions"])
    for tile in found["tiles"]:
        assert tv.layout.Layout.parse(tile["layout"]).threads == 256


def test_as_a_function() -> None:
    named = example.find(str(ROOT / "examples/softmax.py:softmax"))
    values, constants = example.arguments(named, {})
    found = tv.explain(named.kernel, *values, target="sm_90a", **constants)
    assert found.target == "sm_90a" and found.tiles and "conversions:" in str(found)


def test_an_unknown_machine() -> None:
    named = example.find(str(ROOT / "examples/softmax.py:softmax"))
    values, constants = example.arguments(named, {})
    with pytest.raises(TileError, match="no target is called 'sm_81'"):
        tv.explain(named.kernel, *values, target="sm_81", **constants)
