"""Decoding one token on a paged cache, of which the best pages are read."""

from __future__ import annotations

from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

from tilevm.bench.gpu import check
from tilevm.bench.gpu.case import OURS, Case, Expected, Problem, Rival
from tilevm.bench.gpu.setting import Setting

WARPS = (1, 2, 4)  # of a program that decodes, to try


class Pages:
    """A paged cache of sequences of equal length, with as many whole pages each, in no order."""

    def __init__(self, s: Setting, example: ModuleType, length: int) -> None:
        self.batch, self.heads, self.groups = s.size(16, 2), s.size(32, 4), s.size(8, 2)
        self.d, self.length, self.page = s.size(128, 16), length, example.PAGE
        self.places = length // self.page
        count = self.batch * self.places
        order = np.random.default_rng(0).permutation(count).reshape(self.batch, self.places)
        self.k, self.v = (s.random(count, self.page, self.groups, self.d) for _ in range(2))
        self.means = s.empty(count, self.groups, self.d, dtype="float32")
        self.table, self.lengths = s.there(order.astype(np.int32)), s.there(np.full(self.batch, length, np.int32))
        self.q = s.random(self.batch, self.heads, self.d)

    def keys(self) -> Any:
        """The keys of each sequence in order, [batch, places, page, groups, d]."""
        return self.k[self.table.long()]


def page_means(length: int, s: Setting) -> Case:
    example = s.example("paged_decode")
    held = Pages(s, example, s.size(length, 64))

    def own() -> Any:
        s.run(example.page_means, held.k, held.means, held.table, held.lengths, HEAD=held.d, num_warps=1)
        return held.means

    def theirs() -> Any:
        return held.k.mean(1, dtype=s.torch.float32)

    def expected() -> Expected:
        wide, room = held.k.double(), (held.page + 2.0) * check.ACC * held.k.double().abs().mean(1)
        return Expected((wide.mean(1),), (room,))

    work = float(held.k.nbytes + held.means.nbytes)
    return Case(work, "TB/s", (Rival.once(OURS, own, held.means), Rival.once("torch", theirs)), expected)


def decode(length: int, s: Setting) -> Case:
    """Choosing pages by their means, attention to those, and the merge of its parts. Bytes are of means and pages."""
    example = s.example("paged_decode")
    held, topk = Pages(s, example, s.size(length, 128)), s.size(64, 3)
    batch, heads, groups, d, f32 = held.batch, held.heads, held.groups, held.d, "float32"
    if not s.blank:
        held.means.copy_(held.k.mean(1, dtype=s.torch.float32))
    chosen, o = s.empty(batch, groups, topk, dtype="int32"), s.empty(batch, heads, d)
    parts = s.size(8, example.SPLITS)
    part = s.empty(parts, batch, heads, d, dtype=f32)
    top, total = s.empty(parts, batch, heads, dtype=f32), s.empty(parts, batch, heads, dtype=f32)
    sizes, scale = {"SHARE": heads // groups, "HEAD": d}, d**-0.5
    most = {"TOPK": topk, "PAGES": 1 << (held.places - 1).bit_length()}

    def own(num_warps: int) -> Any:
        s.run(example.choose_pages, held.q, held.means, held.table, held.lengths, chosen, **most, **sizes, num_warps=16)
        given = held.q, held.k, held.v, held.table, held.lengths, chosen, part, top, total
        s.run(example.paged_decode, *given, scale, **sizes, num_warps=num_warps)
        s.run(example.merge_parts, part, top, total, o, PARTS=parts, HEAD=d, num_warps=1)
        return o

    theirs = partial(by_torch, s.torch, held, topk, scale)
    ways = {f"{warps} warps": (partial(own, warps),) for warps in WARPS}
    rivals = Rival(OURS, ways, (chosen, o)), Rival.once("torch", theirs)
    read = held.means.nbytes + 2 * batch * groups * topk * held.page * d * held.k.element_size()
    return Case(float(read), "TB/s", rivals, partial(exactly, s.torch, held, topk, scale))


def by_torch(torch: Any, held: Pages, topk: int, scale: float) -> Any:
    """The same by gathers and batched products."""
    batch, groups, share = held.batch, held.groups, held.heads // held.groups
    query = held.q.reshape(batch, groups, share, held.d)
    means = held.means[held.table.long()].permute(0, 2, 1, 3)
    scores = (means @ query.float().mean(2)[..., None])[..., 0]
    pages = held.table.long()[:, None, :].expand(-1, groups, -1).gather(2, scores.topk(topk).indices)
    group = torch.arange(groups, device=held.q.device)[None, :, None]
    keys, values = (x[pages, :, group].reshape(batch, groups, topk * held.page, held.d) for x in (held.k, held.v))
    found = torch.nn.functional.scaled_dot_product_attention(query, keys, values, scale=scale)
    return found.reshape(batch, held.heads, held.d)


def exactly(torch: Any, held: Pages, topk: int, scale: float) -> Expected:
    """In float64, of sequence 0. Scores are so far apart that everybody chooses the same pages."""
    share, exact, room = held.heads // held.groups, [], []
    table, half = held.table[0].long(), check.half_step(held.q)
    for group in range(held.groups):
        query = held.q[0, group * share : (group + 1) * share].double()
        scores = held.means[table, group].double() @ query.mean(0)
        pages = table[scores.topk(topk).indices]
        keys, values = (x[pages, :, group].reshape(-1, held.d).double() for x in (held.k, held.v))
        powers = (query @ keys.T * scale).softmax(1)
        wrong = (held.d + 4.0) * check.ACC * float((query.abs() @ keys.abs().T).max()) * scale
        exact.append(powers @ values)
        room.append(check.of_attention(exact[-1], powers @ values.abs(), len(keys), wrong, half, half))
    return Expected((torch.cat(exact),), (torch.cat(room),), lambda found: (found[0],))


PROBLEMS = (
    Problem("paged decode, 64 pages of 8192 tokens", "paged decode", 8192, partial(decode, 8192)),
    Problem("page means of 8192 tokens", "page means", 8192, partial(page_means, 8192)),
)
