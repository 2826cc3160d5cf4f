"""The kernels that are measured: written plainly, as a user would."""

from __future__ import annotations

import tilevm as tv


@tv.kernel("a: T[N], b: T[N], c: T[N]", grid=lambda N, BLOCK, **_: tv.cdiv(N, BLOCK))
def vector_add(a: tv.Tensor, b: tv.Tensor, c: tv.Tensor, BLOCK: tv.constexpr = 8192) -> None:
    at = tv.program_id(0) * BLOCK
    c.store(at, a.load(at, BLOCK) + b.load(at, BLOCK))


@tv.kernel("x: T[M, N], y: T[M, N]", grid=lambda M, **_: M)
def softmax(x: tv.Tensor, y: tv.Tensor, BLOCK: tv.constexpr = 1024) -> None:
    row = tv.program_id(0)
    values = x.load((row, 0), (1, BLOCK), other=float("-inf"))
    powers = tv.exp(values - values.max(axis=1, keepdims=True))
    y.store((row, 0), powers / powers.sum(axis=1, keepdims=True))


@tv.kernel("x: T[M, N], w: T[N], b: T[N], y: T[M, N]", grid=lambda M, **_: M)
def layer_norm(x: tv.Tensor, w: tv.Tensor, b: tv.Tensor, y: tv.Tensor, BLOCK: tv.constexpr = 1024) -> None:
    row, N = tv.program_id(0), x.shape[1]
    values = x.load((row, 0), (1, BLOCK))
    centred = tv.where(tv.arange(BLOCK)[None, :] < N, values - values.sum(axis=1, keepdims=True) / N, 0.0)
    scale = tv.rsqrt((centred * centred).sum(axis=1, keepdims=True) / N + 1e-5)
    y.store((row, 0), centred * scale * w.load(0, BLOCK) + b.load(0, BLOCK))


@tv.kernel("a: T[M, K], b: T[K, N], c: T[M, N]", grid=lambda M, N, BM, BN, **_: (tv.cdiv(M, BM), tv.cdiv(N, BN)))
def matmul(
    a: tv.Tensor,
    b: tv.Tensor,
    c: tv.Tensor,
    BM: tv.constexpr = 128,
    BN: tv.constexpr = 128,
    BK: tv.constexpr = 128,
    stages: tv.constexpr = 1,
) -> None:
    _, K = a.shape
    m, n = tv.program_id(0) * BM, tv.program_id(1) * BN
    acc = tv.zeros((BM, BN), tv.f32)
    for k in tv.range(0, K, BK, num_stages=stages):
        acc = tv.dot(a.load((m, k), (BM, BK)), b.load((k, n), (BK, BN)), acc)
    c.store((m, n), acc.to(c.dtype))


@tv.kernel("x: T[N] packed, y: f32[N], times: i32", grid=1)
def dequantise(x: tv.Tensor, y: tv.Tensor, times: int, BLOCK: tv.constexpr = 8192) -> None:
    for _ in range(times):
        for at in range(0, x.shape[0], BLOCK):
            y.store(at, x.load(at, BLOCK).to(tv.f32))


@tv.kernel("x: f32[N], y: f32[N], times: i32", grid=1)
def copy(x: tv.Tensor, y: tv.Tensor, times: int, BLOCK: tv.constexpr = 8192) -> None:
    for _ in range(times):
        for at in range(0, x.shape[0], BLOCK):
            y.store(at, x.load(at, BLOCK))


@tv.kernel("x: f32[N], y: f32[N]", grid=lambda N, BLOCK, **_: tv.cdiv(N, BLOCK))
def copy_on_all(x: tv.Tensor, y: tv.Tensor, BLOCK: tv.constexpr = 8192) -> None:
    at = tv.program_id(0) * BLOCK
    y.store(at, x.load(at, BLOCK))
