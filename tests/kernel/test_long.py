"""Tensors of every rank up to five, and with more elements along an axis than i32 counts."""

import itertools

import numpy as np
import pytest

import tilevm as tv

FAR = 2**31 + 100


@tv.kernel("x: i8[N], y: i64[_]")
def ends(x: tv.Tensor, y: tv.Tensor, n: int):
    """The last 16 elements and 16 past them, found by an i64 offset; and the extent."""
    tile = x.load(x.shape[0] - 16, 32, other=7)
    y.store(0, tile.to(tv.i64))
    y.store(32, (x.shape[0] + n).to(tv.i64))


@pytest.mark.parametrize("device", ["cpu", "vm"])
def test_extents_beyond_i32(device: str) -> None:
    x = np.empty(FAR, np.int8)  # memory that is never touched costs nothing
    x[-16:] = np.arange(16)
    y = np.zeros(33, np.int64)
    ends[1](x, y, 1, device=device)
    assert y.tolist() == [*range(16), *[7] * 16, FAR + 1]
    ends[1](x[-50:], y, 1, device=device)
    assert y.tolist() == [*range(16), *[7] * 16, 51]


def test_wide_dims_in_the_ir() -> None:
    text = ends.compile(np.broadcast_to(np.zeros(1, np.int8), FAR), np.zeros(33, np.int64), 1).stages["tile"]
    assert "tensor<i8[N:i64], strides=[_]" in text and "extent %x {axis = 0} : i64" in text
    text = ends.compile(np.zeros(50, np.int8), np.zeros(33, np.int64), 1).stages["tile"]
    assert "tensor<i8[N], strides=[1]" in text and "extent %x {axis = 0} : i32" in text


@tv.kernel("x: T[A, N], y: T[A, N]", grid=lambda A, N, **_: (A, tv.cdiv(N, 1 << 28)))
def stretch(x: tv.Tensor, y: tv.Tensor):
    """Offsets made of wide extents keep their masks."""
    at = tv.program_id(1).to(tv.i64) * (1 << 28)
    y.store((tv.program_id(0), at), x.load((tv.program_id(0), at), (1, 16)) + 1)


def test_masks_along_wide_axes_stay() -> None:
    x, y = np.broadcast_to(np.zeros(1, np.int8), (1, FAR)), np.empty((1, FAR), np.int8)
    compiled = stretch.compile(x, y)
    assert "inbounds = [true, false]" in compiled.stages["optimised"]
    y[:] = 0
    compiled(x, y)
    assert int(y[0, :: 1 << 28].sum()) == 9 and int(y[0, -100 + 0 :].sum()) == 16


@tv.kernel("x: T[A], y: T[A]")
def double1(x: tv.Tensor, y: tv.Tensor):
    y.store(0, x.load(0, 6) * 2)


@tv.kernel("x: T[A, B], y: T[A, B]")
def double2(x: tv.Tensor, y: tv.Tensor):
    y.store((0, 0), x.load((0, 0), (6, 5)) * 2)


@tv.kernel("x: T[A, B, C], y: T[A, B, C]")
def double3(x: tv.Tensor, y: tv.Tensor):
    for a in range(x.shape[0]):
        y.store((a, 0, 0), x.load((a, 0, 0), (1, 5, 9)) * 2)


@tv.kernel("x: T[A, B, C, D], y: T[A, B, C, D]")
def double4(x: tv.Tensor, y: tv.Tensor):
    for a in range(x.shape[0]):
        for d in range(x.shape[3]):
            y.store((a, 0, 0, d), x.load((a, 0, 0, d), (1, 4, 8, 1)) * 2)


@tv.kernel("x: T[A, B, C, D, E], y: T[A, B, C, D, E]")
def double5(x: tv.Tensor, y: tv.Tensor):
    for c in range(0, x.shape[2], 2):
        tile = x.load((0, 0, c, 0, 0), (5, 4, 2, 3, 7)).permute(4, 3, 2, 1, 0)
        y.store((0, 0, c, 0, 0), (tile + tile).permute(4, 3, 2, 1, 0))


KERNELS = {1: double1, 2: double2, 3: double3, 4: double4, 5: double5}


@pytest.mark.parametrize("rank", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("device", ["cpu", "vm"])
def test_every_rank(rank: int, device: str) -> None:
    extents = (5, 4, 7, 3, 6)[:rank]
    x = np.arange(np.prod(extents), dtype=np.int32).reshape(extents)
    for order in itertools.islice(itertools.permutations(range(rank)), 0, None, 7):
        given = np.ascontiguousarray(x.transpose(order)).transpose(np.argsort(order))
        y = np.zeros_like(x)
        KERNELS[rank][1](given, y, device=device)
        assert np.array_equal(y, x * 2)


@tv.kernel
def double0(x: tv.Tensor, y: tv.Tensor):
    y.store((), x.gather(()) * 2)


def test_no_axes() -> None:
    with pytest.raises(tv.TileError, match=r"\.gather: a tensor of rank 0 has no dimension"):
        double0[1](np.array(3.0, np.float32), np.array(0.0, np.float32), device="vm")
