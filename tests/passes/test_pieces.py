"""Pieces of tiles in registers: the layouts of pieces and wholes follow from each other, and nothing moves there."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest
from hypothesis import given, strategies as st

import tilevm as tv
from tests.devices import on
from tilevm.frontend.kernel import Kernel
from tilevm.ir import Func, threads
from tilevm.ir.rewrite import walk
from tilevm.layout import Layout, LayoutError, local, replicate, spatial
from tilevm.library.hadamard import transform
from tilevm.passes import every_pass, through
from tilevm.passes.layouts.pieces import counts, put_together, taken
from tilevm.passes.threads.coordinates import places
from tilevm.passes.threads.pieces import registers

two = st.sampled_from([1, 2, 4])
pairs = st.tuples(two, two)


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    """Of two dims, on threads and registers in turn."""
    found = replicate(draw(two))
    for part in draw(st.lists(st.tuples(st.sampled_from([local, spatial]), pairs), min_size=1, max_size=4)):
        found = found * part[0](*part[1])
    return found


def whole_of(layout: Layout, numbers: Sequence[int]) -> tuple[int, ...]:
    return tuple(n * extent for n, extent in zip(numbers, layout.shape, strict=True))


@given(layouts(), st.tuples(*[st.sampled_from([1, 2, 3, 4])] * 2))
def test_a_piece_of_what_was_put_together_lies_as_before(layout: Layout, numbers: tuple[int, int]) -> None:
    whole = whole_of(layout, numbers)
    made = put_together(layout, layout.shape, numbers)
    assert made.shape == whole and made.threads == layout.threads
    assert taken(made, whole, numbers) == layout
    for which in product(*map(range, numbers)):
        starts = [n * extent for n, extent in zip(which, layout.shape, strict=True)]
        assert counts(whole, starts, layout.shape) == numbers
        own = registers(places(made), places(layout), starts)
        assert own is not None
        for thread, register in product(range(layout.threads), range(layout.registers)):
            at, of = layout.index_at(thread, register), made.index_at(thread, own[register])
            assert at is not None and of == tuple(a + b for a, b in zip(at, starts, strict=True))


@pytest.mark.parametrize(
    ("whole", "starts", "piece", "found"),
    [
        ((8, 6), (0, 0), (8, 6), (1, 1)),
        ((8, 6), (4, 0), (4, 6), (2, 1)),
        ((8, 6), (0, 2), (8, 2), (1, 3)),
        ((8, 6), (0, 3), (8, 3), None),
        ((8, 6), (2, 0), (4, 6), None),
        ((8, 6), (0, 0), (8, 4), None),
    ],
)
def test_which_pieces_layouts_tell_apart(
    whole: tuple[int, ...], starts: tuple[int, ...], piece: tuple[int, ...], found: tuple[int, ...] | None
) -> None:
    assert counts(whole, starts, piece) == found


@pytest.mark.parametrize("layout", [spatial(4, 1) * local(1, 4), local(3, 1) * spatial(2, 4)])
def test_pieces_that_lie_in_several_threads_are_refused(layout: Layout) -> None:
    with pytest.raises(LayoutError):
        taken(layout, (4, layout.shape[1]), (2, 1))


@tv.kernel("x: T[M, D], c: f32[M, H], s: f32[M, H], y: T[M, D]", grid=lambda M, **_: (tv.cdiv(M, 8),))
def rotated(x: tv.Tensor, c: tv.Tensor, s: tv.Tensor, y: tv.Tensor, D: tv.constexpr) -> None:
    """The halves of each row turned against each other, as rotary positions do."""
    m = tv.program_id(0) * 8
    found = x.load((m, 0), (8, D)).to(tv.f32)
    left, right = found[:, : D // 2], found[:, D // 2 :]
    cos, sin = c.load((m, 0), (8, D // 2)), s.load((m, 0), (8, D // 2))
    y.store((m, 0), tv.cat((left * cos - right * sin, right * cos + left * sin), axis=1).to(y.dtype))


@tv.kernel("x: T[M, D], y: T[M, D]", grid=lambda M, **_: (tv.cdiv(M, 8),))
def swapped(x: tv.Tensor, y: tv.Tensor, D: tv.constexpr) -> None:
    """Neighbours change places."""
    m = tv.program_id(0) * 8
    left, right = tv.split(x.load((m, 0), (8, D)).reshape((8, D // 2, 2)))
    y.store((m, 0), tv.join(right, left).reshape((8, D)))


def threaded(kernel: Kernel, *given: object, **constants: object) -> Func:
    traced = kernel.compile(*given, device="vm", target="sm_80", **constants).build.tile
    return through(traced, "threads", every_pass("sm_80", 4))


def rows(count: int, width: int) -> np.ndarray:
    return np.random.default_rng(width).standard_normal((count, width)).astype(np.float16)


def test_neighbours_change_places_in_a_thread() -> None:
    x = rows(16, 128)
    func = threaded(swapped, x, x, D=128)
    assert not any(isinstance(op, threads.SharedStore | threads.Shuffle) for op in walk(func.body))


@pytest.mark.parametrize("device", ["sm_80", "gfx942", "emulator"])
@pytest.mark.parametrize("width", [2, 6, 32, 128, 256])
def test_halves_and_neighbours(width: int, device: str) -> None:
    x, y = rows(19, width), np.zeros((19, width), np.float16)
    swapped(x, y, D=width, **on(device))
    assert np.array_equal(y, x.reshape(19, -1, 2)[..., ::-1].reshape(19, width))
    x, c, s = (np.random.default_rng(n).integers(-8, 8, x[:, ::n].shape) for n in (1, 2, 2))
    rotated(x.astype(np.float16), c.astype(np.float32), s.astype(np.float32), y, D=width, **on(device))
    left, right = np.split(x, 2, axis=1)
    assert np.array_equal(y, np.concatenate((left * c - right * s, right * c + left * s), axis=1))


def test_a_hadamard_transform_moves_little() -> None:
    """Of its stages none goes through shared memory: it does so once at most, to lie as it is stored."""
    x = np.zeros((16, 2048), np.float16)
    func = threaded(transform, x, x.astype(np.float32), 7, BM=1, BN=2048)
    buffers = [op for op in walk(func.body) if isinstance(op, threads.SharedBuffer)]
    assert len(buffers) <= 2
