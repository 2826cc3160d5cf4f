"""Packed tensors of every width in kernels: what is loaded and stored, and the bits beside it, one by one."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import tilevm as tv
from tests.numbers.launch import (
    DEVICES,
    INTEGERS,
    KINDS,
    bits,
    bytes_for,
    code,
    random_bytes,
    settled,
    tensor,
    with_code,
)
from tilevm.types import DType

SOURCE, TARGET, BOX = (5, 7), (6, 9), (4, 5)
devices = pytest.mark.parametrize("device", DEVICES)


@tv.kernel
def move(x: tv.Tensor, y: tv.Tensor, i: tv.Tensor, R: tv.constexpr = BOX[0], C: tv.constexpr = BOX[1]):
    """The box of x that begins at (i[0], i[1]), to (i[2], i[3]) in y."""
    at = i.load(0, 4)
    y.store((at[2], at[3]), x.load((at[0], at[1]), (R, C)))


def moved(x: np.ndarray, y: np.ndarray, kind: DType, at: tuple[int, ...]) -> tuple[int, list[int]]:
    """The bits of y afterwards, by the definition, and which elements are stored."""
    source, target, stored = bits(x), bits(y), []
    nothing = int(tv.encode(0, kind))
    for r, c in np.ndindex(BOX):
        (a, b), (p, q) = (at[0] + r, at[1] + c), (at[2] + r, at[3] + c)
        held = nothing
        if 0 <= a < SOURCE[0] and 0 <= b < SOURCE[1]:
            held = code(source, kind, a * SOURCE[1] + b)
        if 0 <= p < TARGET[0] and 0 <= q < TARGET[1]:
            stored.append(p * TARGET[1] + q)
            target = with_code(target, kind, stored[-1], held)
    return target, stored


def check_move(kind: DType, at: tuple[int, ...], seed: int, device: str) -> None:
    x, y = random_bytes(seed, bytes_for(kind, SOURCE)), random_bytes(seed + 1, bytes_for(kind, TARGET))
    expected, stored = moved(x, y, kind, at)
    move[1](tensor(x, kind, SOURCE), tensor(y, kind, TARGET), np.array(at, np.int32), device=device)
    assert settled(bits(y), kind, stored) == settled(expected, kind, stored)


@devices
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_box_moves_and_its_neighbours_stay(kind: DType, device: str) -> None:
    check_move(kind, (1, 1, 2, 3), kind.bits, device)


@devices
@given(
    kind=st.sampled_from(KINDS),
    at=st.tuples(*[st.integers(-5, 9)] * 4),
    seed=st.integers(0, 99),
)
def test_boxes_anywhere(kind: DType, at: tuple[int, ...], seed: int, device: str) -> None:
    check_move(kind, at, seed, device)


@tv.kernel
def spread(x: tv.Tensor, y: tv.Tensor, i: tv.Tensor, j: tv.Tensor, m: tv.Tensor, N: tv.constexpr):
    """y[j] = x[i] where m holds."""
    mask = m.load(0, N) != 0
    y.scatter(j.load(0, N), x.gather(i.load(0, N), mask), mask)


@devices
@given(kind=st.sampled_from(KINDS), data=st.data())
def test_gather_and_scatter(kind: DType, data: Any, device: str) -> None:
    count, chosen = 11, 5
    places = st.lists(st.integers(0, count - 1), min_size=chosen, max_size=chosen)
    i, j = data.draw(places), data.draw(st.permutations(range(count)))[:chosen]
    mask = data.draw(st.lists(st.booleans(), min_size=chosen, max_size=chosen))
    x, y = random_bytes(1, bytes_for(kind, (count,))), random_bytes(2, bytes_for(kind, (count,)))
    expected = bits(y)
    for a, b, wanted in zip(i, j, mask, strict=True):
        if wanted:
            expected = with_code(expected, kind, b, code(bits(x), kind, a))
    numbers = (np.array(v, np.int32) for v in (i, j, mask))
    spread[1](tensor(x, kind, (count,)), tensor(y, kind, (count,)), *numbers, chosen, device=device)
    stored = [b for b, wanted in zip(j, mask, strict=True) if wanted]
    assert settled(bits(y), kind, stored) == settled(expected, kind, stored)


@devices
def test_equal_indices_leave_one_of_the_values_whole(device: str) -> None:
    kind = tv.u5
    x, y = tv.pack([0b10101, 0b01010, 0b11011], kind), np.zeros(2, np.uint8)
    each, first = np.arange(3, dtype=np.int32), np.zeros(3, np.int32)
    spread[1](tensor(x, kind, (3,)), tensor(y, kind, (3,)), each, first, first + 1, 3, device=device)
    assert code(bits(y), kind, 0) in (0b10101, 0b01010, 0b11011) and bits(y) < 32


@tv.kernel(grid=lambda x, BR, BC, **_: (tv.cdiv(x.shape[0], BR), tv.cdiv(x.shape[1], BC)))
def copy(x: tv.Tensor, y: tv.Tensor, BR: tv.constexpr, BC: tv.constexpr):
    at = tv.program_id(0) * BR, tv.program_id(1) * BC
    y.store(at, x.load(at, (BR, BC)))


@devices
@pytest.mark.parametrize("kind", [*INTEGERS[::9], tv.f4e2m1, tv.f6e3m2, tv.float_(2, 2), tv.bool_], ids=str)
def test_tilings_agree(kind: DType, device: str) -> None:
    shape = (5, 13)
    x = random_bytes(3, bytes_for(kind, shape))
    elements = 65 * kind.bits
    for tiling in ((1, 1), (2, 3), (5, 13), (3, 8), (8, 16)):
        y = random_bytes(4, x.size)
        before = bits(y) >> elements
        copy(tensor(x, kind, shape), tensor(y, kind, shape), *tiling, device=device)
        assert bits(y) >> elements == before, "what follows the last element stays"
        assert [code(bits(y), kind, n) for n in range(65)] == [code(bits(x), kind, n) for n in range(65)]


@devices
@pytest.mark.parametrize("kind", [tv.u4, tv.i7, tv.f6e2m3, tv.f8e8m0, tv.u64], ids=str)
def test_outside_is_other(kind: DType, device: str) -> None:
    @tv.kernel
    def filled(x: tv.Tensor, y: tv.Tensor):
        y.store((0, 0), x.load((-1, 0), (2, 4), other=2))
        y.store((2, 0), x.load((-1, 0), (1, 4)))

    x, y = tv.pack([1] * 4, kind), np.zeros(bytes_for(kind, (3, 4)), np.uint8)
    filled[1](tensor(x, kind, (1, 4)), tensor(y, kind, (3, 4)), device=device)
    two, none = (int(tv.encode(n, kind)) for n in (2, 0))
    assert tv.unpack(y, kind, 12).tolist() == [two] * 4 + [1] * 4 + [none] * 4


@devices
def test_an_access_begins_at_any_bit_of_any_address(device: str) -> None:
    for kind in INTEGERS[1::10]:
        for first in range(5):
            held = random_bytes(5, 200)
            part, result = held[first:], np.zeros(64, np.int64)
            copy_to_i64[1](tensor(part, kind, (9,)), result, device=device)
            assert result[:9].tolist() == [int(v) for v in tv.decode(tv.unpack(part, kind, 9), kind).astype(np.int64)]


@tv.kernel
def copy_to_i64(x: tv.Tensor, y: tv.Tensor):
    y.store(0, x.load(0, 9).to(tv.i64))
