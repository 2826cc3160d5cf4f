"""Loads of pipelined loops: which run ahead, what becomes of the loop, and that the answer stays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tilevm as tv
from tests.conftest import Golden
from tests.devices import on
from tests.passes import stage_kernels as kernels
from tilevm.frontend.kernel import Kernel
from tilevm.ir import Func, Op, ops, threads
from tilevm.ir.rewrite import walk
from tilevm.library.linear import quantised_matmul
from tilevm.passes import every_pass, through
from tilevm.passes.layouts.products import tile_of
from tilevm.passes.trips import layout_of
from tilevm.source import TileError
from tilevm.text import print_func

HERE = Path(__file__).parent


def problem(m: int, n: int, k: int, kind: type, turned: bool = False) -> list[np.ndarray]:
    rng = np.random.default_rng(m + n + k)
    a, b = rng.standard_normal((m, k)).astype(kind), rng.standard_normal((n, k) if turned else (k, n)).astype(kind)
    return [a, b, np.zeros((m, n), np.float32)]


def after(kernel: Kernel, name: str, *given: object, target: str = "sm_80", **constants: object) -> Func:
    """The function of a kernel after a pass."""
    traced = kernel.compile(*given, device="vm", target=target, **constants).build.tile
    return through(traced, name, every_pass(target, 4))


def count(func: Func, kind: type) -> int:
    return sum(isinstance(op, kind) for op in walk(func.body))


def test_the_loop_written_anew(golden: Golden) -> None:
    given = problem(64, 64, 64, np.float16)
    before, found = (after(kernels.product, name, *given, BM=64, BN=64, BK=32, S=3) for name in ("layouts", "stage"))
    golden(HERE / "staged" / "product.txt", f"{print_func(before)}\n{print_func(found)}")


@pytest.mark.parametrize("stages", [2, 3, 4])
def test_one_barrier_and_one_wait_a_trip(stages: int) -> None:
    func = after(kernels.product, "barriers", *problem(64, 64, 64, np.float16), BM=64, BN=64, BK=32, S=stages)
    (loop,) = (op for op in func.body.ops if isinstance(op, ops.For))
    inside = [type(op) for op in loop.body.ops]
    (wait,) = (op for op in loop.body.ops if isinstance(op, threads.AsyncWait))
    assert inside.count(threads.Barrier) == 1
    assert inside.index(threads.AsyncWait) < inside.index(threads.Barrier) < inside.index(threads.AsyncCopy)
    assert wait.pending == stages - 2  # a group a trip, all but that of the trip itself
    assert inside.count(threads.AsyncCopy) == 2 and inside.count(threads.AsyncCommit) == 1
    copies = [op.copy for op in loop.body.ops if isinstance(op, threads.MatrixLoad)]
    assert ["trans" in copy for copy in copies] == [False, True]


def test_one_stage_stays_as_it_is() -> None:
    given = problem(64, 64, 64, np.float16)
    before, found = (after(kernels.product, name, *given, BM=64, BN=64, BK=32, S=1) for name in ("layouts", "stage"))
    assert print_func(before) == print_func(found)


def test_a_machine_without_such_copies_loads_in_the_loop() -> None:
    given = problem(64, 64, 64, np.float16)
    func = after(kernels.product, "stage", *given, target="gfx942", BM=64, BN=64, BK=32, S=3)
    assert count(func, ops.Load) == 2 and not count(func, ops.Fetch)


VECTOR = np.arange(2048, dtype=np.float32)
LEFT: dict[str, tuple[Kernel, list[np.ndarray]]] = {
    "stores": (kernels.stores, [VECTOR, np.zeros_like(VECTOR)]),
    "pointed": (kernels.pointed, [VECTOR, np.array([2, 0, 3], np.int32), np.zeros(512, np.float32)]),
    "filled": (kernels.filled, [VECTOR[:1040], np.zeros(512, np.float32)]),
    "far": (kernels.far, [VECTOR, np.zeros(512, np.float32)]),
    "narrow": (kernels.narrow, [np.arange(1500).astype(np.uint8), np.zeros(512, np.int32)]),
}


@pytest.mark.parametrize("name", LEFT)
def test_what_cannot_go_ahead_stays(name: str) -> None:
    kernel, given = LEFT[name]
    assert not count(after(kernel.gridless, "stage", *given), ops.Fetch)
    found, wanted = ([v.copy() for v in given] for _ in range(2))
    kernel[1](*found, device="vm", target="sm_80")
    kernel[1](*wanted, device="vm")
    assert all(map(np.array_equal, found, wanted))


@pytest.mark.parametrize("device", ["sm_80", "gfx942", "emulator"])
@pytest.mark.parametrize("stages", [2, 3, 4])
@pytest.mark.parametrize("pages", [0, 1, 2, 3, 7])
def test_places_that_are_looked_up(pages: int, stages: int, device: str) -> None:
    """As those of pages: the tensor that has them ends where the loop does, and copies run ahead of it."""
    p = np.random.default_rng(pages).integers(0, 4, pages).astype(np.int32)
    for kernel in (kernels.follows, kernels.follows_in_branches):
        found, wanted = np.zeros(512, np.float32), np.zeros(512, np.float32)
        kernel[1](VECTOR, p, found, S=stages, **on(device))
        kernel[1](VECTOR, p, wanted, S=stages, device="vm")
        assert np.array_equal(found, wanted)


def test_places_are_looked_up_once() -> None:
    """And early: copies of a trip begin at its end, where they need not be waited for, but where two stages are all."""
    given = [VECTOR, np.zeros(3, np.int32), np.zeros(512, np.float32)]
    for stages, late in ((2, False), (3, True)):
        func = after(kernels.follows.gridless, "stage", *given, S=stages)
        (loop,) = (op for op in func.body.ops if isinstance(op, ops.For))
        inside = [type(op) for op in loop.body.ops]
        assert inside.count(ops.Fetch) == 2 and (inside.index(ops.Fetch) > inside.index(ops.Staged)) is late
        func = after(kernels.follows.gridless, "tidy", *given, S=stages)
        (loop,) = (op for op in func.body.ops if isinstance(op, ops.For))
        assert sum(isinstance(op, threads.GlobalLoad) for op in loop.body.ops) == 1


def test_no_pass_is_to_blame_for_places_that_are_looked_up() -> None:
    """The tile machine reports what is read out of range, after each pass."""
    for kernel in (kernels.follows, kernels.follows_in_branches):
        given = [VECTOR, np.array([3, 1, 0], np.int32), np.zeros(512, np.float32)]
        report = tv.check(kernel, (1,), *given, S=3, target="sm_80", every_pass=True)
        assert report.ok, report


@pytest.mark.parametrize("device", ["sm_80", "gfx942", "emulator"])
@pytest.mark.parametrize("stages", [2, 3, 5])
@pytest.mark.parametrize("depth", [0, 32, 64, 96, 256])
def test_any_number_of_trips(depth: int, stages: int, device: str) -> None:
    """Fewer trips than stages, none, and more."""
    a, b, c = problem(64, 128, depth, np.float16)
    kernels.product[1, 2](a, b, c, BM=64, BN=64, BK=32, S=stages, **on(device))
    assert np.abs(c - a.astype(np.float32) @ b.astype(np.float32)).max() < 1e-3


@pytest.mark.parametrize("device", ["sm_80", "emulator"])
@pytest.mark.parametrize(("stages", "blocks"), [(2, (64, 32)), (3, (32, 128)), (4, (64, 64))])
@pytest.mark.parametrize("extents", [(70, 40, 8), (64, 72, 48), (33, 136, 104), (64, 64, 80)])
def test_any_extents(extents: tuple[int, int, int], blocks: tuple[int, int], stages: int, device: str) -> None:
    """Edges in each direction, depths that 16 divides and that it does not, slots of unlike sizes."""
    rows, columns, depth = extents
    (BM, BN), (a, b, c) = blocks, problem(rows, columns, depth, np.float16)
    grid = -(-rows // BM), -(-columns // BN)
    kernels.ragged[grid](a, b, c, BM=BM, BN=BN, BK=32, S=stages, **on(device))
    assert np.abs(c - a.astype(np.float32) @ b.astype(np.float32)).max() < 1e-3


@pytest.mark.parametrize(("depth", "numbers"), [(48, 2), (40, 4)])
def test_masks_ask_as_little_as_the_depth_allows(depth: int, numbers: int) -> None:
    """The rows of b that threads copy are 8 apart: where 16 divides the depth, two and two are inside together."""
    a, b, c = problem(128, 128, depth, np.float16)
    func = after(kernels.ragged, "advance", a, b, c, BM=128, BN=128, BK=32, S=3)
    (loop,) = (op for op in func.body.ops if isinstance(op, ops.For))
    kinds = {type(op) for op in loop.body.ops}
    assert ops.Mul not in kinds and ops.Cast not in kinds and threads.Numbers not in kinds
    left = [op.a.owner for op in loop.body.ops if isinstance(op, ops.Gt)]
    told = [
        len(set(op.b.owner.values))
        for op in left
        if isinstance(op, ops.Sub) and isinstance(op.b.owner, threads.Numbers)
    ]
    assert told == ([numbers] if numbers == 2 else [])
    assert (ops.Sub in kinds) is (numbers != 2)


@pytest.mark.parametrize("device", ["sm_80", "emulator"])
def test_operands_turned_on_the_way(device: str) -> None:
    a, b, c = problem(64, 64, 96, np.float16, turned=True)
    func = after(kernels.turned.gridless, "stage", a, b, c, S=3)
    (loop,) = (op for op in func.body.ops if isinstance(op, ops.For))
    assert count(func, ops.Fetch) == 6 and not any(isinstance(op, ops.Convert) for op in loop.body.ops)
    kernels.turned[1](a, b, c, S=3, **on(device))
    assert np.abs(c - a.astype(np.float32) @ b.astype(np.float32).T).max() < 1e-3


@pytest.mark.parametrize("device", ["sm_80", "gfx942", "emulator"])
def test_operands_of_64_bits(device: str) -> None:
    rng = np.random.default_rng(0)
    a, b = (rng.integers(-9, 9, shape).astype(np.float64) for shape in ((48, 32), (48, 8)))
    c = np.zeros((32, 8))
    kernels.doubles[1](a, b, c, S=2, **on(device))
    assert np.array_equal(c, a.T @ b)


@pytest.mark.parametrize("device", ["sm_80", "emulator"])
def test_a_tile_of_one_matrix(device: str) -> None:
    rng = np.random.default_rng(0)
    a, b = (rng.integers(-9, 9, (rows, 12)).astype(np.float32) for rows in (8, 64))
    c = np.zeros((8, 64), np.float32)
    kernels.single[1](a, b, c, S=2, num_warps=1, **on(device))
    assert np.array_equal(c, a @ b.T)


@pytest.mark.parametrize("device", ["sm_80", "emulator"])
def test_products_of_numbers_read_the_ring(device: str) -> None:
    a, b, c = problem(64, 64, 96, np.float32)
    func = after(kernels.by_numbers.gridless, "barriers", a, b, c, S=2)
    assert count(func, threads.AsyncCopy) == 4 and not count(func, threads.SharedStore)
    kernels.by_numbers[1](a, b, c, S=2, **on(device))
    assert np.abs(c - a @ b).max() < 1e-4


@pytest.mark.parametrize("device", ["sm_80", "emulator"])
def test_products_of_numbers_have_their_rings_in_rows_whatever_others_want(device: str) -> None:
    rng = np.random.default_rng(0)
    a, b = (rng.integers(-2, 3, shape).astype(np.float32) for shape in ((16, 64), (64, 8)))
    c = np.zeros((16, 8), np.float32)
    func = after(kernels.both_ways.gridless, "stage", a, b, c, S=2)
    assert not any(op.memory.xor for op in walk(func.body) if isinstance(op, ops.Stage))
    kernels.both_ways[1](a, b, c, S=2, **on(device))
    first, last = slice(32), slice(32, 64)
    wanted = sum(a[:, part] @ b[part] @ b[part].T @ b[part] for part in (first, last))
    assert np.array_equal(c, wanted)


def largest(rows: int, columns: int, depth: int, once: bool) -> list[np.ndarray]:
    a, b, c = problem(rows, columns, depth, np.float16)
    return [a[:, :32].copy() if once else a, b, c, np.zeros(64, np.float32)]


def of_loop(func: Func, kind: type) -> list[Op]:
    (loop,) = (op for op in func.body.ops if isinstance(op, ops.For))
    return [op for op in walk(loop.body) if isinstance(op, kind)]


def of_shape(found: list[Op], *shape: int) -> list[Op]:
    return [op for op in found if tile_of(op.results[0]).shape == shape]


def test_a_tile_in_shared_memory_is_read_once_more_for_a_product() -> None:
    """Not written there again; and it lies there as the product wants it, matrix by matrix."""
    given = largest(64, 64, 96, False)
    func = after(kernels.taken_twice.gridless, "stage", *given, S=3)
    one, other = of_shape(of_loop(func, ops.Staged), 64, 32)
    assert layout_of(one.results[0]) != layout_of(other.results[0]) and not of_loop(func, ops.Convert)
    (product,) = of_loop(func, ops.Dot)
    assert product.operands[0].owner is other
    lowered = after(kernels.taken_twice.gridless, "barriers", *given, S=3)
    assert len(of_loop(lowered, threads.MatrixLoad)) == 2 and not of_loop(lowered, threads.SharedStore)
    alone = after(kernels.product, "stage", *given[:3], BM=64, BN=64, BK=32, S=3)
    stages = [[op.memory for op in walk(f.body) if isinstance(op, ops.Stage)] for f in (func, alone)]
    assert stages[0] == stages[1]


def test_a_tile_in_registers_goes_through_shared_memory() -> None:
    func = after(kernels.made_once.gridless, "stage", *largest(64, 64, 96, True), S=3)
    (converted,) = of_loop(func, ops.Convert)
    assert isinstance(converted.operands[0].owner, ops.Cast)
    assert len(of_loop(func, ops.Staged)) == 2


def test_rows_are_read_once_more_for_their_sum() -> None:
    """So many rows are added up by threads, and multiplied by the matrix unit with their terms regrouped."""
    kinds = ("x: f16[M, 384]", "w: u4[N, 384] packed", "scale: f16[N, H]", "zero: f16[N, H]", "y: f16[M, N]")
    signature = ", ".join(f"{kind}{{align=16}}" for kind in kinds)
    constants = {"K": 384, "G": 128, "ZEROS": True, "BM": 32, "BN": 64}
    traced = quantised_matmul.compile(signature, device="vm", target="sm_80", **constants).build.tile
    func = through(traced, "stage", every_pass("sm_80", 4))
    assert len(of_loop(func, ops.Sum)) == 1 and len(of_loop(func, ops.Dot)) == 1
    assert len(of_shape(of_loop(func, ops.Staged), 32, 128)) == 2
    assert not of_shape(of_loop(func, ops.Convert), 32, 128)


@pytest.mark.parametrize("device", ["sm_80", "gfx942", "emulator"])
@pytest.mark.parametrize("stages", [1, 2, 3])
@pytest.mark.parametrize("once", [False, True])
def test_products_and_maxima_of_the_same_tiles(once: bool, stages: int, device: str) -> None:
    kernel = kernels.made_once if once else kernels.taken_twice
    for depth in (0, 32, 96):
        given = largest(64, 64, depth, once) if depth or not once else largest(64, 64, 32, once)
        found, wanted = ([v.copy() for v in given] for _ in range(2))
        kernel[1](*found, S=stages, **on(device))
        kernel[1](*wanted, S=stages, device="vm")
        assert np.abs(found[2] - wanted[2]).max() < 1e-3 and np.allclose(found[3], wanted[3], rtol=1e-6)


def test_what_does_not_fit_is_refused_with_what_would() -> None:
    with pytest.raises(TileError, match=r"needs \d+ bytes of shared memory") as caught:
        after(kernels.product, "place", *problem(128, 128, 128, np.float16), BM=128, BN=128, BK=128, S=4)
    assert "num_stages" in str(caught.value) and "%a" in str(caught.value) and "%b" in str(caught.value)
