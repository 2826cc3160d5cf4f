"""``.view(dtype, layout)``: the registers of each thread cut anew, against the definition, bit by bit."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import tilevm as tv
from tests.conftest import Golden
from tests.layout.strategies import register_layouts
from tests.layout.test_cases import composed
from tests.numbers.launch import DEVICES
from tilevm.layout import Layout, local, replicate, spatial
from tilevm.layout.bitview import bits_of
from tilevm.source import TileError
from tilevm.types import DType

HERE = Path(__file__).parent
CASES = json.loads((HERE.parent / "layout" / "more_cases.json").read_text(encoding="utf-8"))["view"]
devices = pytest.mark.parametrize("device", DEVICES)


@tv.kernel(grid=(1,))
def seen(x: tv.Tensor, y: tv.Tensor, held: tv.constexpr, wanted: tv.constexpr):
    zero = (0,) * len(held.shape)
    tile = tv.set_layout(x.load(zero, held.shape), held)
    y.store((0,) * len(wanted.shape), tile.view(y.dtype, wanted))


def run(held: Layout, wanted: Layout, old: DType, new: DType, device: str) -> None:
    """Every element of the view, its bits taken one by one from where ``bits_of`` says that they are."""
    codes = np.random.default_rng(0).integers(0, 1 << old.bits, held.shape).astype(np.uint64)
    out = np.zeros(-(-wanted.size * new.bits // 8), np.uint8)
    given = tv.packed(tv.pack(codes, old), old, held.shape)
    seen(given, tv.packed(out, new, wanted.shape), held, wanted, device=device)
    found = tv.unpack(out, new, wanted.size).reshape(wanted.shape)
    for index in product(*map(range, wanted.shape)):
        for thread, slot, bit in bits_of(held, old.bits, wanted, new.bits, index):
            expected = 0
            for k in range(new.bits):
                place, within = divmod(slot * old.bits + bit + k, old.bits)
                source = held.index_at(thread, place)
                assert source is not None
                expected |= (int(codes[source]) >> within & 1) << k
            assert int(found[index]) == expected


def unsigned(bits: int) -> DType:
    return tv.dtype(f"u{bits}")


@devices
@pytest.mark.parametrize("case", [c for c in CASES if c["expect"]["compatible"]], ids=lambda c: c["id"])
def test_cases(case: dict[str, Any], device: str) -> None:
    held, wanted = (composed(case[name]["layout"]) for name in ("src", "dst"))
    run(held, wanted, unsigned(case["src"]["bits"]), unsigned(case["dst"]["bits"]), device)


@st.composite
def views(draw: st.DrawFn) -> tuple[Layout, Layout, int, int]:
    """A layout, and one on the same threads with other registers: any dims, any order, any width."""
    threads = draw(register_layouts(2))
    old, new = draw(st.sampled_from([(8, 4), (8, 6), (4, 8), (8, 8), (16, 8), (8, 1), (6, 8), (3, 8)]))
    front = draw(st.booleans())
    held, wanted = (
        local(1, count) * threads * local(more, 1) if front else local(more, 1) * threads * local(1, count)
        for count, more in ((new, 2), (old, 2))
    )
    return held, wanted.permute(draw(st.permutations(range(2)))), old, new


@settings(max_examples=40)
@given(views())
def test_any_two_layouts(view: tuple[Layout, Layout, int, int]) -> None:
    held, wanted, old, new = view
    for device in DEVICES:
        run(held, wanted, unsigned(old), unsigned(new), device)


@devices
@pytest.mark.parametrize("bits", [1, 2, 3, 4, 5, 6, 7, 8])
def test_bytes_as_the_fragment_of_a_product(bits: int, device: str) -> None:
    """Tilus' weights: so many bytes a thread as an element has bits, seen as 8 elements of operand b."""
    held = spatial(32) * local(bits)
    wanted = local(2, 1) * spatial(4, 8, order=(1, 0)) * local(2, 1) * local(1, 1)
    run(held, local(2, 1) * wanted, unsigned(8), unsigned(bits), device)


@devices
def test_replicas_may_part(device: str) -> None:
    """What two threads hold alike may be seen as two elements; the other way round is refused."""
    run(replicate(2) * spatial(4) * local(2), spatial(8) * local(4), unsigned(8), unsigned(4), device)


WRONG = {
    "other_threads": (spatial(32) * local(3), spatial(64) * local(2)),
    "other_bits": (spatial(32) * local(3), spatial(32) * local(8)),
    "different_bits_in_one_element": (spatial(8), replicate(2) * spatial(4) * local(2)),
}


@pytest.mark.parametrize("name", WRONG)
def test_refusals(name: str, golden: Golden, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(HERE.parents[1])
    held, wanted = WRONG[name]
    with pytest.raises(TileError) as caught:
        run(held, wanted, unsigned(8), unsigned(4), "vm")
    golden(HERE / "views" / f"{name}.txt", str(caught.value))


@tv.kernel(grid=(1,))
def unsaid(x: tv.Tensor, y: tv.Tensor, wanted: tv.constexpr):
    y.store(0, x.load(0, 8).view(tv.u4, wanted))


def test_the_layout_has_to_be_said(golden: Golden, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(HERE.parents[1])
    x = np.zeros(8, np.uint8)
    with pytest.raises(TileError) as caught:
        unsaid(x, x, spatial(8) * local(2), device="vm")
    golden(HERE / "views" / "unsaid.txt", str(caught.value))
