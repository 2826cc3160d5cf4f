"""Inference of layouts: every example fits together on every machine, hints are obeyed or refused, answers stay."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import tilevm as tv
from tests.conftest import Golden
from tests.devices import on
from tests.passes.hinted import COLUMNS, ROWS, hinted, torn
from tilevm.cli import example
from tilevm.frontend.kernel import Kernel
from tilevm.ir import OPS, Func, ops
from tilevm.ir.rewrite import walk
from tilevm.ir.verify import verify
from tilevm.layout import Layout, LayoutError, column_local, local, replicate, spatial
from tilevm.layout.bitview import recast
from tilevm.layout.digits import holds
from tilevm.optional import load_file
from tilevm.passes import PIPELINE, layouts, run_passes
from tilevm.passes.layouts.assign import assignment
from tilevm.passes.layouts.forget import forget
from tilevm.passes.layouts.relate import relate
from tilevm.passes.layouts.reshapes import followed, reshaped
from tilevm.passes.layouts.room import room
from tilevm.passes.layouts.verify import verify_layouts
from tilevm.source import TileError
from tilevm.target import TARGETS, target
from tilevm.text import print_func, read_func

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent


def kernels(module: ModuleType | object) -> list[str]:
    return [name for name, held in vars(module).items() if isinstance(held, Kernel)]


EXAMPLES = [
    f"{path.relative_to(ROOT)}:{name}"
    for path in sorted((ROOT / "examples").glob("*.py"))
    for name in kernels(load_file(str(path)))
]


def traced(where: str, **words: object) -> Func:
    """An example as the passes before leave it."""
    named = example.find(str(ROOT / where))
    values, constants = example.arguments(named, words)
    return run_passes(named.kernel.compile(*values, device="vm", **constants).build.tile, PIPELINE)


@pytest.mark.parametrize("where", EXAMPLES)
@pytest.mark.parametrize("machine", ["sm_80", "gfx942"])
def test_examples_fit_together(where: str, machine: str) -> None:
    func = traced(where)
    for warps in (1, 4, 8):
        found = assignment(func, target(machine), warps)
        verify_layouts(verify(found.func), room(target(machine), warps))
        text = print_func(found.func)
        assert print_func(read_func(text)) == text
        assert print_func(forget(found.func)) == print_func(forget(read_func(text)))


def test_every_machine_lays_out_a_product() -> None:
    func = traced("examples/matmul.py:matmul", T="f16", BM=128, BN=128, BK=32)
    for machine in TARGETS:
        found = assignment(func, target(machine), 4)
        verify_layouts(verify(found.func), room(target(machine), 4))
        (way,) = found.state.ways.values()
        assert way.atom is not None and way.atom.a_dtype == tv.f16


def test_every_instruction_says_something_of_layouts() -> None:
    assert relate.missing(OPS.values()) == set()


def test_attention_keeps_its_powers_in_place() -> None:
    """The accumulator of the first product, rounded, is operand a of the second: loops convert what they load alone."""
    func = traced("examples/attention.py:attention", T="f16", d=64, BM=128, BN=64)
    found = assignment(func, target("sm_80"), 4)
    assert {way.grid for way in found.state.ways.values()} == {(4, 1)}
    depth = found.problem.relations.depth
    inside = {str(one.value.type) for one in found.conversions if depth[one.op]}
    assert inside == {"f16[1, 1, 64, 64]", "f16[64, 64]"}  # keys and values; the powers are f16[128, 64]


def test_a_large_product_moves_16_bytes_at_a_time() -> None:
    func = traced("examples/matmul.py:matmul", T="f16", BM=128, BN=128, BK=32)
    found = assignment(func, target("sm_80"), 4)
    for op in walk(found.func.body):
        if isinstance(op, ops.Load) and len(op.shape) == 2:
            layout = op.result.type.layout  # type: ignore[union-attr]
            assert layout is not None and layout.key[0][1][0].extent == 8 and layout.key[0][1][0].axis == "reg"
    assert {way.grid for way in found.state.ways.values()} == {(2, 2)}


X = np.arange(256, dtype=np.float32).reshape(32, 8) / 256


def results(func: Func, of: type) -> list[Layout]:
    return [op.results[0].type.layout for op in walk(func.body) if isinstance(op, of)]  # type: ignore[union-attr,misc]


def test_a_hint_is_obeyed() -> None:
    func = hinted.compile(X, X, target="sm_80", num_warps=1).build.optimised
    assert results(func, ops.SetLayout) == results(func, ops.Exp) == [ROWS]


def test_a_hint_for_fewer_threads_is_held_in_replicas() -> None:
    func = hinted.compile(X, X, target="sm_80", num_warps=4).build.optimised
    assert results(func, ops.Exp) == [replicate(4) * ROWS]


def test_a_hint_can_be_text() -> None:
    func = hinted.compile(X, X, str(COLUMNS), target="sm_80", num_warps=1).build.optimised
    assert results(func, ops.Exp) == [COLUMNS]


@pytest.mark.parametrize("device", ["cpu", "vm"])
def test_hints_change_no_answer(device: str) -> None:
    y = np.zeros_like(X)
    hinted(X, y, device=device)
    np.testing.assert_allclose(y, np.exp(X) * 2, rtol=1e-6)


REFUSED = {
    "two_hints_in_a_loop": lambda: torn.compile(X, X, target="sm_80", num_warps=1),
    "hint_for_other_threads": lambda: hinted.compile(X, X, replicate(3) * ROWS, target="sm_80", num_warps=4),
    "hint_of_another_shape": lambda: hinted.compile(X, X, spatial(8, 4), target="sm_80"),
    "hint_in_memory": lambda: hinted.compile(X, X, "32:8@mem 8:1@mem", target="sm_80"),
    "hint_misspelt": lambda: hinted.compile(X, X, "(32,8)", target="sm_80"),
    "hint_of_no_layout": lambda: hinted.compile(X, X, 32, target="sm_80"),
    "too_many_warps": lambda: hinted.compile(X, X, target="gfx942", num_warps=32),
    "code_for_a_gpu_does_not_run": lambda: hinted(X, X, target="sm_80"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(name: str, golden: Golden, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    with pytest.raises(TileError) as caught:
        REFUSED[name]()
    golden(HERE / "refused" / f"{name}.txt", str(caught.value))


@tv.kernel("x: T[16, 16], y: f32[16, 16]", grid=lambda **_: 1)
def squared(x: tv.Tensor, y: tv.Tensor) -> None:
    tile = x.load((0, 0), (16, 16))
    y.store((0, 0), tv.dot(tile, tile))


@pytest.mark.parametrize("kind", [np.float16, np.float32])
@pytest.mark.parametrize("device", ["sm_80", "gfx942", "emulator"])
def test_a_tile_that_is_both_factors(device: str, kind: type) -> None:
    x, y = np.random.default_rng(0).integers(-4, 5, (16, 16)).astype(kind), np.zeros((16, 16), np.float32)
    squared(x, y, **on(device))
    assert np.array_equal(y, x.astype(np.float32) @ x.astype(np.float32))


def test_tiles_that_no_threads_divide() -> None:
    """The layout exceeds the tile where each thread then holds fewer elements; elsewhere it is exact."""
    four = room(target("sm_80"), 4)
    assert four.blocked((1000,), (), 4) == local(2) * spatial(128) * local(4)
    assert four.blocked((7, 64), (), 4) == spatial(8, 16) * local(1, 4)
    assert four.blocked((96, 64), (), 4).shape == (96, 64)
    assert room(target("sm_80"), 3).blocked((96,), (), 1) == spatial(96)


RESHAPES = [
    ((9, 224), (9, 7, 32), 21),  # seven blocks in each row: lanes go along blocks, warps along rows
    ((9, 7, 32), (9, 224), 21),
    ((9, 1, 224), (9, 7, 32, 1), 21),
    ((24, 40), (960,), 15),
    ((960,), (24, 40), 15),
    ((100, 12), (100, 3, 4), 12),
    ((6, 4, 64), (4, 6, 64), 24),  # each cuts across the other
    ((64, 6, 4), (64, 4, 6), 24),
    ((16, 128), (32, 64), 16),
]


@pytest.mark.parametrize(("before", "after", "registers"), RESHAPES)
def test_what_a_reshape_leaves_in_place(before: tuple[int, ...], after: tuple[int, ...], registers: int) -> None:
    """A layout shared out among the threads, and what it becomes: each element stays where it is."""
    found = followed(room(target("sm_80"), 4), before, after, 1)
    there = reshaped(found, before, after)
    assert holds(found, before) and holds(there, after) and found.threads == there.threads == 128
    assert found.registers == there.registers == registers
    for index in np.ndindex(before):
        other = np.unravel_index(np.ravel_multi_index(index, before), after)
        assert found.owners(index) == there.owners(tuple(map(int, other)))


def test_what_exceeds_a_tile_goes_through_no_other_dims() -> None:
    over = spatial(16, 8) * local(1, 4)
    assert reshaped(over, (9, 32), (9, 8, 4)).shape == (16, 8, 4)
    assert reshaped(over, (9, 32), (1, 9, 32)).shape == (1, 16, 32)
    with pytest.raises(LayoutError, match=r"exceeds the tile \[9, 32\], which cannot become \[3, 3, 32\] in place"):
        reshaped(over, (9, 32), (3, 3, 32))


def test_layouts_of_what_is_loaded() -> None:
    """What ``Compiled.layouts`` gives: the fragments that the product takes."""
    named = example.find(str(ROOT / "examples/matmul.py:matmul"))
    values, constants = example.arguments(named, {"T": "f16", "BM": 64, "BN": 64, "BK": 32})
    found = named.kernel.compile(*values, target="sm_80", **constants).layouts
    operand = column_local(2, 2) * spatial(8, 4) * local(1, 2)
    assert found["a"] / operand == spatial(2, 1) * replicate(2) * local(2, 2)
    assert found["b"].shape == (32, 64)
    assert named.kernel.compile(*values, **constants).layouts == {}


def test_views_cut_what_a_thread_holds() -> None:
    assert recast(spatial(32) * local(2), 8, 4) == spatial(32) * local(4)
    assert recast(spatial(32) * local(3), 8, 6) == spatial(32) * local(4)
    assert recast(spatial(8, 4) * local(1, 4), 8, 32) == spatial(8, 4)
    with pytest.raises(ValueError, match="is no product with"):
        recast(spatial(32) * local(2), 8, 32)


@pytest.mark.parametrize("where", ["examples/softmax.py:softmax", "examples/matmul.py:matmul"])
def test_the_machine_gives_the_same_answer_before_and_after(where: str) -> None:
    """Tile by tile after each pass, then as threads and as PTX."""
    named = example.find(str(ROOT / where))
    small = {"BM": 64, "BN": 64, "BK": 32} if "matmul" in where else {}
    values, constants = example.arguments(named, small)
    report = tv.check(named.kernel, None, *values, target="sm_80", every_pass=True, **constants)
    names = [step.name for step in report.steps]
    assert report.ok and names[-5:] == ["layouts", "stage", "prefetch", "sm_80 threads", "sm_80 PTX"]


def test_the_pass_is_one_of_the_pipeline() -> None:
    step = layouts(target("sm_80"), 4)
    assert step.name == "layouts" and step.run.__doc__
