"""Decoding one token on a paged KV cache, of which only the best pages are read (block top-k, "Kinetics", 2025).

Three kernels: the mean key of every full page; scores and the top k for each group of heads; attention over the pages
chosen, split over programs and merged.
"""

import math
from dataclasses import dataclass

import ml_dtypes
import numpy as np

import tilevm as tv

LOG2E = math.log2(math.e)
PAGE = 16  # tokens in a page
SPLITS = 4  # programs that share the pages of one group of heads


@tv.kernel(
    f"k: T[P, {PAGE}, G, D], means: f32[P, G, D], table: i32[B, L], length: i32[B]", grid=lambda B, G, L, **_: (L, G, B)
)
def page_means(k: tv.Tensor, means: tv.Tensor, table: tv.Tensor, length: tv.Tensor, HEAD: tv.constexpr):
    """The mean key of each page that is full."""
    place, group, batch = tv.program_id(0), tv.program_id(1), tv.program_id(2)
    if (place + 1) * PAGE <= length.gather(batch):
        page = table.gather((batch, place))
        keys = k.load((page, 0, group, 0), (1, PAGE, 1, HEAD)).reshape(PAGE, HEAD).to(tv.f32)
        means.store((page, group, 0), (keys.sum(axis=0) / PAGE).reshape(1, 1, HEAD))


@tv.kernel(
    "q: T[B, H, D], means: f32[P, G, D], table: i32[B, L], length: i32[B], chosen: i32[B, G, _]",
    grid=lambda B, G, **_: (G, B),
)
def choose_pages(
    q: tv.Tensor,
    means: tv.Tensor,
    table: tv.Tensor,
    length: tv.Tensor,
    chosen: tv.Tensor,
    TOPK: tv.constexpr,
    PAGES: tv.constexpr,
    SHARE: tv.constexpr,
    HEAD: tv.constexpr,
    WIDTH: tv.constexpr = 16,
):
    """The TOPK full pages whose mean keys the group's mean query likes best; of equal ones the earlier.

    The mean over the group's queries of their scores is the score of their mean. PAGES is at least L. Of
    all pages a WIDTH of the head is read at once: registers hold no more.
    """
    group, batch = tv.program_id(0), tv.program_id(1)
    places = tv.arange(PAGES)
    full = places < length.gather(batch) // PAGE
    pages = table.load((batch, 0), (1, PAGES)).reshape(PAGES, 1)
    parts = tv.zeros((PAGES, WIDTH), tv.f32)
    for d in tv.range(0, HEAD, WIDTH):
        queries = q.load((batch, group * SHARE, d), (1, SHARE, WIDTH)).reshape(SHARE, WIDTH)
        query = queries.to(tv.f32).sum(axis=0) / SHARE
        place = d + tv.arange(WIDTH)[None, :]
        keys = means.gather((pages, group, place), mask=full[:, None] & (place < HEAD))
        parts = parts + keys * query[None, :]
    _, best = tv.topk(tv.where(full, parts.sum(axis=1), float("-inf")), TOPK)
    chosen.store((batch, group, 0), best.reshape(1, 1, TOPK))


@tv.kernel(
    f"q: T[B, H, D], k: T[P, {PAGE}, G, D], v: T[P, {PAGE}, G, D], table: i32[B, L], length: i32[B],"
    "chosen: i32[B, G, K], part: f32[S, B, H, D], top: f32[S, B, H], total: f32[S, B, H]",
    grid=lambda B, G, S, **_: (S, G, B),
)
def paged_decode(
    q: tv.Tensor,
    k: tv.Tensor,
    v: tv.Tensor,
    table: tv.Tensor,
    length: tv.Tensor,
    chosen: tv.Tensor,
    part: tv.Tensor,
    top: tv.Tensor,
    total: tv.Tensor,
    scale: float,
    SHARE: tv.constexpr,
    HEAD: tv.constexpr,
    STAGES: tv.constexpr = 3,
):
    """Attention of a group's queries to some of its chosen pages: every S-th one, the unfilled last page among them."""
    split, group, batch = tv.program_id(0), tv.program_id(1), tv.program_id(2)
    tokens, head = length.gather(batch), group * SHARE
    full = tokens // PAGE
    count = tv.minimum(full, chosen.shape[2])
    queries = q.load((batch, head, 0), (1, SHARE, HEAD)).reshape(SHARE, HEAD)
    acc = tv.zeros((SHARE, HEAD), tv.f32)
    highest, powers_total = tv.full((SHARE,), -1e30, tv.f32), tv.zeros((SHARE,), tv.f32)
    pages, splits = count + tv.where(tokens % PAGE > 0, 1, 0), tv.num_programs(0)
    for turn in tv.range(0, tv.cdiv(pages - split, splits), num_stages=STAGES):
        i = split + turn * splits
        place = chosen.gather((batch, group, i), mask=i < count, other=full)  # the page being filled comes last
        page = table.gather((batch, place))
        keys = k.load((page, 0, group, 0), (1, PAGE, 1, HEAD)).reshape(PAGE, HEAD)
        values = v.load((page, 0, group, 0), (1, PAGE, 1, HEAD)).reshape(PAGE, HEAD)
        there = place * PAGE + tv.arange(PAGE) < tokens
        scores = tv.where(there[None, :], tv.dot(queries, keys.T) * (scale * LOG2E), float("-inf"))
        higher = tv.maximum(highest, scores.max(axis=1))
        powers, shrink = tv.exp2(scores - higher[:, None]), tv.exp2(highest - higher)
        acc = tv.dot(powers.to(v.dtype), tv.where(there[:, None], values, 0), acc * shrink[:, None])
        highest, powers_total = higher, powers_total * shrink + powers.sum(axis=1)
    part.store((split, batch, head, 0), acc.reshape(1, 1, SHARE, HEAD))
    top.store((split, batch, head), highest.reshape(1, 1, SHARE))
    total.store((split, batch, head), powers_total.reshape(1, 1, SHARE))


@tv.kernel(
    "part: f32[S, B, H, D], top: f32[S, B, H], total: f32[S, B, H], o: T[B, H, D]", grid=lambda B, H, **_: (H, B)
)
def merge_parts(
    part: tv.Tensor, top: tv.Tensor, total: tv.Tensor, o: tv.Tensor, PARTS: tv.constexpr, HEAD: tv.constexpr
):
    """The softmax over all pages from those over some; 0 where there are no tokens. PARTS is at least S."""
    head, batch = tv.program_id(0), tv.program_id(1)
    tops = top.load((0, batch, head), (PARTS, 1, 1), other=-1e30).reshape(PARTS)
    weights = tv.exp2(tops - tops.max())
    sums = total.load((0, batch, head), (PARTS, 1, 1)).reshape(PARTS) * weights
    whole = part.load((0, batch, head, 0), (PARTS, 1, 1, HEAD)).reshape(PARTS, HEAD) * weights[:, None]
    found = whole.sum(axis=0) / tv.maximum(sums.sum(), 1e-30)
    o.store((batch, head, 0), found.to(o.dtype).reshape(1, 1, HEAD))


@dataclass
class Cache:
    """Pages of keys and values, [pages, PAGE, groups, D], and which of them hold each sequence, in order."""

    k: np.ndarray
    v: np.ndarray
    means: np.ndarray  # f32[pages, groups, D]: of full pages
    table: np.ndarray  # i32[sequences, pages of the longest]
    length: np.ndarray  # i32[sequences]

    @classmethod
    def of(cls, k: np.ndarray, v: np.ndarray, length: np.ndarray, rng: np.random.Generator) -> "Cache":
        """A cache of ``k`` and ``v``, [sequences, tokens, groups, D], whose pages lie about in no order."""
        sequences, tokens, groups, d = k.shape
        places = -(-tokens // PAGE)
        table = rng.permutation(sequences * places).reshape(sequences, places).astype(np.int32)
        pages = [np.full((sequences * places, PAGE, groups, d), 7, k.dtype) for _ in range(2)]
        table[np.arange(places) * PAGE >= length[:, None]] = -1  # pages that a sequence has not reached
        for held, given in zip(pages, (k, v), strict=True):
            for b, place in np.argwhere(table >= 0):
                some = given[b, place * PAGE : min((place + 1) * PAGE, length[b])]
                held[table[b, place], : len(some)] = some
        return cls(*pages, np.zeros((sequences * places, groups, d), np.float32), table, length.astype(np.int32))


def decode(q, cache: Cache, topk: int, scale: float, o, **how) -> np.ndarray:
    """One token of each sequence; gives the pages chosen, [sequences, groups, at most topk]."""
    (sequences, heads, d), groups, places = q.shape, cache.k.shape[2], cache.table.shape[1]
    sizes = {"SHARE": heads // groups, "HEAD": d}
    chosen = np.zeros((sequences, groups, min(topk, places)), np.int32)
    part = np.empty((SPLITS, sequences, heads, d), np.float32)
    top, total = np.empty((2, SPLITS, sequences, heads), np.float32)
    page_means(cache.k, cache.means, cache.table, cache.length, HEAD=d, **how)
    most = {
        "TOPK": chosen.shape[2],
        "PAGES": 1 << (places - 1).bit_length(),
    }  # compiled anew when the table has doubled
    choose_pages(q, cache.means, cache.table, cache.length, chosen, **most, **sizes, **how)
    paged_decode(q, cache.k, cache.v, cache.table, cache.length, chosen, part, top, total, scale, **sizes, **how)
    merge_parts(part, top, total, o, PARTS=SPLITS, HEAD=d, **how)
    return chosen


def chosen_pages(q, k, length: int, topk: int) -> list[np.ndarray]:
    """For each group, the full pages with the largest scores, in float64; of equal ones the earlier."""
    full, groups = length // PAGE, k.shape[1]
    means = k[: full * PAGE].astype(np.float64).reshape(full, PAGE, *k.shape[1:]).mean(axis=1)
    queries = q.astype(np.float64).reshape(groups, -1, q.shape[-1]).mean(axis=1)
    scores = np.einsum("pgd,gd->gp", means, queries)
    return [np.sort(np.argsort(-s, kind="stable")[:topk]) for s in scores]


def reference(q, k, v, length: int, pages: list[np.ndarray], scale: float) -> np.ndarray:
    """Attention of one token to the tokens of ``pages`` and of the last page, in float64."""
    groups, out = k.shape[1], []
    for g, rows in enumerate(q.astype(np.float64).reshape(groups, -1, q.shape[-1])):
        kept = np.isin(np.arange(length) // PAGE, [*pages[g], *([length // PAGE] if length % PAGE else [])])
        keys, values = (x[:length, g][kept].astype(np.float64) for x in (k, v))
        scores = rows @ keys.T * scale
        powers = np.exp(scores - scores.max(axis=1, keepdims=True, initial=-1e300))
        out.append(powers @ values / np.maximum(powers.sum(axis=1, keepdims=True), 1e-300))
    return np.concatenate(out)


def problem(rng, lengths=(100, 37), heads=4, groups=2, d=16, dtype=np.float32):
    """q, keys, values and lengths."""
    q = rng.standard_normal((len(lengths), heads, d)).astype(dtype)
    k, v = rng.standard_normal((2, len(lengths), max(*lengths, 1), groups, d)).astype(dtype)
    return q, k, v, np.array(lengths, np.int32)


def paged_decode_inputs(rng, topk=2, T=np.float32) -> dict:
    """Arguments of every kernel here, by name."""
    q, k, v, length = problem(rng, dtype=T)
    cache, o = Cache.of(k, v, length, rng), np.zeros_like(q)
    sizes = {"SHARE": 2, "HEAD": 16, "TOPK": topk, "PAGES": cache.table.shape[1], "PARTS": SPLITS}
    part, top, total = (rng.random((SPLITS, *shape), np.float32) for shape in ((2, 4, 16), (2, 4), (2, 4)))
    chosen = np.arange(topk, dtype=np.int32) + np.zeros((2, 2, 1), np.int32)
    return {
        **vars(cache),
        "q": q,
        "o": o,
        "part": part,
        "top": top,
        "total": total,
        "chosen": chosen,
        "scale": 0.25,
        **sizes,
    }


page_means_inputs = choose_pages_inputs = merge_parts_inputs = paged_decode_inputs


def main() -> None:
    for dtype in (np.float32, ml_dtypes.bfloat16):
        rng = np.random.default_rng(0)
        q, k, v, length = problem(rng, (300, 411, 16), 8, 2, 32, dtype)
        for topk in (4, 99):
            for device in ("cpu", "vm"):
                o = np.empty_like(q)
                decode(q, Cache.of(k, v, length, rng), topk, 0.18, o, device=device)
                pages = [chosen_pages(q[b], k[b], n, topk) for b, n in enumerate(length)]
                exact = [reference(q[b], k[b], v[b], n, pages[b], 0.18) for b, n in enumerate(length)]
                error = np.abs(o - np.stack(exact)).max()
                which = f"{topk} pages" if topk < 26 else "all pages"
                print(f"decoding {np.dtype(dtype).name} from {which} on {device}: largest error {error:.2e}")


if __name__ == "__main__":
    main()
