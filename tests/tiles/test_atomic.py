"""Elements changed with nothing in between: old values, equal indices, masks, and all threads at once."""

from typing import Any

import numpy as np
import pytest

import tilevm as tv
from tests.devices import CARDS, on
from tests.tiles.cases import DEVICES, FLOATS, INTEGERS, NUMPY, run, same

each_device = pytest.mark.parametrize("device", DEVICES)


@tv.function
def changed(x: Any, i: tv.Tensor, v: tv.Tensor, WHAT: tv.constexpr, N: tv.constexpr) -> tv.Tile:
    """The old values of a tensor or pointer x, changed where an index is not negative."""
    at, value = i.load(0, N), v.load(0, N)
    mask = at >= 0
    if WHAT == "add":
        return x.atomic_add(at, value, mask=mask)
    if WHAT == "max":
        return x.atomic_max(at, value, mask)
    if WHAT == "min":
        return x.atomic_min(at, value, mask)
    if WHAT == "and":
        return x.atomic_and_(at, value, mask)
    if WHAT == "or":
        return x.atomic_or_(at, value, mask)
    if WHAT == "xor":
        return x.atomic_xor(at, value, mask)
    return x.atomic_exchange(at, value, mask)


@tv.kernel
def on_tensor(x: tv.Tensor, i: tv.Tensor, v: tv.Tensor, old: tv.Tensor, WHAT: tv.constexpr, N: tv.constexpr) -> None:
    old.store(0, changed(x, i, v, WHAT, N))


@tv.kernel
def on_pointer(x: tv.Pointer, i: tv.Tensor, v: tv.Tensor, old: tv.Tensor, WHAT: tv.constexpr, N: tv.constexpr) -> None:
    old.store(0, changed(x, i, v, WHAT, N))


CHANGES: dict[str, Any] = {
    "add": lambda a, b: a + b,
    "max": np.fmax,
    "min": np.fmin,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
    "exchange": lambda a, b: b,
}
CASES = [(c, d) for c in CHANGES for d in NUMPY if c not in ("and", "or", "xor") or d in INTEGERS]


@each_device
@pytest.mark.parametrize(("change", "dtype"), CASES)
def test_changes(change: str, dtype: str, device: str) -> None:
    kind, rng = NUMPY[dtype], np.random.default_rng(0)
    at = rng.integers(-1, 5, 37).astype(np.int32)
    numbers = rng.integers(-100, 100, 43)
    values = numbers.astype(np.int8).astype(kind) if dtype in INTEGERS else (numbers / 8).astype(kind)
    if dtype in FLOATS:
        values[::9] = np.nan if change in ("max", "min") else 1
    start, value = values[37:], values[:37]
    expected, before = start.copy(), np.zeros_like(value)
    with np.errstate(over="ignore"):
        for n, place in enumerate(at):
            if place >= 0:
                before[n] = expected[place]
                expected[place] = CHANGES[change](expected[place], value[n])
    for kernel in (on_tensor, on_pointer):
        x, old = start.copy(), np.full_like(value, 1)
        run(kernel, x, at, value, old, WHAT=change, N=37, device=device)
        if device in CARDS:  # which takes equal indices in any order
            assert some_order(CHANGES[change], start, x, at, value, old), kernel
            continue
        assert same(x, expected), kernel
        assert same(old, before), kernel


def some_order(change: Any, start: Any, end: Any, at: Any, value: Any, old: Any) -> bool:
    """Whether one order of the changes of each place gives all its old values, and at last what is there now."""

    def goes(now: Any, left: list[int], place: int) -> bool:
        if not left:
            return same(now, end[place])
        next_ones = [n for n in left if same(old[n], now)]
        with np.errstate(over="ignore"):
            return any(goes(change(now, value[n]), [m for m in left if m != n], place) for n in next_ones)

    untouched = all(not old[n] for n in np.flatnonzero(at < 0))
    return untouched and all(goes(start[p], np.flatnonzero(at == p).tolist(), p) for p in range(len(start)))


@pytest.mark.parametrize(("old", "right"), [([5, 8], True), ([4, 5], True), ([5, 5], False), ([5, 7], False)], ids=str)
def test_an_order_is_told_from_none(old: list[int], right: bool) -> None:
    """5, to which 3 and -1 are added."""
    start, end, at, value = (np.array(numbers) for numbers in ([5], [7], [0, 0], [3, -1]))
    assert some_order(np.add, start, end, at, value, np.array(old)) is right


@tv.kernel
def swap(x: tv.Tensor, p: tv.Pointer, i: tv.Tensor, old: tv.Tensor, N: tv.constexpr) -> None:
    at = i.load((0, 0), (2, N))
    old.store((0, 0), x.atomic_cas(at, 3, at.to(x.dtype), mask=at < 6))
    old.store((2, 0), p.atomic_cas(at[0:1], 0, 9, True))
    old.store((3, 0), p.atomic_cas(1, 9, 5))


@each_device
@pytest.mark.parametrize("dtype", NUMPY)
def test_compare_and_swap(dtype: str, device: str) -> None:
    kind = NUMPY[dtype]
    x, p, old = np.array([3, 3, 7, 3, 3, 0, 3], kind), np.array([0, 0, 1, 0], kind), np.zeros((4, 3), kind)
    i = np.array([[0, 1, 2], [0, 4, 6]], np.int32)
    run(swap, x, p, i, old, N=3, device=device)
    assert x.astype(int).tolist() == [0, 1, 7, 3, 4, 0, 3]
    assert p.astype(int).tolist() == [9, 5, 1, 0]
    assert old[:3].astype(int).tolist() == [[3, 3, 7], [0, 3, 0], [0, 0, 1]] and old[3, 0] == 9


@tv.kernel
def swap_zero(x: tv.Tensor, old: tv.Tensor) -> None:
    old.store(0, x.atomic_cas(tv.arange(2), 0.0, 5.0))


@each_device
def test_bits_are_compared(device: str) -> None:
    x, old = np.array([-0.0, 0.0], np.float32), np.zeros(2, np.float32)
    swap_zero[1](x, old, **on(device))
    assert np.signbit(x[0]) and x[1] == 5


@tv.kernel(grid=lambda N, **_: N)
def histogram(counts: tv.Tensor, sums: tv.Tensor, top: tv.Tensor, ticket: tv.Tensor, N: tv.constexpr) -> None:
    """Every program adds to the same elements."""
    place = tv.arange(64) % 8
    for _ in range(4):
        counts.atomic_add(place, 1)
        sums.atomic_add((place, place * 0), 0.5)
    number = ticket.atomic_add(0, 1)
    ticket.atomic_add(number + 1, 1)
    top.atomic_max(0, tv.program_id(0).to(tv.bf16))


@pytest.mark.parametrize(("device", "programs"), [("vm", 3), ("cpu", 500)])
@pytest.mark.parametrize("kind", [np.int32, np.int64, np.uint8, np.int16], ids=str)
def test_every_program_counts(kind: Any, device: str, programs: int) -> None:
    counts, sums = np.zeros(8, kind), np.zeros((8, 1), np.float64)
    top, ticket = np.zeros(1, NUMPY["bf16"]), np.zeros(programs + 1, np.int32)
    histogram(counts, sums, top, ticket, N=programs, **on(device))
    assert counts.tolist() == np.full(8, programs * 32).astype(kind).tolist()
    assert sums.ravel().tolist() == [programs * 16.0] * 8
    assert ticket.tolist() == [programs] + [1] * programs
    assert float(top[0]) == float(np.array(programs - 1).astype(NUMPY["bf16"]))


@tv.kernel
def order(x: tv.Tensor, y: tv.Tensor) -> None:
    """Loads before, between and after see what they should; a result that nobody uses is no reason to drop one."""
    before = x.load(0, 8)
    x.atomic_add(tv.arange(8), 1)
    between = x.load(0, 8)
    x.atomic_add(tv.arange(8), 1)
    x.store(0, x.load(0, 8) * 2)
    x.atomic_add(0, 5)
    y.store((0, 0), before[None])
    y.store((1, 0), between[None])
    y.store((2, 0), x.load(0, 8)[None])


@each_device
def test_atomics_keep_their_place(device: str) -> None:
    x, y = np.arange(8, dtype=np.int32), np.zeros((3, 8), np.int32)
    run(order, x, y, device=device)
    start = np.arange(8)
    assert y[0].tolist() == start.tolist() and y[1].tolist() == (start + 1).tolist()
    assert y[2].tolist() == (2 * (start + 2) + np.array([5] + [0] * 7)).tolist()


def test_an_index_out_of_range_is_told() -> None:
    x, i, v = np.zeros(4, np.int32), np.array([0, 9, 1], np.int32), np.ones(3, np.int32)
    with pytest.raises(tv.TileError, match="atomic: index 9 along axis 0 of x is not within 0 to 3"):
        run(on_tensor, x, i, v, v.copy(), WHAT="add", N=3, device="vm")
