"""The kernels that are measured: written plainly, as a user would."""

from __future__ import annotations

import math

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
) -> None:
    _, K = a.shape
    m, n = tv.program_id(0) * BM, tv.program_id(1) * BN
    acc = tv.zeros((BM, BN), tv.f32)
    for k in tv.range(0, K, BK):
        acc = tv.dot(a.load((m, k), (BM, BK)), b.load((k, n), (BK, BN)), acc)
    c.store((m, n), acc.to(c.dtype))


@tv.function
def fold_in(state, q, k, v, place, scale, last, BN: tv.constexpr, D: tv.constexpr):  # type: ignore[no-untyped-def]
    """One block of keys taken into the running maximum, sum and result; ``last``: the last key that a row sees."""
    acc, top, total = state
    head, start = place
    keys = k.load((0, head, start, 0), (1, 1, BN, D)).reshape((BN, D))
    values = v.load((0, head, start, 0), (1, 1, BN, D)).reshape((BN, D))
    scores = tv.dot(q, keys.T)
    if last is not None:
        scores = tv.where(start + tv.arange(BN)[None, :] <= last[:, None], scores, float("-inf"))
    higher = tv.maximum(top, scores.max(axis=1) * scale)
    powers = tv.exp2(scores * scale - higher[:, None])
    shrink = tv.exp2(top - higher)
    acc = tv.dot(powers.to(v.dtype), values, acc * shrink[:, None])
    return acc, higher, total * shrink + powers.sum(axis=1)


@tv.kernel(
    "q: T[1, H, N, _], k: T[1, H, N, _], v: T[1, H, N, _], o: T[1, H, N, _]",
    grid=lambda H, N, BM, **_: (tv.cdiv(N, BM), H),
)
def attention(
    q: tv.Tensor,
    k: tv.Tensor,
    v: tv.Tensor,
    o: tv.Tensor,
    scale: float,
    D: tv.constexpr,
    causal: tv.constexpr = False,
    BM: tv.constexpr = 128,
    BN: tv.constexpr = 64,
) -> None:
    N = q.shape[2]
    rows, head = (tv.num_programs(0) - 1 - tv.program_id(0)) * BM, tv.program_id(1)
    tile = q.load((0, head, rows, 0), (1, 1, BM, D)).reshape((BM, D))
    last, clear, end = tv.full((BM,), N - 1, tv.i32), N, N
    if causal:
        last, clear, end = rows + tv.arange(BM), tv.minimum(rows + 1, N), tv.minimum(rows + BM, N)
    clear = clear // BN * BN
    state = tv.zeros((BM, D), tv.f32), tv.full((BM,), -1e30, tv.f32), tv.zeros((BM,), tv.f32)
    for n in tv.range(0, clear, BN):
        state = fold_in(state, tile, k, v, (head, n), scale * LOG2E, None, BN, D)
    for n in tv.range(clear, end, BN):
        state = fold_in(state, tile, k, v, (head, n), scale * LOG2E, last, BN, D)
    acc, _, total = state
    o.store((0, head, rows, 0), (acc / total[:, None]).to(o.dtype).reshape((1, 1, BM, D)))


LOG2E = math.log2(math.e)
