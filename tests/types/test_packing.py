"""Packed codes against one long integer, for every width."""

from __future__ import annotations

from math import ceil

import numpy as np
import pytest
from hypothesis import given, strategies as st

import tilevm as tv
from tilevm.source import TileError
from tilevm.types import NAMED, integer
from tilevm.types.codec.arrays import code_dtype

WIDTHS = range(1, 65)


def stream(codes: list[int], width: int) -> bytes:
    """Element i shifted to bit i * width of one integer."""
    whole = sum(code << (i * width) for i, code in enumerate(codes))
    return whole.to_bytes(ceil(len(codes) * width / 8), "little")


@pytest.mark.parametrize("width", WIDTHS)
def test_every_width(width: int) -> None:
    rng = np.random.default_rng(width)
    for count in (*range(20), 63, 64, 65, 1001):
        codes = rng.integers(0, 2**width - 1, count, dtype=np.uint64, endpoint=True)
        for kind in (integer(width, False), integer(width, True)):
            packed = tv.pack(codes, kind)
            assert packed.dtype == np.uint8 and packed.tobytes() == stream(codes.tolist(), width)
            back = tv.unpack(packed, kind, count)
            assert back.dtype == code_dtype(kind) and np.array_equal(back, codes)


@given(data=st.data(), width=st.integers(1, 64))
def test_any_codes(data: st.DataObject, width: int) -> None:
    codes = data.draw(st.lists(st.integers(0, 2**width - 1), max_size=40))
    after = data.draw(st.binary(max_size=9))
    packed = tv.pack(np.array(codes, np.uint64), f"u{width}").tobytes()
    assert packed == stream(codes, width)
    count = data.draw(st.integers(0, len(codes)))
    for buffer in (packed + after, bytearray(packed + after), memoryview(packed + after)):
        assert tv.unpack(buffer, f"i{width}", count).tolist() == codes[:count]


@pytest.mark.parametrize("width", [1, 3, 4, 6, 7, 8, 12, 16, 33])
def test_long_streams(width: int) -> None:
    """Longer than the chunks that are worked on at a time."""
    codes = np.random.default_rng(0).integers(0, 2**width, 50_003, dtype=np.uint64)
    packed = tv.pack(codes, f"u{width}")
    bits = ((codes[:, None] >> np.arange(width, dtype=np.uint64)) & np.uint64(1)).astype(np.uint8)
    assert np.array_equal(packed, np.packbits(bits.ravel(), bitorder="little"))
    assert np.array_equal(tv.unpack(packed, f"u{width}", len(codes)), codes)


@pytest.mark.parametrize("kind", [k for k in NAMED.values() if not k.is_integer], ids=str)
def test_numbers_through_bytes(kind: tv.DType) -> None:
    x = np.random.default_rng(1).standard_normal((5, 7)) + 3
    codes = tv.encode(x, kind)
    packed = tv.pack(codes, kind)
    assert packed.nbytes == ceil(35 * kind.bits / 8)
    assert np.array_equal(tv.unpack(packed, kind, 35), codes.ravel())
    assert np.array_equal(tv.pack(codes.T, kind), tv.pack(codes.T.copy(), kind))


def test_one_code_and_none() -> None:
    assert tv.pack(5, "u3").tolist() == [5]
    assert tv.pack([], "u3").shape == tv.unpack(b"", "u3", 0).shape == (0,)
    assert tv.unpack(np.array([[0x21], [0x43]], np.uint8), "u4", np.int64(3)).tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("buffer", "kind", "count", "says"),
    [
        (b"abc", "u5", 5, "5 elements of u5 take 4 bytes, and the buffer has 3\nhelp: it holds 4 elements"),
        (b"", "f16", 1, "1 elements of f16 take 2 bytes, and the buffer has 0\nhelp: it holds 0 elements"),
        (b"abc", "u5", -1, "the count is -1, and cannot be negative"),
        (b"abc", "u5", 1.5, "the count is an integer, not 1.5"),
        (np.zeros(3), "u5", 1, "packed elements lie in bytes, not in float64\nhelp: .view"),
        (np.zeros(3, np.int8), "u5", 1, "packed elements lie in bytes, not in int8"),
        ("abc", "u5", 1, "no number type encodes arrays of str96"),
        (memoryview(b"abcd")[::2], "u5", 1, "packed elements lie in bytes without gaps"),
    ],
)
def test_refused(buffer: object, kind: str, count: object, says: str) -> None:
    with pytest.raises(TileError, match=says):
        tv.unpack(buffer, kind, count)


def test_codes_that_do_not_fit() -> None:
    with pytest.raises(TileError, match="the code 8 at index 1, 0 is none of u3: those go from 0 to 7"):
        tv.pack([[1], [8]], "u3")
    with pytest.raises(TileError, match="codes are integers, not float64"):
        tv.pack([1.0], "u3")


def test_another_shape_of_the_same_elements() -> None:
    held = tv.packed(np.arange(9, dtype=np.uint8), "u3", (4, 6))
    found = held.reshape((2, 2, 6))
    assert (found.buffer is held.buffer, found.dtype, found.shape) == (True, held.dtype, (2, 2, 6))
    assert found.held.strides == (12, 6, 1) and held.reshape(24).shape == (24,)
    assert held.reshape(2, 12).shape == (2, 12)
    with pytest.raises(TileError) as caught:
        held.reshape((5, 5))
    told = "error: 24 elements do not make the shape (5, 5), which has 25\nhelp: this tensor is u3[4, 6]"
    assert str(caught.value) == told
