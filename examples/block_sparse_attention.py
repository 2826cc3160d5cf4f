"""Attention under any block mask: empty tiles are left out, full ones are not masked, and the rest ask a function."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import ml_dtypes
import numpy as np

import tilevm as tv

LOG2E = math.log2(math.e)


# Mask functions say whether a query sees a key, from their places and labels. Tiles and numpy arrays both go in.


@tv.function
def causal(row, column, row_label, column_label):
    return column <= row


@tv.function
def window(row, column, row_label, column_label):
    """The last 48 keys, itself among them."""
    return (column <= row) & (row - column < 48)


@tv.function
def document(row, column, row_label, column_label):
    """Several texts in one row of tokens: each sees its own past only."""
    return (row_label == column_label) & (column <= row)


@dataclass(frozen=True)
class BlockMask:
    """For each tile of BM queries, which tiles of BN keys it sees: in full, or in part.

    Of a list only the first ``count`` indices count, and they ascend (Dong et al., "FlexAttention", 2024).
    """

    mask: Callable
    labels: tuple[np.ndarray, np.ndarray]  # of queries and of keys
    full_count: np.ndarray  # i32[tiles]
    full_index: np.ndarray  # i32[tiles, tiles of keys]
    part_count: np.ndarray
    part_index: np.ndarray
    BM: int
    BN: int

    @classmethod
    def of(cls, mask: Callable, row_labels: np.ndarray, column_labels: np.ndarray, BM: int, BN: int) -> "BlockMask":
        """Lists for a mask function. What lies past the last query or key is seen by nobody."""
        seen = dense(mask, row_labels, column_labels)
        padded = np.pad(seen, [(0, -n % b) for n, b in zip(seen.shape, (BM, BN), strict=True)])
        count = padded.reshape(padded.shape[0] // BM, BM, padded.shape[1] // BN, BN).sum(axis=(1, 3))
        full = count == BM * BN
        labels = row_labels.astype(np.int32), column_labels.astype(np.int32)
        return cls(mask, labels, *listed(full), *listed((count > 0) & ~full), BM, BN)


def dense(mask: Callable, row_labels: np.ndarray, column_labels: np.ndarray) -> np.ndarray:
    rows, columns = np.ogrid[: len(row_labels), : len(column_labels)]
    return np.broadcast_to(mask(rows, columns, row_labels[:, None], column_labels[None, :]), (rows.size, columns.size))


def listed(chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many tiles of each row are chosen, and which: these first."""
    order = np.argsort(~chosen, axis=1, kind="stable")
    return chosen.sum(axis=1).astype(np.int32), order.astype(np.int32)


@tv.function
def fold_in(state, q, k, v, place, scale, mask: tv.constexpr, rows, labels, BN: tv.constexpr, D: tv.constexpr):
    """The softmax's running state after one tile of keys; exponents are in base 2."""
    acc, top, total = state
    batch, group, start = place
    keys = k.load((batch, group, start, 0), (1, 1, BN, D)).reshape(BN, D)
    values = v.load((batch, group, start, 0), (1, 1, BN, D)).reshape(BN, D)
    scores = tv.dot(q, keys.T) * scale
    if mask is not None:
        row_labels, column_labels = labels
        columns = start + tv.arange(BN)
        seen = mask(rows[:, None], columns[None, :], row_labels[:, None], column_labels.load(start, BN)[None, :])
        scores = tv.where(seen & (columns < k.shape[2])[None, :], scores, float("-inf"))
    higher = tv.maximum(top, scores.max(axis=1))
    powers, shrink = tv.exp2(scores - higher[:, None]), tv.exp2(top - higher)
    acc = tv.dot(powers.to(v.dtype), values, acc * shrink[:, None])
    return acc, higher, total * shrink + powers.sum(axis=1)


@tv.kernel(
    "q: T[B, H, M, _], k: T[B, G, N, _], v: T[B, G, N, _], o: T[B, H, M, _], row_label: i32[M], column_label: i32[N],"
    "full_count: i32[R], full_index: i32[R, C], part_count: i32[R], part_index: i32[R, C]",
    grid=lambda B, H, R, **_: (R, H, B),
)
def block_sparse_attention(
    q: tv.Tensor,
    k: tv.Tensor,
    v: tv.Tensor,
    o: tv.Tensor,
    row_label: tv.Tensor,
    column_label: tv.Tensor,
    full_count: tv.Tensor,
    full_index: tv.Tensor,
    part_count: tv.Tensor,
    part_index: tv.Tensor,
    scale: float,
    MASK: tv.constexpr,
    D: tv.constexpr,
    BM: tv.constexpr = 64,
    BN: tv.constexpr = 64,
):
    """``softmax(q @ k.T * scale where seen) @ v``; 0 where a query sees nothing. H is a multiple of G."""
    tile, head, batch = tv.program_id(0), tv.program_id(1), tv.program_id(2)
    group = head // (q.shape[1] // k.shape[1])
    rows = tile * BM + tv.arange(BM)
    labels = row_label.load(tile * BM, BM), column_label
    queries = q.load((batch, head, tile * BM, 0), (1, 1, BM, D)).reshape(BM, D)
    state = tv.zeros((BM, D), tv.f32), tv.full((BM,), -1e30, tv.f32), tv.zeros((BM,), tv.f32)
    for i in tv.range(full_count.gather(tile)):
        place = batch, group, full_index.gather((tile, i)) * BN
        state = fold_in(state, queries, k, v, place, scale * LOG2E, None, rows, labels, BN, D)
    for i in tv.range(part_count.gather(tile)):
        place = batch, group, part_index.gather((tile, i)) * BN
        state = fold_in(state, queries, k, v, place, scale * LOG2E, MASK, rows, labels, BN, D)
    acc, _, total = state
    found = acc / tv.where(total > 0, total, 1.0)[:, None]
    o.store((batch, head, tile * BM, 0), found.to(o.dtype).reshape(1, 1, BM, D))


def attend(q, k, v, o, blocks: BlockMask, scale: float, **how) -> None:
    """The kernel on a block mask."""
    lists = blocks.full_count, blocks.full_index, blocks.part_count, blocks.part_index
    words = {"MASK": blocks.mask, "D": q.shape[3], "BM": blocks.BM, "BN": blocks.BN}
    block_sparse_attention(q, k, v, o, *blocks.labels, *lists, scale, **words, **how)


def reference(q, k, v, seen, scale):
    """Dense attention in float64; ``seen[i, j]``: whether query i sees key j."""
    share = q.shape[1] // k.shape[1]
    q, k, v = q.astype(np.float64), *(x.astype(np.float64).repeat(share, axis=1) for x in (k, v))
    scores = np.where(seen, q @ k.swapaxes(-1, -2) * scale, -np.inf)
    top = scores.max(axis=-1, keepdims=True, initial=-1e300)
    powers = np.exp(scores - top)
    total = powers.sum(axis=-1, keepdims=True)
    return powers / np.where(total > 0, total, 1) @ v


def problem(rng, heads=2, groups=1, m=100, n=100, d=16, dtype=np.float32):
    """q, k, v, o for one batch, and labels of four documents."""
    q = rng.standard_normal((1, heads, m, d)).astype(dtype)
    k, v = rng.standard_normal((2, 1, groups, n, d)).astype(dtype)
    labels = [np.sort(rng.integers(0, 4, size)).astype(np.int32) for size in (m, n)]
    return (q, k, v, np.zeros_like(q)), labels


def block_sparse_attention_inputs(rng, n=100, d=16, T=np.float32) -> dict:
    (q, k, v, o), (labels, _) = problem(rng, m=n, n=n, d=d, dtype=T)
    blocks = BlockMask.of(document, labels, labels, 32, 16)
    lists = {name: getattr(blocks, name) for name in ("full_count", "full_index", "part_count", "part_index")}
    named = {"q": q, "k": k, "v": v, "o": o, "row_label": blocks.labels[0], "column_label": blocks.labels[1]}
    return {**named, **lists, "scale": d**-0.5, "MASK": document, "D": d, "BM": 32, "BN": 16}


def main() -> None:
    for dtype in (np.float32, ml_dtypes.bfloat16):
        (q, k, v, o), (labels, _) = problem(np.random.default_rng(0), 4, 2, 200, 200, 32, dtype)
        for mask in (causal, window, document):
            blocks = BlockMask.of(mask, labels, labels, 64, 32)
            computed = (blocks.full_count.sum() + blocks.part_count.sum()) / blocks.full_index.size
            exact = reference(q, k, v, dense(mask, labels, labels), 0.18)
            for device in ("cpu", "vm"):
                attend(q, k, v, o, blocks, 0.18, device=device)
                error = np.abs(o - exact).max()
                name = f"{mask.__name__} attention of {np.dtype(dtype).name}"
                print(f"{name} on {device}: largest error {error:.2e}, {computed:.0%} of the tiles")


if __name__ == "__main__":
    main()
