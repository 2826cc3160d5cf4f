"""``tv.check`` and ``tilevm check``: what agrees passes, and what does not is blamed on the right pass."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from click.testing import CliRunner

import tilevm as tv
from tests.report import kernels
from tilevm.cli import main
from tilevm.ir import Func, Op, Value, ops
from tilevm.ir.build import Builder
from tilevm.ir.rewrite import rewrite
from tilevm.passes import PIPELINE
from tilevm.report import check as checking
from tilevm.report.memory import Written, unlike
from tilevm.runtime.arguments import read
from tilevm.source import TileError

ROOT = Path(__file__).parents[2]
KERNELS = ROOT / "tests" / "report" / "kernels.py"
NAMES = [p.name for p in PIPELINE]


def arrays(kind: type = np.float32, n: int = 50) -> list[np.ndarray]:
    a, b = np.random.default_rng(0).standard_normal((2, n)).astype(kind)
    return [a, b, np.full(n, 7, kind)]


def change(func: Func, kind: type[Op], make: Callable[[Op, Builder], Value]) -> Func:
    """``func`` with what ``make`` gives for the first instruction of a kind."""
    done: list[Op] = []

    def rule(op: Op, builder: Builder) -> Sequence[Value] | None:
        if done or not isinstance(op, kind):
            return None
        done.append(op)
        return [make(op, builder)]

    return rewrite(func, rule)


def break_pass(monkeypatch: pytest.MonkeyPatch, name: str, breaks: Callable[[Func], Func]) -> None:
    """The pipeline with the pass called ``name`` followed by a fault of its own."""
    broken = [replace(p, run=lambda f, p=p: breaks(p.run(f))) if p.name == name else p for p in PIPELINE]
    monkeypatch.setattr(checking, "PIPELINE", tuple(broken))


def swapped(func: Func) -> Func:
    """A fault: the first exponential is left out."""
    return change(func, ops.Exp, lambda op, builder: op.operands[0])


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.float16, ml_dtypes.bfloat16])
def test_a_sound_pipeline_passes(kind: type) -> None:
    a, b, c = arrays(kind)
    report = tv.check(kernels.fused, None, a, b, c, every_pass=True, device="cpu")
    assert report.ok, str(report)
    assert [s.name for s in report.steps] == [*NAMES, "cpu"]
    assert {s.name for s in report.steps if s.changed} >= {"cse", "dce"}
    assert (c == np.full(50, 7, kind)).all(), "the arguments are left as they were"


def test_fused_products_are_compared_bit_for_bit() -> None:
    fma = next(s for s in tv.check(kernels.fused, None, *arrays(), every_pass=True).steps if s.name == "fma")
    assert fma.changed and fma.ok and fma.how == checking.RESTORED
    assert "fma %" in fma.after


def test_without_every_pass_all_are_one_step() -> None:
    report = tv.check(kernels.fused, None, *arrays())
    assert [s.name for s in report.steps] == ["all passes"] and report.ok


@pytest.mark.parametrize("every_pass", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_the_broken_pass_is_blamed(name: str, every_pass: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    break_pass(monkeypatch, name, swapped)
    a, b, c = arrays()
    report = tv.check(kernels.fused, None, a, b, c, every_pass=every_pass, device="cpu")
    assert not report.ok and report.blamed is not None
    assert report.blamed.name == name
    assert [s.name for s in report.steps] == NAMES[: NAMES.index(name) + 1], "nothing is asked after it"
    found = report.blamed.difference
    assert found is not None and found.place == "c[0]" and found.count == 50
    exact = a[0] * b[0] + np.exp(a[0]) ** 2
    assert float(found.expected) == pytest.approx(exact, rel=1e-5)
    assert float(found.found) != pytest.approx(exact, rel=1e-2)
    assert "= exp " in report.blamed.diff()
    assert f"{name} is the first to change the answer" in str(report)


def test_one_bit_is_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pass that rounds otherwise without saying so is caught, however little it changes."""

    def regrouped(op: Op, builder: Builder) -> Value:
        (x,) = op.operands
        return builder.add(ops.Log, x=builder.add(ops.Exp, x=builder.add(ops.Exp, x=x).result).result).result

    break_pass(monkeypatch, "hoist", lambda f: change(f, ops.Exp, regrouped))
    report = tv.check(kernels.fused, None, *arrays(), every_pass=True)
    assert report.blamed is not None and report.blamed.name == "hoist"
    assert report.blamed.difference is not None and report.blamed.difference.largest < 1e-4


def test_a_fault_beside_the_fusion_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fma pass may round products otherwise, and nothing more."""

    def negated(op: Op, builder: Builder) -> Value:
        a, b, c = op.operands
        return builder.add(ops.Fma, a=a, b=b, c=builder.add(ops.Neg, x=c).result).result

    break_pass(monkeypatch, "fma", lambda f: change(f, ops.Fma, negated))
    report = tv.check(kernels.fused, None, *arrays(), every_pass=True)
    assert report.blamed is not None and report.blamed.name == "fma"


def test_a_pass_that_gives_no_ir_is_blamed(monkeypatch: pytest.MonkeyPatch) -> None:
    def beheaded(func: Func) -> Func:
        return replace(func, body=replace(func.body, ops=func.body.ops[1:]))

    break_pass(monkeypatch, "cse", beheaded)
    report = tv.check(kernels.fused, None, *arrays(), every_pass=True)
    assert report.blamed is not None and report.blamed.name == "cse"
    assert "what it gives is no IR" in report.blamed.fault


def test_a_device_that_differs_is_blamed(monkeypatch: pytest.MonkeyPatch) -> None:
    compile_func = checking.compile_func
    monkeypatch.setattr(checking, "compile_func", lambda func, where, warps: compile_func(swapped(func), where, warps))
    report = tv.check(kernels.fused, None, *arrays(), device="cpu")
    assert report.blamed is not None and report.blamed.name == "cpu"


def test_order_of_programs_is_a_hazard() -> None:
    x, y = np.ones(8, np.float32), np.zeros(8, np.float32)
    report = tv.check(kernels.chained, None, x, y)
    assert not report.ok and report.blamed is None
    assert "depends on the order in which programs run" in report.hazards[0]
    assert "y[1] is 1.0, not 2.0" in report.hazards[0]


def test_what_the_machine_refuses_is_a_hazard() -> None:
    report = tv.check(kernels.unwritten, None, *np.zeros((2, 8), np.float32))
    assert not report.ok and report.steps == ()
    assert "was never written" in report.hazards[0]


def test_a_grid_of_ones_own() -> None:
    a, b, c = arrays(n=64)
    report = tv.check(kernels.fused, (2,), a, b, c)
    assert report.ok and report.programs == (2, 1, 1)


def test_misuse_is_a_page() -> None:
    with pytest.raises(TileError, match="no device is called 'gpu'"):
        tv.check(kernels.fused, None, *arrays(), device="gpu")
    with pytest.raises(TileError, match="needs its argument c"):
        tv.check(kernels.fused, None, *arrays()[:2])


# comparing ----------------------------------------------------------------------------------------------------


def test_any_nan_equals_any_other_and_zeros_have_signs() -> None:
    x = np.array([np.nan, 0.0, 1.0, np.inf], np.float32)
    y = np.array([-np.nan, -0.0, 1.0, np.inf], np.float32)
    assert unlike(x, y, 0.0).tolist() == [False, True, False, False]


def test_tolerance_holds_for_finite_numbers_only() -> None:
    x = np.array([np.nan, 1.0, 100.0, np.inf, np.inf], np.float32)
    y = np.array([1.0, 1.5, 101.5, np.inf, 100.0], np.float32)
    assert unlike(x, y, 0.01).tolist() == [True, False, True, False, True]
    assert unlike(np.array([1]), np.array([2]), 10.0).tolist() == [True]


def test_places_are_indices_of_the_argument_or_of_the_memory_around_it() -> None:
    whole = np.zeros((4, 6), np.int32)
    written = Written({"c": read(whole[::2, 1:4].T, "c")[0]})  # type: ignore[dict-item]
    before = written.read()
    whole[2, 3] = 5
    assert str(written.difference(before, written.read())) == "c[2, 1] is 5, not 0"
    whole[2, 3], whole[1, 0] = 0, 9
    found = str(written.difference(before, written.read()))
    assert found == "the memory around c, 5 elements from its first, is 9, not 0"
    written.write(before)
    assert not whole.any()


# the command --------------------------------------------------------------------------------------------------


def tilevm(*words: str, status: int = 0) -> str:
    done = CliRunner().invoke(main, list(words))
    assert done.exit_code == status, (done.output, done.exception)
    return done.output


def test_command(tmp_path: Path) -> None:
    file = tmp_path / "found.json"
    out = tilevm("check", f"{KERNELS}:fused", "N=40", "T=f16", "--every-pass", "--device", "cpu", "--json", str(file))
    assert [line.split()[0] for line in out.splitlines()] == ["fused", *NAMES, "cpu"]
    found = json.loads(file.read_text())
    assert found["ok"] and found["blamed"] is None and found["programs"] == [3, 1, 1]


def test_command_that_finds_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    break_pass(monkeypatch, "bounds", swapped)
    file = tmp_path / "found.json"
    out = tilevm("check", f"{KERNELS}:fused", "N=40", "--json", str(file), status=1)
    assert "bounds is the first to change the answer" in out
    found = json.loads(file.read_text())
    assert not found["ok"] and found["blamed"] == "bounds" and "exp" in found["diff"]
    assert found["steps"][-1]["difference"]["place"] == "c[0]"


def test_arguments_come_from_the_file() -> None:
    assert "looked_up on 3 x 1 x 1" in tilevm("check", f"{KERNELS}:looked_up", "--every-pass")
    assert "looked_up on 1 x 1 x 1" in tilevm("check", f"{KERNELS}:looked_up", "n=7", "T=bf16", "m=2")
    assert "no dim or constant k" in tilevm("check", f"{KERNELS}:looked_up", "k=7", status=1)


def test_a_hazard_is_a_fault_of_the_command() -> None:
    assert "hazard: " in tilevm("check", f"{KERNELS}:chained", "N=4", status=1)
