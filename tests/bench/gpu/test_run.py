"""A run without a GPU: every case is right, wrong ones are caught, and time and failures are accounted for."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.examples.test_check import EXAMPLES
from tilevm.bench.gpu import check, run
from tilevm.bench.gpu.case import OURS, Case, Expected, Problem, Rival
from tilevm.bench.gpu.cases import PROBLEMS
from tilevm.bench.gpu.run import Budget, bench_gpu
from tilevm.bench.gpu.setting import Setting, blank, dry, target_of
from tilevm.cli import main
from tilevm.frontend.kernel import Kernel
from tilevm.library import attention, hadamard, linear, quantisers
from tilevm.optional import load_file, optional

torch: Any = optional("torch")
pytestmark = pytest.mark.skipif(torch is None, reason="torch is not installed")


@pytest.fixture(scope="module")
def here() -> Setting:
    return dry()


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p.name)
def test_every_case_is_right(problem: Problem, here: Setting) -> None:
    here.seed()
    case = problem.make(here)
    expected = case.expected()
    for rival in case.rivals:
        for way, calls in rival.ways.items():
            for call in calls:
                call()
            error = check.error(rival, calls, expected)
            assert error <= 1.0 or not ours_or_exact(problem, rival), (rival.name, way, error)


def ours_or_exact(problem: Problem, rival: Rival) -> bool:
    """torch keeps the mean of rows in bf16 on the CPU, which the gradients feel."""
    return rival.name == OURS or "layer norm backward" not in problem.name


def test_names_are_unlike() -> None:
    assert len({p.name for p in PROBLEMS}) == len(PROBLEMS)
    assert [p.ceiling for p in PROBLEMS[:3]] == [True, True, False], "ceilings come first"


def test_every_kernel_of_the_library_and_of_the_examples_is_measured() -> None:
    """Of the examples that bear their own kernels, and of the library."""
    files = [load_file(str(path)) for path in sorted(EXAMPLES.glob("*.py")) if path.stem != "demo"]
    modules = [*files, attention, hadamard, linear, quantisers]
    every = {held.__name__ for module in modules for held in vars(module).values() if isinstance(held, Kernel)}
    seen: set[str] = set()
    visited = replace(dry(), launch=lambda kernel, args, constants: seen.add(kernel.__name__))
    for problem in PROBLEMS:
        for _, calls in problem.make(visited).rivals_of(OURS):
            calls[0]()
    assert every - seen == set()


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p.name)
def test_an_output_that_is_not_written_is_wrong(problem: Problem) -> None:
    idle = replace(dry(), launch=lambda kernel, args, constants: None)
    case = problem.make(idle)
    for rival in case.rivals:
        if rival.name == OURS:
            [(_, calls), *_] = rival.ways.items()
            assert not check.error(rival, calls, case.expected()) <= 1.0


def test_what_an_earlier_call_wrote_does_not_count(here: Setting) -> None:
    exact, right = here.random(10).double(), here.empty(10, dtype="float64")
    rival = Rival.once("idle", lambda: right, right)
    expected = Expected((exact,), (exact.abs(),))
    right.copy_(exact)
    assert check.error(rival, (lambda: right,), expected) == float("inf")
    assert check.error(rival, (lambda: right.copy_(exact),), expected) == 0.0
    counts = here.empty(3, dtype="int32")
    check.poison((counts,))
    assert counts.tolist() == [-1, -1, -1]


def sums(s: Setting, result: Callable[[Any], Any]) -> Case:
    """A case whose peer gives ``result`` of the right sum."""
    x, y = s.random(100, dtype="float32"), s.empty(100, dtype="float32")
    exact = 2.0 * x.double()
    ours = Rival.once(OURS, lambda: s.torch.add(x, x, out=y), y)
    peer = Rival.once("peer", lambda: result(x + x))
    return Case(1200.0, "TB/s", (ours, peer), lambda: Expected((exact,), (1e-6 * exact.abs(),)))


def problem(name: str, result: Callable[[Any], Any] = lambda x: x) -> Problem:
    return Problem(name, "sums", 100, lambda s: sums(s, result))


def fails(s: Setting) -> Case:
    raise ValueError("no such case")


def test_a_peer_that_is_wrong_is_told(here: Setting) -> None:
    for result in (lambda x: x * 1.001, lambda x: x.clone().fill_(float("nan"))):
        found = bench_gpu(here, problems=[problem("sum", result)])
        [row] = found.rows
        assert row["rivals"]["peer"]["verdict"] == "wrong" and row["rivals"][OURS]["verdict"] == "right"
        assert found.sound(), "it is not ours"
    assert found.rows[0]["rivals"]["peer"]["error"] is None, "NaN is no number of JSON"


def test_ours_that_is_wrong_is_not_sound(here: Setting) -> None:
    x = here.random(100)
    wrong = Rival.once(OURS, lambda: x * 1.1)
    case = Case(1.0, "TB/s", (wrong,), lambda: Expected((x.double(),), (1e-3 * x.double().abs(),)))
    assert not bench_gpu(here, problems=[Problem("wrong", "", 1, lambda s: case)]).sound()


def test_a_case_that_fails_is_listed_and_the_run_goes_on(here: Setting, tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    found = bench_gpu(here, problems=[Problem("bad", "", 1, fails), problem("sum")], file=file)
    assert found.failed == [{"case": "bad", "message": "ValueError: no such case"}] and not found.sound()
    assert [row["case"] for row in found.rows] == ["sum"]
    assert json.loads(file.read_text())["failed"] == found.failed


def test_figures_are_written_after_every_case(here: Setting, tmp_path: Path) -> None:
    file, seen = tmp_path / "figures.json", []

    def look(s: Setting) -> Case:
        seen.append(len(json.loads(file.read_text())["rows"]))
        return sums(s, lambda x: x)

    bench_gpu(here, problems=[problem("first"), Problem("second", "", 1, look)], file=file)
    assert seen == [1]


def test_a_card_that_is_lost_ends_the_run(here: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "broken", lambda s, problem: f"the card failed in {problem.name}")
    found = bench_gpu(here, problems=[problem("sum"), Problem("bad", "", 1, fails), problem("after")])
    assert [row["case"] for row in found.rows] == ["sum"]
    assert found.left_out == [{"case": "after", "reason": "the card failed in bad"}]


def test_no_case_begins_that_the_budget_has_no_room_for() -> None:
    now = [0.0]
    left = Budget(100.0, lambda: now[0])
    taken = []
    for seconds in (10.0, 30.0, 20.0, 5.0, 6.0, 5.0):
        if not left.allows():
            break
        now[0] += seconds
        left.ended()
        taken.append(seconds)
    assert taken == [10.0, 30.0, 20.0, 5.0, 6.0], "29 s are left then, and one took 30"


def test_what_did_not_run_is_listed(here: Setting) -> None:
    found = bench_gpu(here, budget=0.0, problems=[problem("one"), problem("two")])
    assert [entry["case"] for entry in found.left_out] == ["one", "two"] and not found.rows
    assert found.left_out[0]["reason"].endswith(" of 0 s were spent")


def test_the_fastest_way_counts_and_refusals_are_told(here: Setting) -> None:
    x = here.random(200, 200, dtype="float32")
    exact = x.double()

    def slow() -> Any:
        for _ in range(200):
            x.clone()
        return x.clone()

    def refused() -> Any:
        raise RuntimeError("no room for such tiles\nand more")

    ways = {"slow": (slow,), "quick": (lambda: x.clone(),), "large": (refused,)}
    case = Case(1.0, "TB/s", (Rival(OURS, ways),), lambda: Expected((exact,), (exact.abs(),)))
    [row] = bench_gpu(here, problems=[Problem("ways", "", 1, lambda s: case)]).rows
    assert row["rivals"][OURS]["way"] == "quick"
    assert row["rivals"][OURS]["refused"] == {"large": "RuntimeError: no room for such tiles"}
    tried = row["rivals"][OURS]["tried"]
    assert tried.keys() == {"slow", "quick"} and tried["quick"] < tried["slow"]


def test_a_rival_of_which_no_way_runs_fails(here: Setting) -> None:
    def refused() -> Any:
        raise RuntimeError("no room")

    case = Case(1.0, "TB/s", (Rival.once(OURS, refused),), lambda: Expected((), ()))
    found = bench_gpu(here, problems=[Problem("none", "", 1, lambda s: case)])
    assert found.failed == [{"case": "none", "message": "RuntimeError: no room"}]


def test_a_peer_that_fails_is_told_and_the_others_are_timed(here: Setting) -> None:
    def refused() -> Any:
        raise RuntimeError("no kernel\nfor this card")

    x = here.random(20, 20, dtype="float32")
    rivals = (Rival.once(OURS, x.clone), Rival.once("one", refused), Rival.once("other", x.clone))
    case = Case(1.0, "TB/s", rivals, lambda: Expected((x.double(),), (x.double().abs(),)))
    found = bench_gpu(here, problems=[Problem("three", "", 1, lambda s: case)])
    [row] = found.rows
    assert set(row["rivals"]) == {OURS, "other"} and row["lost"] == {"one": "RuntimeError: no kernel"}
    assert "one failed: RuntimeError: no kernel" in run.line(row) and found.sound()


def test_enough_sets_to_go_beyond_the_cache(here: Setting) -> None:
    card = replace(here, cache=50 << 20)
    assert len(card.sets(1 << 30)) == 1 and len(card.sets(60 << 20)) == 2
    assert len(card.sets(10 << 20)) == 10 and len(card.sets(1)) == 64
    assert len(blank(lambda *_: None).sets(1)) == 1


def test_code_for_cards() -> None:
    found = {c: target_of(c) for c in ((8, 0), (8, 6), (8, 9), (9, 0), (10, 0))}
    assert list(found.values()) == ["sm_80", "sm_86", "sm_89", "sm_80", "sm_80"]


def test_the_command(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    done = CliRunner().invoke(main, ["bench", "gpu", "--dry", "--only", "hadamard", "--json", str(file)])
    assert done.exit_code == 0, done.output
    assert "cases: 1, failed: 0, left out: 0" in done.output
    held = json.loads(file.read_text())
    assert held["kind"] == "tilevm bench gpu" and held["machine"]["device"]["dry"] is True
    assert {"versions", "commit", "date", "host"} <= set(held["machine"])


@pytest.mark.skipif(torch is not None and torch.cuda.is_available(), reason="there is a GPU here")
def test_without_a_card_the_command_says_so() -> None:
    done = CliRunner().invoke(main, ["bench", "gpu"])
    assert done.exit_code == 1
    assert "torch finds no GPU of NVIDIA's here" in done.output and "--dry runs every case" in done.output
