"""Each pass on texts: ``<pass>/<case>.tvm`` holds the function before, ``----``, and after; nothing where it stays."""

import re
from pathlib import Path

import pytest

from tilevm.ir import Func, Op
from tilevm.ir.rewrite import walk
from tilevm.ir.verify import verify
from tilevm.passes import PIPELINE, Pass, layouts, run_passes, through
from tilevm.passes.dce import drop_unused
from tilevm.passes.pipeline import UNSCALE, regrouping, summing, turning
from tilevm.source import TileError
from tilevm.target import target
from tilevm.text import print_func, read_func

HERE = Path(__file__).parent
CASES = sorted(HERE.glob("*/*.tvm"))
SM_80 = target("sm_80")
OF_TARGET = (UNSCALE, summing(SM_80), turning(SM_80), regrouping(SM_80), layouts(SM_80, 4))
PASSES = {p.name: p for p in (*PIPELINE, *OF_TARGET)}
NUMBERED = re.compile(r"%[\w.]+")
each_case = pytest.mark.parametrize("path", CASES, ids=lambda p: f"{p.parent.name}-{p.stem}")


def halves(path: Path) -> tuple[str, str]:
    before, after = path.read_text(encoding="utf-8").split("----\n")
    return before, after


@each_case
def test_case(path: Path) -> None:
    before, after = halves(path)
    func = verify(read_func(before))
    result = verify(PASSES[path.parent.name].run(func))
    if after:
        assert print_func(result) == print_func(verify(read_func(after)))
    else:
        assert result is func


@each_case
@pytest.mark.parametrize("step", PIPELINE, ids=lambda p: p.name)
def test_input_is_untouched(path: Path, step: Pass) -> None:
    func = read_func(halves(path)[0])
    text = print_func(func)
    step.run(func)
    assert print_func(func) == text
    assert strangers(func) == []


def strangers(func: Func) -> list[Op]:
    """Instructions whose results say that they come from another."""
    return [op for op in walk(func.body) if any(r.owner is not op for r in op.results)]


@each_case
def test_second_run_changes_nothing(path: Path) -> None:
    step = PASSES[path.parent.name]
    if step.name == "layouts":
        pytest.skip("layouts are decided once")
    once = step.run(read_func(halves(path)[0]))
    twice = step.run(once)
    assert twice is once


@each_case
def test_what_is_restored_is_what_was_given(path: Path) -> None:
    """But for what nobody uses, and for names; of ``fma`` a subtraction comes back as a sum."""
    step, before = PASSES[path.parent.name], read_func(halves(path)[0])
    if step.restore is None or step.name == "fma":
        pytest.skip("gives the same answers bit for bit, or another sign")
    restored = drop_unused(verify(step.restore(step.run(before))))
    assert unnamed(restored) == unnamed(before)


def unnamed(func: Func) -> str:
    """The text, its values numbered in the order in which they come up."""
    names: dict[str, str] = {}
    return NUMBERED.sub(lambda found: names.setdefault(found[0], f"%{len(names)}"), print_func(func))


def test_every_pass_has_cases() -> None:
    count = {name: sum(p.parent.name == name for p in CASES) for name in PASSES}
    assert min(count.values()) >= 4, count
    assert {p.parent.name for p in CASES} == set(PASSES)


def test_through_stops_after_a_pass() -> None:
    text = halves(HERE / "fma" / "add.tvm")[0]
    assert "fma" not in print_func(through(read_func(text), "hoist"))
    assert "fma" in print_func(through(read_func(text), "fma"))


def test_unknown_pass() -> None:
    with pytest.raises(TileError) as caught:
        through(read_func(halves(CASES[0])[0]), "hoistt")
    assert str(caught.value) == "error: no pass is called 'hoistt'\nhelp: did you mean 'hoist'?"


def test_observer_sees_each_pass_in_order() -> None:
    seen: list[str] = []
    func = read_func(halves(HERE / "dce" / "all_used.tvm")[0])
    assert run_passes(func, observe=lambda step, before, after: seen.append(step.name)) is func
    assert seen == ["scales", "widen", "fold", "cse", "hoist", "fma", "bounds", "dce"]
