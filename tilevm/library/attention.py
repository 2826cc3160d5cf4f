"""Flash attention, forward."""

from __future__ import annotations

import math

import tilevm as tv

Number = tv.Tile | float
LOG2E = math.log2(math.e)
State = tuple[tv.Tile, tv.Tile, tv.Tile]  # per row: the result so far (BM, D), the largest score, the sum of powers


@tv.function
def fold_in(
    state: State,
    q: tv.Tile,
    k: tv.Tensor,
    v: tv.Tensor,
    place: tuple[tv.Tile, tv.Tile, tv.Tile],
    scale: Number,
    last: tv.Tile | None,
    BN: tv.constexpr,
    D: tv.constexpr,
) -> State:
    """The state after one block of keys; ``last`` gives each row the last key that it sees, None where all are seen.

    The running maximum and the exponents are kept in base 2 (Milakov and Gimelshein, "Online normalizer calculation
    for softmax", 2018; Dao et al., "FlashAttention", 2022).
    """
    acc, top, total = state
    batch, head, start = place
    keys = k.load((batch, head, start, 0), (1, 1, BN, D)).reshape((BN, D))
    values = v.load((batch, head, start, 0), (1, 1, BN, D)).reshape((BN, D))
    scores = tv.dot(q, keys.T)
    if last is not None:
        scores = tv.where(start + tv.arange(BN)[None, :] <= last[:, None], scores, float("-inf"))
    higher = tv.maximum(top, scores.max(axis=1) * scale)
    powers = tv.exp2(scores * scale - higher[:, None])
    shrink = tv.exp2(top - higher)
    acc = tv.dot(powers.to(v.dtype), values, acc * shrink[:, None])
    return acc, higher, total * shrink + powers.sum(axis=1)


@tv.function
def upward(q: tv.Tile, scale: Number) -> tuple[tv.Tile, Number]:
    """Queries and a scale of the same scores, the scale above 0: its sign, and its 0, go to the queries, exactly.

    So the largest product has the largest score, and a key that is not seen has -inf.
    """
    sign = tv.where(scale > 0, 1.0, tv.where(scale < 0, -1.0, 0.0))
    return q * sign.to(q.dtype), tv.where(scale == 0, 1.0, tv.abs(scale))


@tv.kernel(
    "q: T[B, H, M, E], k: T[B, G, N, E], v: T[B, G, N, F], o: T[B, H, M, F]",
    grid=lambda B, H, M, BM, **_: (tv.cdiv(M, BM), H, B),
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
    stages: tv.constexpr = None,
) -> None:
    """``softmax(q @ k.T * scale) @ v`` for each head; H is a multiple of G, and a group of heads shares keys.

    ``D``: at least E and F, the numbers that a head has of keys and of values.
    ``stages``: blocks of keys and values in shared memory at once, on GPUs; None for 2 of 16 bits, 1 of more.
    Causal: row i of M sees the keys up to i + N - M, so the last row sees all; a row that sees none becomes 0.
    """
    ahead = stages if stages is not None else 2 if q.dtype.bits <= 16 else 1
    _, H, M, _ = q.shape
    _, G, N, _ = k.shape
    tv.device_assert(H % G == 0, "heads come in groups of as many")
    tv.device_assert(tv.maximum(q.shape[3], v.shape[3]) <= D, "D is at least what a head has")
    rows = (tv.num_programs(0) - 1 - tv.program_id(0)) * BM  # the longest first, so that the threads end together
    head, batch = tv.program_id(1), tv.program_id(2)
    group = head // (H // G)
    tile, above = upward(q.load((batch, head, rows, 0), (1, 1, BM, D)).reshape((BM, D)), scale)
    last, clear, end = tv.full((BM,), N - 1, tv.i32), N, N  # clear: keys that all of the rows see
    if causal:
        last = tv.minimum(last, rows + (N - M) + tv.arange(BM))
        clear, end = tv.minimum(rows + (N - M) + 1, N), tv.minimum(rows + (N - M) + BM, N)
    clear = tv.maximum(clear, 0) // BN * BN
    state = tv.zeros((BM, D), tv.f32), tv.full((BM,), -1e30, tv.f32), tv.zeros((BM,), tv.f32)
    for n in tv.range(0, clear, BN, num_stages=ahead):
        state = fold_in(state, tile, k, v, (batch, group, n), above * LOG2E, None, BN, D)
    for n in tv.range(clear, end, BN, num_stages=ahead):
        state = fold_in(state, tile, k, v, (batch, group, n), above * LOG2E, last, BN, D)
    acc, _, total = state
    share = 1 / tv.maximum(total, 1e-30)  # a division a row, not one for each number of it
    o.store((batch, head, rows, 0), (acc * share[:, None]).to(o.dtype).reshape((1, 1, BM, D)))
