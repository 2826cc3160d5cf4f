"""Conformance cases on number types that Tilus shares (cases.json), and what encode refuses."""

from __future__ import annotations

import json
from math import prod
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import tilevm as tv
from tests.conftest import Golden
from tilevm.source import TileError

CASES = json.loads(Path(__file__).with_name("cases.json").read_text(encoding="utf-8"))
Case = dict[str, Any]


def cases(group: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", CASES[group], ids=lambda case: case["id"])


def same(a: Any, b: Any) -> bool:
    a, b = np.asarray(a, float), np.asarray(b, float)
    return np.array_equal(a, b, equal_nan=True) and bool(((np.signbit(a) == np.signbit(b)) | np.isnan(a)).all())


@cases("integers")
def test_integers(case: Case) -> None:
    kind = tv.dtype(case["type"])
    assert (kind.min, kind.max, kind.bits) == (case["min"], case["max"], case["bits"])
    wanted = case.get("decode", [])
    assert tv.decode(np.arange(len(wanted)), kind).tolist() == wanted


@cases("packed")
def test_packed(case: Case) -> None:
    codes = np.zeros(case["shape"], np.uint8)
    packed = tv.pack(codes, case["type"])
    assert packed.nbytes == case["bytes"]
    assert tv.unpack(packed, case["type"], prod(case["shape"])).size == codes.size


@cases("decoded")
def test_decoded(case: Case) -> None:
    kind = tv.dtype(case["type"])
    half = case.get("codes_0_to_half", [])
    assert same(tv.decode(np.arange(len(half)), kind), half)
    codes, values = zip(*case["spot"], strict=True)
    assert same(tv.decode(codes, kind), [float(v) for v in values])
    assert kind.max == case["max"]
    assert kind.smallest_normal == case.get("min_normal", kind.smallest_normal)
    assert kind.smallest_subnormal == case.get("min_subnormal", kind.smallest_subnormal)


@cases("encoded")
@pytest.mark.parametrize("source", [np.float32, np.float64], ids=lambda t: t.__name__)
def test_encoded(case: Case, source: type) -> None:
    values, codes = zip(*case["rows"], strict=True)
    assert tv.encode(np.array([float(v) for v in values], source), case["type"]).tolist() == list(codes)


REFUSED: dict[str, dict[str, Any]] = {
    "negative and large": {"values": [-1, 2**63]},
    "more than 64 bits": {"values": 2**64},
    "complex": {"values": [1j]},
    "objects": {"values": [None, 1]},
    "words": {"values": "abc"},
    "masked": {"values": np.ma.array([1.0])},
    "complex of ml_dtypes": {"values": np.zeros(1, ml_dtypes.bcomplex32)},
    "dates": {"values": np.array(["2020-01-01"], "datetime64[D]")},
    "an unknown type": {"values": 1.0, "dtype": "f8e3m3"},
    "numpy's type": {"values": 1.0, "dtype": np.float16},
    "a near rounding": {"values": 1.0, "rounding": "nearest"},
    "letters that changed places": {"values": 1.0, "rounding": "toward_zeor"},
    "no rounding": {"values": 1.0, "rounding": None},
    "neither true nor false": {"values": 1.0, "saturate": "no"},
    "a negative seed": {"values": 1.0, "seed": -1},
    "a large seed": {"values": 1.0, "seed": 2**64},
    "a seed of floats": {"values": 1.0, "seed": 1.5},
    "a stream that ends": {"values": [1.0, 2.0], "first": 2**64 - 1},
}


def refusal(given: dict[str, Any]) -> str:
    with pytest.raises(TileError) as caught:
        tv.encode(**{"dtype": "f8e4m3", **given})
    return str(caught.value)


def test_refused(golden: Golden) -> None:
    golden("types/encode.txt", "\n\n".join(f"{name}\n{refusal(given)}" for name, given in REFUSED.items()))


def test_ragged_lists_are_refused() -> None:
    assert "numpy reads no array from this list: " in refusal({"values": [[1], [1, 2]]})


@pytest.mark.skipif(np.dtype(np.longdouble).itemsize == 8, reason="longdouble is f64 here")
def test_longdouble_is_refused() -> None:
    with pytest.raises(TileError, match=r"wider than the 64 bits that are read exactly\nhelp: .astype"):
        tv.encode(np.ones(1, np.longdouble), "f16")


def test_torch() -> None:
    torch = pytest.importorskip("torch")
    x = torch.tensor([[1.0, -2.5], [0.1, 1000.0]])
    for name in ("float32", "float64", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2", "int8", "int64", "bool"):
        there = x.to(getattr(torch, name))
        numbers = there.to(torch.float64).numpy()
        for kind in ("f8e4m3", "f16", "f32", "i8"):
            assert np.array_equal(tv.encode(there, kind), tv.encode(numbers, kind)), (name, kind)
        assert np.array_equal(tv.encode(there.T, "f16"), tv.encode(there, "f16").T)
    assert tv.encode(x.requires_grad_()[0, 1], "f16").shape == ()
    with pytest.raises(TileError, match=r"the tensor lives on meta, and the codec runs on the CPU\nhelp: pass .cpu()"):
        tv.encode(x.to("meta"), "f16")
    with pytest.raises(TileError, match="no number type encodes tensors of complex64"):
        tv.encode(x.to(torch.complex64), "f16")
