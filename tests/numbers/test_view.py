"""``.view``: the bits of rows cut anew, against bits counted one by one and against numpy."""

from math import gcd
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import tilevm as tv
from tests.numbers.launch import DEVICES, KINDS, bits, bytes_for, random_bytes, settled, tensor
from tilevm.source import TileError
from tilevm.types import DType

ROWS = 2
NUMBERS = [kind for kind in KINDS if not kind.is_bool]
devices = pytest.mark.parametrize("device", DEVICES)


@tv.kernel
def viewed(x: tv.Tensor, y: tv.Tensor, N: tv.constexpr):
    y.store((0, 0), x.load((0, 0), (2, N)).view(y.dtype))


def check_view(old: DType, new: DType, times: int, device: str) -> None:
    count = new.bits // gcd(old.bits, new.bits) * times
    made = count * old.bits // new.bits
    x, y = random_bytes(times, bytes_for(old, (ROWS, count))), np.zeros(bytes_for(new, (ROWS, made)), np.uint8)
    stream = settled(bits(x), old, range(ROWS * count)) & (1 << ROWS * count * old.bits) - 1
    x[:] = np.frombuffer(stream.to_bytes(x.size, "little"), np.uint8)
    viewed[1](tensor(x, old, (ROWS, count)), tensor(y, new, (ROWS, made)), count, device=device)
    assert settled(bits(y), new, range(ROWS * made)) == settled(stream, new, range(ROWS * made))


@devices
@given(old=st.sampled_from(NUMBERS), new=st.sampled_from(NUMBERS), times=st.integers(1, 2))
def test_any_two_types(old: DType, new: DType, times: int, device: str) -> None:
    check_view(old, new, times, device)


@devices
@pytest.mark.parametrize("width", range(1, 65))
def test_bytes_as_each_width_and_back(width: int, device: str) -> None:
    kind = tv.dtype(f"{'ui'[width % 2]}{width}")
    check_view(tv.u8, kind, 1, device)
    check_view(kind, tv.u8, 2, device)


@devices
@pytest.mark.parametrize(
    ("old", "new"), [(np.float32, np.int32), (np.float64, np.uint64), (np.uint8, np.uint32), (np.float16, np.uint8)]
)
def test_as_numpy_views(old: Any, new: Any, device: str) -> None:
    x = (np.random.default_rng(0).standard_normal((2, 8)) * 100).astype(old)
    y = np.zeros_like(x.view(new))
    viewed[1](x, y, 8, device=device)
    assert (y == x.view(new)).all()


@devices
def test_rows_are_those_of_the_indices(device: str) -> None:
    @tv.kernel
    def turned(x: tv.Tensor, y: tv.Tensor):
        y.store((0, 0), x.load((0, 0), (2, 4)).T.view(tv.u16))

    x, y = np.arange(8, dtype=np.uint8).reshape(2, 4), np.zeros((4, 1), np.uint16)
    turned[1](x, y, device=device)
    assert (y == np.ascontiguousarray(x.T).view(np.uint16)).all()


@devices
def test_numbers_keep_their_width(device: str) -> None:
    @tv.kernel
    def numbers(x: tv.Tensor, s: tv.Tensor, y: tv.Tensor):
        y.store(0, s.view(tv.i32))
        y.store(1, (1.0).view(tv.i32))
        y.store(2, tv.max(x.load(0, 4)).view(tv.f8e4m3).to(tv.f32).view(tv.i32))

    y = np.zeros(3, np.int32)
    numbers[1](np.arange(4, dtype=np.uint8) + 53, 0.5, y, device=device)
    assert y.view(np.float32).tolist() == [0.5, 1.0, 1.0]


@devices
def test_nan_has_its_canonical_code_or_the_one_that_was_loaded(device: str) -> None:
    y = np.zeros((2, 4), np.uint8)
    x = np.array([[0x7F, 0xFF, 0x7E, 0]] * 2, np.uint8)
    viewed[1](tensor(x, tv.f8e5m2, (2, 4)), y, 4, device=device)
    assert y.tolist() in ([[0x7E, 0xFE, 0x7E, 0]] * 2, x.tolist())


def test_bits_that_were_never_written_are_told() -> None:
    @tv.kernel
    def half(x: tv.Tensor, y: tv.Tensor, N: tv.constexpr):
        tile = tv.join(x.load(0, 2), tv.empty((2,), tv.u4)).view(tv.u8)
        y.store(0, tile[:, 0] if N else tv.join(x.load(0, 2), x.load(0, 2)).view(tv.u8)[:, 0])

    x, y = tv.packed(bytearray(b"\x21"), tv.u4, (2,)), np.zeros(2, np.uint8)
    half[1](x, y, 0, device="vm")
    assert y.tolist() == [0x11, 0x22]
    with pytest.raises(TileError, match="an element of store was never written"):
        half[1](x, y, 1, device="vm")
