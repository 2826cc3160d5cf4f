"""Loads begun a trip ahead: which are, which stay, and that no answer changes and no access leaves its tensor."""

from __future__ import annotations

from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

import tilevm as tv
from tests.conftest import Golden
from tests.devices import on
from tests.passes import prefetch_kernels as kernels
from tilevm.frontend.kernel import Kernel
from tilevm.ir import Block, Func, ops
from tilevm.ir.rewrite import walk
from tilevm.passes import every_pass, through
from tilevm.passes.prefetch import MOST, prefetch
from tilevm.text import print_func

HERE = Path(__file__).parent
THREADED = ["sm_80", "gfx942", "emulator"]


def given(size: int, trips: int) -> list[object]:
    """``trips`` of 64 bytes."""
    x = np.random.default_rng(size).integers(0, 256, size).astype(np.uint8)
    return [x, np.zeros(64, np.int32), 64 * trips]


def before(kernel: Kernel, *values: object, **constants: object) -> Func:
    traced = kernel.gridless.compile(*values, device="vm", target="sm_80", **constants).build.tile
    return through(traced, "stage", every_pass("sm_80", 4))


def loops(block: Block) -> list[ops.For]:
    return [op for op in walk(block) if isinstance(op, ops.For)]


def begun(func: Func) -> int:
    """How many loads the pass begins ahead: tiles that a loop carries more than it did."""
    found = [sum(len(loop.carried) for loop in loops(f.body)) for f in (func, prefetch(func))]
    return found[1] - found[0]


AHEAD = {
    **{"sums": 1, "rows": 1, "filled": 1, "around": 1, "kept": 1, "chosen": 1, "endless": 1, "downwards": 1},
    **{"looked_up": 1, "looked_up_twice": 1, "looked_up_or_not": 1},
    "looked_up_in_a_tile": 1,  # the load of that one
    "unrolled": 2,
    "nested": 3,  # of the outer loop, of the inner one, and where the inner one begins, in the outer one
    **dict.fromkeys(("filled_anew", "stored", "stored_below", "carried", "at_once", "counted"), 0),
}


@pytest.mark.parametrize("name", AHEAD)
def test_which_loads_are_begun_ahead(name: str) -> None:
    func = before(getattr(kernels, name), *given(300, 4))
    assert not any(isinstance(op, ops.Fetch) for op in walk(func.body))
    assert begun(func) == AHEAD[name]
    assert (prefetch(func) is func) is (AHEAD[name] == 0)


def same(kernel: Kernel, values: list[object], device: str, **constants: object) -> None:
    """Runs a kernel there and tile by tile; the arrays must be the same then."""
    found, wanted = ([v.copy() if isinstance(v, np.ndarray) else v for v in values] for _ in range(2))
    asked = kernel[1] if kernel.grid is None else kernel
    asked(*found, **constants, **on(device))
    asked(*wanted, **constants, device="vm")
    for one, other in zip(found, wanted, strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("device", THREADED)
@pytest.mark.parametrize("name", AHEAD)
def test_no_answer_changes(name: str, device: str) -> None:
    """No trips, one, two and more, of a tensor that ends before the loop, with it and behind it."""
    for trips in (-1, 0, 1, 2, 5):
        for size in (1, 64 * max(trips, 1) - 1, 64 * max(trips, 1), 64 * (trips + 2) + 1):
            same(getattr(kernels, name), given(size, trips), device)


@pytest.mark.parametrize("device", THREADED)
def test_tensors_without_elements(device: str) -> None:
    for trips in (0, 1, 3):
        same(kernels.sums, given(0, trips), device)


@pytest.mark.parametrize("device", THREADED)
@pytest.mark.parametrize("step", [1, 3, 64, 2**30, 2**31 - 1])
def test_the_index_behind_the_last_may_fit_no_type(step: int, device: str) -> None:
    """It wraps around, and what is loaded there is what stands outside."""
    x, y, _ = given(100, 0)
    same(kernels.sums, [x, y, min(5 * step, 2**31 - 1)], device, B=step)


@pytest.mark.parametrize("device", THREADED)
@pytest.mark.parametrize("height", [0, 1, 4])
def test_what_is_proved_of_the_loop_does_not_hold_behind_it(height: int, device: str) -> None:
    """Rows of the tensor are proved to lie inside in the loop, and not before it and behind it; columns always."""
    x = np.random.default_rng(0).integers(0, 256, (height, 128)).astype(np.uint8)
    values: list[object] = [x, np.zeros((height, 128), np.int32), 3]
    same(kernels.inside, values, device)
    func = before(kernels.inside, *values)
    grid = through(
        kernels.inside.compile(*values, device="vm", target="sm_80").build.tile, "stage", every_pass("sm_80", 4)
    )
    assert [op.inbounds for op in walk(func.body) if isinstance(op, ops.Load)] == [(True, False)]
    assert [op.inbounds for op in walk(grid.body) if isinstance(op, ops.Load)] == [(True, True)]
    assert [op.inbounds for op in walk(prefetch(grid).body) if isinstance(op, ops.Load)] == [(False, True)] * 2


def test_the_first_of_trips_that_are_known_keeps_its_proofs(golden: Golden) -> None:
    call = kernels.inside.compile("x: u8[4, N%64], y: i32[4, N], n: i32", device="vm", target="sm_80")
    func = through(call.build.tile, "stage", every_pass("sm_80", 4))
    found = [op.inbounds for op in walk(prefetch(func).body) if isinstance(op, ops.Load)]
    assert found == [(True, True), (False, True)]
    golden(HERE / "prefetched" / "inside.txt", f"{print_func(func)}\n{print_func(prefetch(func))}")


def test_no_more_wait_than_registers_are_for() -> None:
    values: list[object] = [np.arange(9000).astype(np.float16), np.zeros(8192, np.float32), 8192]
    func = before(kernels.many, *values)
    (loop,) = loops(prefetch(func).body)
    shapes = [load.shape[0] for load in loop.body.ops if isinstance(load, ops.Load)]
    assert MOST == 24 and shapes == [4096, 1024, 8192, 2048]  # the first two of them are those of the next trip
    assert begun(func) == 2


@pytest.mark.parametrize("device", THREADED)
def test_several_loads(device: str) -> None:
    for size, trips in ((9001, 2), (8192, 1), (100, 1), (0, 0)):
        x = (np.arange(size) % 99).astype(np.float16)
        same(kernels.many, [x, np.zeros(8192, np.float32), 8192 * trips], device)


@pytest.mark.parametrize("device", THREADED)
def test_loads_behind_a_part_may_meet_what_others_write(device: str) -> None:
    """What they give is dropped, so nobody races."""
    same(kernels.in_place, [given(1000, 0)[0], np.zeros(1000, np.int32), 3], device)


KINDS = {
    **{"bool": np.bool_, "u8": np.uint8, "f16": np.float16, "bf16": ml_dtypes.bfloat16, "i64": np.int64},
    **{"f64": np.float64, "f8e4m3": ml_dtypes.float8_e4m3fn},
}


@pytest.mark.parametrize("device", THREADED)
@pytest.mark.parametrize("kind", KINDS)
def test_elements_of_every_width(kind: str, device: str) -> None:
    for height in (1, 4, 7):
        x = np.random.default_rng(height).integers(0, 2 if kind == "bool" else 16, (height, 33)).astype(KINDS[kind])
        values: list[object] = [x, np.zeros((height, 33)), 6]
        same(kernels.of_type, values, device)
        assert begun(before(kernels.of_type, *values)) == 1


@pytest.mark.parametrize("device", THREADED)
@pytest.mark.parametrize("kind", ["u1", "u3", "u4", "i5", "f6e3m2", "i7"])
def test_packed_codes_that_begin_inside_a_byte(kind: str, device: str) -> None:
    for height in (1, 4, 7):
        codes = np.random.default_rng(height).integers(0, 1 << tv.dtype(kind).bits, (height, 33)).astype(np.uint8)
        x = tv.packed(tv.pack(codes, kind), kind, codes.shape)
        found, wanted = np.zeros((height, 33)), np.zeros((height, 33))
        kernels.of_codes[1](x, found, 6, **on(device))
        kernels.of_codes[1](x, wanted, 6, device="vm")
        assert np.array_equal(found, wanted)
        assert begun(before(kernels.of_codes, x, found, 6)) == 1
