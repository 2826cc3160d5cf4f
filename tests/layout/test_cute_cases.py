"""Conformance cases of CuTe's functions (cute.json)."""

import json
from math import prod
from pathlib import Path
from typing import Any

import pytest

from tilevm.layout import (
    Layout,
    Mode,
    coalesce,
    column_major,
    complement,
    composition,
    left_inverse,
    right_inverse,
    strided,
)

CASES = json.loads(Path(__file__).with_name("cute.json").read_text(encoding="utf-8"))
Case = dict[str, Any]


def cases(group: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", CASES[group], ids=json.dumps)


def nested(value: Any) -> Any:
    return tuple(map(nested, value)) if isinstance(value, list) else value


def read(pair: list[Any]) -> Layout:
    return strided(nested(pair[0]), nested(pair[1]))


def values(layout: Layout) -> list[int]:
    return [layout(i) for i in range(layout.size)]


@cases("coalesce")
def test_coalesce(case: Case) -> None:
    layout = read(case["layout"])
    found = coalesce(layout)
    assert found == read(case["result"])
    assert values(found) == values(layout) == case["values"]


@cases("complement")
def test_complement(case: Case) -> None:
    layout = read(case["layout"])
    found = complement(layout, case["size"])
    assert found == read(case["result"])
    assert values(found) == case["result_values"] and values(layout) == case["values"]
    assert set(values(found)) & set(values(layout)) == {0}


@cases("composition")
def test_composition(case: Case) -> None:
    """CuTe makes dims of the modes where the inner shape is a plain number; here the inner shape is kept."""
    inner, (shape, stride) = read(case["inner"]), case["result"]
    found = composition(read(case["outer"]), inner)
    assert found == read(case["result"] if isinstance(case["inner"][0], list) else [[shape], [stride]])
    assert found.shape == inner.shape and values(found) == case["values"]


@cases("left_inverse")
def test_left_inverse(case: Case) -> None:
    layout = read(case["layout"])
    found = left_inverse(layout)
    assert found == read(case["result"])
    assert values(layout) == case["values"] and [found(i) for i in case["values"]] == list(range(layout.size))


@cases("right_inverse")
def test_right_inverse(case: Case) -> None:
    layout = read(case["layout"])
    found = right_inverse(layout)
    assert found == read(case["result"])
    assert [layout(i) for i in values(found)] == list(range(found.size))


@cases("sizes")
def test_sizes(case: Case) -> None:
    [shape] = case["arguments"]
    assert read([shape, shape]).size == case["result"]


@cases("offsets")
def test_offsets(case: Case) -> None:
    index, stride = case["arguments"]
    layout = read([json.loads(json.dumps(index), parse_int=lambda digits: int(digits) + 1), stride])
    assert layout(nested(index)) == case["result"]


def flat(value: Any) -> list[int]:
    return [part for item in value for part in flat(item)] if isinstance(value, list) else [value]


@cases("shape_div")
def test_what_is_left_of_a_shape(case: Case) -> None:
    """Steps of n through a shape whose digits lie on axes of their own: the extents that are left of each."""
    shape = flat(case["shape"])
    digits = Layout(tuple((Mode(extent, f"d{dim}", 1),) for dim, extent in enumerate(shape)))
    steps = strided(max(1, digits.size // case["by"]), case["by"] if case["by"] < digits.size else 0)
    found = composition(digits, steps)
    left = [prod(mode.extent for mode in found.modes() if mode.axis == f"d{dim}") for dim in range(len(shape))]
    assert left == flat(case["result"])


@cases("prefix_product")
def test_strides_without_gaps(case: Case) -> None:
    strides = [mode.stride for modes in column_major(*flat(case["shape"])).dims for mode in modes]
    assert strides == flat(case["result"])
