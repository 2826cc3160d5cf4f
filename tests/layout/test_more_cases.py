"""Conformance cases of memory, views, covers and blocks of instructions (more_cases.json)."""

from __future__ import annotations

import json
from hashlib import sha256
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from tests.layout.strategies import register_layouts
from tests.layout.test_cases import composed, digest
from tilevm.layout import Layout, LayoutError, Mode, Swizzle, covers, local, replicate, row_major, spatial
from tilevm.layout.bitview import bits_of, check_view, recast
from tilevm.target import shared_operand, target
from tilevm.target.operand import operand_layout

CASES = json.loads(Path(__file__).with_name("more_cases.json").read_text(encoding="utf-8"))
Case = dict[str, Any]


def cases(group: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", CASES[group], ids=lambda case: case["id"])


def offsets(layout: Layout) -> list[int]:
    return [layout(index) for index in product(*map(range, layout.shape))]


def check_memory(layout: Layout, expect: Case) -> None:
    """Everything that a case says of offsets."""
    found = offsets(layout)
    assert len(set(found)) == layout.size
    assert layout.cosize == expect.get("size", layout.cosize)
    assert found == expect.get("offsets_row_major", found)
    assert all(layout(tuple(one["index"])) == one["offset"] for one in expect.get("samples", ()))
    text = sha256(",".join(map(str, found)).encode()).hexdigest()[:16]
    assert text == expect.get("sha256_16", text)


def modes_of(shape: list[int], extents: list[int], strides: list[int]) -> Layout:
    """Dims of which each takes the modes that fill its extent, slowest first."""
    pairs, dims = list(zip(extents, strides, strict=True)), []
    for extent in shape:
        run: list[Mode] = []
        while prod(mode.extent for mode in run) < extent:
            run.insert(0, Mode(pairs[0][0], "mem", pairs.pop(0)[1]))
        dims.append(tuple(run))
    return Layout(tuple(dims))


@cases("shared.basic")
def test_plain_memory(case: Case) -> None:
    if case["op"] == "row_major":
        check_memory(row_major(*case["shape"]), case["expect"])
    else:
        given = case["layout"]
        layout = modes_of(given["shape"], given["modes"], given["strides"])
        expected = modes_of(given["shape"], case["expect"]["modes"], case["expect"]["strides"])
        assert layout.canonical().dims == expected.dims


@cases("shared.swizzle")
def test_swizzled_rows(case: Case) -> None:
    given = case["expect"]["layout"]
    base, bits, shift = given["swizzle"]
    plain = modes_of(given["shape"], given["modes"], given["strides"])
    check_memory(plain.swizzle(Swizzle(bits, base, shift)), case["expect"])


@cases("shared.swizzle_fn")
def test_swizzle_of_numbers(case: Case) -> None:
    swizzle = Swizzle(case["bits"], case["base"], case["shift"])
    assert [swizzle(x) for x in case["x"]] == case["expect"]["y"]
    assert swizzle.then(swizzle).rows == ()


@cases("shared.canonical")
def test_operands_in_shared_memory(case: Case) -> None:
    expect = case["expect"]
    if case.get("generate"):
        major = "k" if case["major"] == "K" else "mn"
        found = shared_operand(tuple(case["shape"]), 16, major, case["swizzle_bytes"])
        assert (found.stride, found.leading) == (expect["SBO"], expect["LBO"])
        assert len(set(offsets(found.layout))) == found.layout.size == found.layout.cosize
    else:
        strides = case["LBO_elems"], case["SBO_elems"]
        layout = operand_layout(tuple(expect["shape"]), 128 // case["T"], "k", case["swizzle_bytes"], *strides)
        check_memory(layout, expect)


@pytest.mark.parametrize("swizzle", [0, 32, 64, 128])
@pytest.mark.parametrize("major", ["k", "mn"])
def test_eight_rows_of_a_chunk_lie_in_different_banks(swizzle: int, major: Any) -> None:
    """What a canonical layout is for: 8 rows at one chunk of 16 bytes fill all 32 banks, whatever the swizzle."""
    layout = shared_operand((64, 64), 16, major, swizzle).layout
    for chunk in range(0, 64, 8):
        rows = [layout((row, chunk) if major == "k" else (chunk, row)) * 2 // 16 for row in range(8)]
        assert len({row % 8 for row in rows}) == 8


@pytest.mark.parametrize(
    ("shape", "bits", "swizzle", "message"),
    [
        ((60, 64), 16, 128, "extent 60 of dim 0 is not a multiple of 8"),
        ((64, 48), 16, 128, "extent 48 of dim 1 is not a multiple of 64"),
        ((64, 64), 16, 48, "swizzles are"),
        ((64, 64), 6, 128, "elements of 6 bits"),
    ],
)
def test_operands_that_no_descriptor_tells(shape: tuple[int, int], bits: int, swizzle: int, message: str) -> None:
    with pytest.raises(LayoutError, match=message):
        shared_operand(shape, bits, "k", swizzle)


@cases("mma.block")
def test_blocks_of_instructions(case: Case) -> None:
    (atom,) = [a for a in target("sm_80").mma_atoms if ".m16n8k16.row.col.f32.f16.f16.f32" in a.name]
    (down, across), (m, n, k) = case["warps"], case["repeat_mnk"]
    assert atom.b is not None
    layouts = {
        "B": replicate(down) * spatial(1, across) * local(k, n) * atom.b,
        "C": spatial(down, across) * local(m, n) * atom.c,
    }
    layout = layouts[case["operand"]]
    assert (layout.threads, layout.registers) == (case["expect"]["num_threads"], case["expect"]["elements_per_thread"])
    for one in case["expect"]["samples"]:
        assert layout.owners(tuple(one["index"])) == tuple((thread, one["local"]) for thread in one["threads"])
    assert digest(layout) == case["expect"]["table_sha256_16"]


@cases("layout.cover")
def test_covers(case: Case) -> None:
    first, second = (image(case[name]) for name in ("fa", "fb"))
    assert covers(first, second) is case["expect"]["fa_covers_fb"]


def image(given: Case) -> Layout:
    """A function to threads: ``image`` lists digits of the index, slowest first; negative ones are replicas."""
    held = [entry for entry in given["image"] if entry >= 0]
    shape, strides, replicas, step, slots = given["shape"], {}, [], 1, 1
    for entry in reversed(given["image"]):
        if entry < 0:
            replicas.append(Mode(-entry, "thread", step))
        else:
            strides[entry] = step
        step *= -entry if entry < 0 else given["modes"][entry]
    dims = []
    for mode, extent in enumerate(given["modes"]):
        dims.append((Mode(extent, "thread", strides[mode]) if mode in held else Mode(extent, "reg", slots),))
        slots *= 1 if mode in held else extent
    assert [d[0].extent for d in dims] == shape
    return Layout(tuple(dims), tuple(replicas))


@cases("layout.invalid")
def test_a_mode_cannot_straddle_two_dims(case: Case) -> None:
    """Modes 8 and 3 under dims 4 and 6. Here a mode belongs to one dim: 8 is cut where that divides, else refused."""
    outer, inner = case["modes"]
    cut = (spatial(outer) * local(inner)).reshape(case["shape"])
    assert [[mode.extent for mode in modes] for modes in cut.dims] == [[4], [3, 2]]
    with pytest.raises(LayoutError, match="8:1@reg straddles a cut at extent 6"):
        (spatial(inner) * local(outer)).reshape(case["shape"])


@cases("layout.concat")
def test_dims_side_by_side(case: Case) -> None:
    """Two layouts as dims of one are a product of both, each with unit dims for the other's."""
    first, second = (composed(case[name]) for name in ("lhs", "rhs"))
    both = first.unsqueeze(range(first.rank, first.rank + second.rank)) * second.unsqueeze(range(first.rank))
    assert (both.threads, both.registers) == (case["expect"]["num_threads"], case["expect"]["elements_per_thread"])
    for one in case["expect"]["samples"]:
        assert both.owners(tuple(one["index"])) == tuple((thread, one["local"]) for thread in one["threads"])


@cases("view")
def test_views(case: Case) -> None:
    held, wanted = (composed(case[name]["layout"]) for name in ("src", "dst"))
    bits, new_bits = case["src"]["bits"], case["dst"]["bits"]
    if not case["expect"]["compatible"]:
        with pytest.raises(LayoutError, match="a view keeps the"):
            check_view(held, bits, wanted, new_bits)
        return
    for one in case["expect"]["samples"]:
        places = bits_of(held, bits, wanted, new_bits, tuple(one["dst_index"]))
        assert (one["thread"], one["src_local"], one["bit_in_src"]) in places
        assert held.index_at(one["thread"], one["src_local"]) == tuple(one["src_index"])


def test_a_view_that_does_not_fit_tells_what_would() -> None:
    with pytest.raises(
        LayoutError, match="are 16, 6 of 8 are 48; one that would do has 32 threads with 2 elements each"
    ):
        check_view(spatial(32), 16, spatial(32) * local(6), 8)
    with pytest.raises(LayoutError, match="has 32, 64:1@thread has 64; one that would do"):
        check_view(spatial(32), 16, spatial(64), 16)
    with pytest.raises(LayoutError, match=r"are 8, 1 of 6 are 6$"):
        check_view(spatial(32), 8, spatial(32), 6)


@given(register_layouts(2), st.sampled_from([(8, 4), (4, 8), (16, 32), (8, 6), (6, 8), (8, 8)]))
def test_rows_cut_anew_are_views(layout: Layout, widths: tuple[int, int]) -> None:
    """Where ``recast`` exists, the bits of each row stay in order."""
    bits, new_bits = widths
    try:
        wanted = recast(layout, bits, new_bits)
    except LayoutError:
        return
    check_view(layout, bits, wanted, new_bits)
    for row, column in product(*map(range, wanted.shape)):
        for thread, slot, bit in bits_of(layout, bits, wanted, new_bits, (row, column)):
            index = layout.index_at(thread, slot)
            assert index is not None and index[0] == row and index[1] * bits + bit == column * new_bits


@cases("layout.mfunc_compose")
def test_composition_of_functions(case: Case) -> None:
    """Digits of an index, the slowest first, make a thread's number; -r stands for r threads that hold the same."""
    first, second = (function(*case[name]) for name in ("f", "g"))
    both = function(*case["expect"]["g_after_f"])
    for index in product(*map(range, both.shape)):
        ((number, _),) = first.owners(index)
        assert {thread for thread, _ in both.owners(index)} == {thread for thread, _ in second.owners((number,))}


def function(shape: list[int], modes: list[int], picked: list[int]) -> Layout:
    """Registers hold the digits that ``picked`` leaves out."""
    step, slot, strides, replicas = 1, 1, {}, []
    for entry in reversed(picked):
        if entry < 0:
            replicas.append(Mode(-entry, "thread", step))
        else:
            strides[entry] = step
        step *= -entry if entry < 0 else modes[entry]
    runs: list[Mode] = []
    for digit in reversed(range(len(modes))):
        home = Mode(modes[digit], "thread", strides[digit]) if digit in strides else Mode(modes[digit], "reg", slot)
        slot *= 1 if digit in strides else modes[digit]
        runs.append(home)
    whole = Layout((tuple(runs),), tuple(replicas))
    return whole.reshape(shape)
