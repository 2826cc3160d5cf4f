"""Kernels that tests launch."""

from __future__ import annotations

import tilevm as tv


@tv.kernel("x: f32[N], y: f32[N]", grid=lambda N, **_: tv.cdiv(N, 256))
def add_one(x: tv.Tensor, y: tv.Tensor):
    at = tv.program_id(0) * 256
    y.store(at, x.load(at, 256) + 1.0)


@tv.kernel("x: T[M, N], y: T[M, N]", grid=lambda **_: 1)
def reversed_pairs(x: tv.Tensor, y: tv.Tensor):
    y.store((0, 0), x.load((0, 0), (4, 16)))


@tv.kernel("x: T[N], y: T[N], factor: T, less: i8, all: bool", grid=lambda **_: 1)
def scaled(x: tv.Tensor, y: tv.Tensor, factor, less, all):
    found = x.load(0, 128) * factor + less.to(x.dtype)
    if all:
        y.store(0, found)


@tv.kernel("at: i32[N], counts: i32[M]", grid=lambda **_: 1)
def tally(at: tv.Tensor, counts: tv.Tensor):
    index = at.load(0, 8, other=-1)
    counts.atomic_add(index, 1, mask=index >= 0)


@tv.kernel("x: f32[N], y: f32[1]", grid=lambda **_: 1)
def total(x: tv.Tensor, y: tv.Tensor):
    y.store(0, tv.sum(x.load(0, 128), axis=0, keepdims=True))


@tv.kernel("y: i32[N], n: i32")
def fill(y: tv.Tensor, n):
    y.store(0, tv.full(64, n, tv.i32))


@tv.kernel("x: f32[N], y: f32[N]", grid=lambda N, **_: tv.cdiv(N, 256))
def copy(x: tv.Tensor, y: tv.Tensor):
    at = tv.program_id(0) * 256
    y.store(at, x.load(at, 256))


@tv.kernel("x: f32[N], y: f32[N]", grid=lambda N, **_: tv.cdiv(N, 256))
def asserted(x: tv.Tensor, y: tv.Tensor):
    at = tv.program_id(0) * 256
    found = x.load(at, 256)
    tv.device_assert(found >= 0.0, "x is negative")
    y.store(at, found)


SIGNATURE = "x: f32[M, N], y: f32[N, M]"


def GRID(**_):
    return 1


@tv.kernel(SIGNATURE, grid=GRID)
def turned(x: tv.Tensor, y: tv.Tensor):
    y.store((0, 0), tv.permute(x.load((0, 0), (128, 128)), (1, 0)))
