"""Products with narrow codes: what a thread loads of them is what the matrix instruction takes of it."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, strategies as st

import tilevm as tv
from tests.layout.strategies import register_layouts
from tilevm.ir import Func, ops, threads
from tilevm.ir.rewrite import walk
from tilevm.layout import Layout, column_local, local, spatial
from tilevm.layout.convert import Nothing, Registers, convert
from tilevm.library.linear import quantised_matmul
from tilevm.passes import every_pass, through
from tilevm.passes.layouts.cost import access, along, conversion
from tilevm.passes.layouts.room import room
from tilevm.passes.regroup import regroup, regrouped
from tilevm.passes.row_sums import sum_rows
from tilevm.passes.trips import layout_of
from tilevm.passes.turn import turn
from tilevm.target import target
from tilevm.types import Tile

ROOM = room(target("sm_80"), 4)
CODES = ["u1", "u2", "u3", "u4", "u5", "u8", "i4", "i8", "f4e2m1", "f6e3m2", "f8e4m3"]


def after(name: str, codes: str, kind: str = "f16", machine: str = "sm_80", **constants: object) -> Func:
    given = {"K": 384, "G": 128, "BM": 8, "BN": 64, **constants}
    signature = (
        f"x: {kind}[M, K%16]{{align=16}}, w: {codes}[N, K%16] packed{{align=16}}, "
        f"scale: {kind}[N, H], zero: {kind}[N, H], y: {kind}[M, N]"
    )
    traced = quantised_matmul.compile(signature, device="vm", target=machine, **given).build.tile
    return through(traced, name, every_pass(machine, 4))


def inside(func: Func) -> list[object]:
    (loop,) = (op for op in func.body.ops if isinstance(op, ops.For))
    return list(walk(loop.body))


@pytest.mark.parametrize("kind", ["f16", "bf16"])
@pytest.mark.parametrize("tall", [8, 16])
@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize("codes", CODES)
def test_codes_stay_with_the_thread_that_loads_them(codes: str, zeros: bool, tall: int, kind: str) -> None:
    """In the loop nothing but numbers made of codes is renamed, and only x comes out of shared memory."""
    func = after("prefetch", codes, kind, ZEROS=zeros, BM=tall, K=256)
    converted = [op for op in inside(func) if isinstance(op, ops.Convert)]
    for op in converted:
        tile = op.result.type
        assert isinstance(tile, Tile) and tile.dtype.bits == 16
        plan = convert(layout_of(op.x), layout_of(op.result), 16, ROOM.lanes, ROOM.banks, tile.shape)
        assert isinstance(plan, Registers | Nothing)
    assert len(converted) <= 1
    (ring,) = (op for op in walk(func.body) if isinstance(op, ops.Stage))
    assert ring.of == tv.dtype(kind)
    assert len([op for op in inside(func) if isinstance(op, ops.Dot)]) == 1 + zeros


@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize("codes", ["u3", "u4", "i8", "f6e3m2"])
def test_threads_write_nothing_to_shared_memory_in_the_loop(codes: str, zeros: bool) -> None:
    func = after("barriers", codes, ZEROS=zeros)
    kinds = [type(op) for op in inside(func)]
    assert threads.SharedStore not in kinds and kinds.count(threads.Barrier) == 1
    assert kinds.count(threads.AsyncCopy) == 1


@pytest.mark.parametrize("codes", ["u3", "u4", "f6e3m2"])
def test_codes_are_loaded_in_the_order_of_memory(codes: str) -> None:
    """A thread has a row's neighbours in neighbouring registers, and all of them in as few vectors as there can be."""
    func = after("layouts", codes)
    (load,) = (op for op in inside(func) if isinstance(op, ops.Load) and op.result.type.dtype.bits < 16)  # type: ignore[union-attr]
    layout = layout_of(load.result)
    assert layout == along(layout, 1)
    first = [layout.index_at(0, register) for register in range(32)]
    assert first == [(0, register) for register in range(32)]


@given(register_layouts(2), st.sampled_from([0, 1]))
def test_registers_numbered_along_a_dim(layout: Layout, dim: int) -> None:
    """The same elements in each thread, one after the other along the dim, then along the other one."""
    found = along(layout, dim)
    assert found.shape == layout.shape
    for thread in range(layout.threads):
        before, now = ([of.index_at(thread, r) for r in range(of.registers)] for of in (layout, found))
        assert sorted(map(str, now)) == sorted(map(str, before))
        held = [at for at in now if at is not None]
        assert held == sorted(held, key=lambda at: (at[1 - dim], at[dim]))


def test_other_registers_cost_codes_something_and_numbers_nothing() -> None:
    """A word holds many codes, which are taken out of it and put into another one by one."""
    layout = column_local(8, 4) * spatial(8, 4)
    other = along(layout, 1)
    assert other != layout
    shape = layout.shape
    assert conversion(layout, other, 16, ROOM, shape) == conversion(layout, other, 32, ROOM, shape) == 0
    assert conversion(layout, other, 4, ROOM, shape) == 32 and conversion(layout, layout, 4, ROOM, shape) == 0
    swapped = spatial(32, 1) * Layout.parse("1:0 (2,2):(2@reg,1@reg)")
    straight = spatial(32, 1) * local(1, 4)
    assert along(swapped, 1) == straight
    assert access(swapped, 1, 4, 4, ROOM) - access(straight, 1, 4, 4, ROOM) == 4
    assert access(swapped, 1, 4, 16, ROOM) == access(straight, 1, 4, 16, ROOM)


@pytest.mark.parametrize(("group", "grouped"), [(16, False), (32, True), (40, False), (48, True)])
def test_which_groups_are_regrouped(group: int, grouped: bool) -> None:
    """Whole instructions, and as much of K for each thread that a load is worth it."""
    func = after("regroup", "u4", K=3 * group, G=group)
    assert any(isinstance(op, ops.Permute) and len(op.dims) == 5 for op in walk(func.body)) is grouped


@pytest.mark.parametrize("depth", [32, 128, 384])
def test_where_a_term_of_a_product_comes_to(depth: int) -> None:
    """A thread's share of K is what it loads: every fourth part of an instruction's, in pairs."""
    split, order = regrouped((2, depth), 1)
    moved = np.arange(2 * depth).reshape(split).transpose(order).reshape(2, depth)[0]
    steps = depth // 16
    for t, s, h, e in product(range(4), range(steps), range(2), range(2)):
        assert moved[16 * s + 8 * h + 2 * t + e] == 4 * steps * t + 4 * s + 2 * h + e


def test_machines_without_such_instructions_are_left_alone() -> None:
    """Fragments of 64 lanes are others."""
    before = after("dce", "u4", machine="gfx942", ZEROS=True)
    assert regroup(before, target("gfx942")) is before
    assert sum_rows(before, target("gfx942")) is not before  # the matrix unit adds up rows there too


def test_numbers_of_32_bits_are_left_alone() -> None:
    before = after("dce", "u4", "f32", ZEROS=True)
    for step in (regroup, turn, sum_rows):
        assert step(before, target("sm_80")) is before


@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize("every", [False, True])
def test_the_machine_blames_no_pass(every: bool, zeros: bool) -> None:
    """Rounding is brought back where a pass may round otherwise: every comparison is of bits."""
    rng = np.random.default_rng(0)
    x, codes = rng.standard_normal((7, 256)).astype(np.float16), rng.integers(0, 16, (70, 256)).astype(np.uint8)
    scale, zero = (rng.standard_normal((70, 2)).astype(np.float16) for _ in range(2))
    w = tv.packed(tv.pack(codes, "u4"), "u4", codes.shape)
    given = [x, w, scale, zero, np.zeros((7, 70), np.float16)]
    constants = {"K": 256, "G": 128, "ZEROS": zeros, "BM": 8, "BN": 64}
    report = tv.check(quantised_matmul, None, *given, target="sm_80", every_pass=every, **constants)
    assert report.ok, report
    if every:
        changed = {step.name for step in report.steps if step.changed}
        assert changed >= {"turn", "regroup", "layouts", "prefetch"} and ("row_sums" in changed) is zeros
