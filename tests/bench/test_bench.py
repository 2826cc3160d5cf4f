"""The benchmark: cases compute what they say, missing rivals are named, and the command writes figures."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from tilevm.bench import cases, cpu, loops
from tilevm.bench.beside import beside_torch
from tilevm.bench.cases import OURS, PEERS, Peers
from tilevm.bench.measure import Timing, rivals
from tilevm.bench.results import Results, row
from tilevm.cli import main
from tilevm.optional import optional

SMALL = (
    partial(cases.matmul, 30, 20, 10),
    partial(cases.matmul_bf16, 30, 20, 10),
    partial(cases.attention, np.float32, 70, 16, True),
    partial(cases.softmax, 5, 100),
    partial(cases.layer_norm, 5, 100),
    partial(cases.add, 1000),
)
ALONE = Peers(None, None)


def by_numpy(make: partial) -> list[str]:
    """numpy where it is a fair rival: it has no bf16 and no fused attention."""
    return [] if make.func in (cases.matmul_bf16, cases.attention) else ["numpy"]


needs_numba = pytest.mark.skipif(optional("numba") is None, reason="numba is not installed")


@pytest.mark.parametrize("make", SMALL, ids=lambda m: m.func.__name__)
def test_cases_compute_what_they_say(make: partial) -> None:
    case = make(ALONE)
    assert list(case.calls) == [OURS, *by_numpy(make)]
    with np.errstate(all="ignore"):  # nothing was computed yet
        assert not case.error() < 1e-3
    for call in case.calls.values():
        call()
    assert case.error() < (1e-2 if make.func is cases.matmul_bf16 else 2e-6)


def test_every_problem_is_small_somewhere() -> None:
    assert {m.func for m in SMALL} == {m.func for m in cases.CASES}


@pytest.mark.parametrize("make", SMALL, ids=lambda m: m.func.__name__)
def test_torch_is_a_rival(make: partial) -> None:
    torch = optional("torch")
    if torch is None:
        pytest.skip("torch is not installed")
    calls = make(Peers(torch, None)).calls
    assert list(calls) == [OURS, *by_numpy(make), "torch"]
    calls["torch"]()


@needs_numba
def test_loops_of_numba_are_right() -> None:
    x = np.random.default_rng(0).standard_normal((7, 50), dtype=np.float32)
    w, b = np.random.default_rng(1).standard_normal((2, 50), dtype=np.float32)
    y, numba = np.empty_like(x), optional("numba")
    loops.softmax(numba)(x, y)
    powers = np.exp(x - x.max(axis=1, keepdims=True))
    assert np.allclose(y, powers / powers.sum(axis=1, keepdims=True), atol=1e-6)
    loops.layer_norm(numba)(x, w, b, y)
    centred = x - x.mean(axis=1, keepdims=True)
    exact = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5) * w + b
    assert np.allclose(y, exact, atol=1e-5)
    loops.add(numba)(w, b, y[0])
    assert np.array_equal(y[0], w + b)


def figures(versions: dict[str, str | None]) -> Results:
    case = cases.add(100, ALONE)
    case.calls[OURS]()
    times = {OURS: Timing(1e-6, 1e-6), "numpy": Timing(2e-6, 2e-6)}
    machine = {
        "processor": "p",
        "threads": 1,
        "fma_peak": 1.0,
        "copy": 2.4,
        "compile_ms": {"matmul": 1, "matmul, kept": 1},
        "import_ms": 1,
        "beside_torch": None,
        **versions,
    }
    return Results(machine, [row(case, times, machine)])


def test_ratios_and_missing_rivals() -> None:
    results = figures({"numpy": "2", "torch": "2", "numba": None})
    assert [results.ratio(results.rows[0], peer) for peer in PEERS] == ["2.00x", "-", "not installed"]
    assert results.rows[0]["rate"] == pytest.approx(1.2)
    assert results.rows[0]["of_peak"] == pytest.approx(0.5)
    assert [str(c.header) for c in results.table().columns][3:6] == [f"{p} / ours" for p in PEERS]


def test_the_time_in_turn_with_torch_is_told_where_it_was_taken() -> None:
    results = figures({"numpy": "2", "torch": "2", "numba": None})
    assert "in turn" not in results.summary()
    results.machine["beside_torch"] = 1.25
    assert results.summary().endswith("in turn with torch 1.25x the time of each alone")


def test_beside_torch() -> None:
    assert beside_torch(ALONE, 0.0) is None
    torch = optional("torch")
    if torch is None:
        pytest.skip("torch is not installed")
    found = beside_torch(Peers(torch, None), 0.0)
    assert found is not None and found > 0


def test_rivals_take_turns() -> None:
    order: list[str] = []
    found = rivals({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, seconds=0.0, pause=0.0)
    assert set(found) == {"a", "b"} and found["a"].best <= found["a"].median
    rounds = order[4:]  # after two calls of each that tell how long they take
    assert rounds == (["a"] * 4 + ["b"] * 4) * (len(rounds) // 8)


def test_command_writes_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for slow, found in (("compile_times", {"matmul": 1.0}), ("import_time", 1.0), ("copy_rate", 1.0)):
        monkeypatch.setattr(cpu, slow, lambda found=found: found)
    monkeypatch.setattr(cpu, "CASES", SMALL)
    monkeypatch.setattr(cpu, "rivals", lambda calls, seconds: {n: (c(), Timing(1.0, 1.0))[1] for n, c in calls.items()})
    file = tmp_path / "figures.json"
    done = CliRunner().invoke(main, ["bench", "cpu", "--only", "norm", "--json", str(file)])
    assert done.exit_code == 0, (done.output, done.exception)
    found = json.loads(file.read_text())
    assert "compiled: matmul 1.0 ms" in done.output.replace("\n", " ")
    assert [r["case"] for r in found["rows"]] == ["layer norm f32 5x100"]
    assert found["rows"][0]["ratio"]["numpy"] == 1.0 and found["rows"][0]["error"] < 1e-6
    assert set(PEERS) <= set(found["machine"])
