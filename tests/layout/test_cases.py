"""Conformance cases that the layout algebra of Tilus shares (cases.json), and the fragments of the manuals."""

import json
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tilevm import layout as algebra
from tilevm.layout import Layout, LayoutError, column_local, local, spatial

CASES = json.loads(Path(__file__).with_name("cases.json").read_text(encoding="utf-8"))
Case = dict[str, Any]


def cases(group: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", CASES[group], ids=lambda case: case["id"])


def composed(factors: list[list[Any]]) -> Layout:
    """The product of constructor calls, outermost first."""
    result = Layout()
    for name, *arguments in factors:
        result = result * getattr(algebra, name)(*arguments)
    return result


def digest(layout: Layout) -> str:
    """The hash by which cases.json fixes a whole map."""
    lines = []
    for index in product(*map(range, layout.shape)):
        owners = layout.owners(index)
        lines.append(",".join(str(thread) for thread, _ in owners) + f":{owners[0][1]};")
    return sha256("".join(lines).encode()).hexdigest()[:16]


def check(layout: Layout, case: Case) -> None:
    """Everything that a case says of its layout."""
    assert layout == Layout.parse(case["text"])
    assert str(layout) == str(Layout.parse(case["text"]))
    assert layout.threads == case.get("threads", layout.threads)
    assert layout.registers == case.get("registers", layout.registers)
    assert digest(layout) == case.get("table", digest(layout))
    for index, threads, register in case.get("samples", ()):
        assert layout.owners(tuple(index)) == tuple((thread, register) for thread in threads)
        assert all(layout.index_at(thread, register) == tuple(index) for thread in threads)


@cases("maps")
def test_products(case: Case) -> None:
    check(composed(case["factors"]), case)


@cases("canonical")
def test_canonical_forms(case: Case) -> None:
    given = Layout.parse(case["given"])
    check(given, case)
    assert given.canonical().dims == Layout.parse(case["text"]).dims


@cases("quotients")
def test_quotients(case: Case) -> None:
    whole, factor = composed(case["product"]), composed(case["factor"])
    divide = {"left": Layout.left_divide, "right": Layout.__truediv__}[case["side"]]
    if case["text"] is None:
        with pytest.raises(LayoutError):
            divide(whole, factor)
    else:
        check(divide(whole, factor), case)


@cases("views")
def test_views(case: Case) -> None:
    layout, view = composed(case["factors"]), getattr(Layout, case["method"])
    if "equal" in case:
        assert view(layout, *case["arguments"]) == composed(case["equal"])
    elif case["text"] is None:
        with pytest.raises(LayoutError):
            view(layout, *case["arguments"])
    else:
        check(view(layout, *case["arguments"]), case)


def test_mma_m16n8k16_operand_a() -> None:
    """PTX ISA, mma.m16n8k16 with f16: row and column of each register half."""
    fragment = column_local(2, 2) * spatial(8, 4) * local(1, 2)
    assert str(fragment) == "(8,2):(4@thread,2@reg) (2,4,2):(1@reg,1@thread,4@reg)"
    for lane, register in product(range(32), range(8)):
        pair, half = divmod(register, 2)
        row, column = lane // 4 + 8 * (pair % 2), lane % 4 * 2 + half + 8 * (pair // 2)
        assert fragment.index_at(lane, register) == (row, column)
        assert fragment.owners((row, column)) == ((lane, register),)


def test_wgmma_accumulator() -> None:
    """PTX ISA, wgmma m64n256 D: four warps below each other, 8×8 cores across."""
    fragment = spatial(4, 1) * column_local(2, 32) * spatial(8, 4) * local(1, 2)
    assert (fragment.shape, fragment.threads, fragment.registers) == ((64, 256), 128, 128)
    for thread, register in product(range(128), range(128)):
        warp, lane = divmod(thread, 32)
        row = 16 * warp + lane // 4 + 8 * (register // 2 % 2)
        column = 8 * (register // 4) + lane % 4 * 2 + register % 2
        assert fragment.index_at(thread, register) == (row, column)
    warps = fragment / (spatial(8, 4) * local(1, 2))
    assert warps == spatial(4, 1) * column_local(2, 32)
