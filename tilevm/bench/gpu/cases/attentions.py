"""Attention: dense, under a mask of blocks, on a paged cache, and to pairs of keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from tilevm.bench.gpu import check
from tilevm.bench.gpu.case import OURS, Calls, Case, Expected, Problem, Rival, named
from tilevm.bench.gpu.setting import Setting
from tilevm.library.attention import attention
from tilevm.optional import require

TOKENS = 16384  # of all sequences together
WIDTH = 2048  # of all heads together
TILES = (  # of ours, and warps, to try
    {"BM": 128, "BN": 64, "num_warps": 8},
    {"BM": 128, "BN": 64, "num_warps": 4},  # of heads up to 64 wide the fastest, of wider ones registers spill
    {"BM": 64, "BN": 64, "num_warps": 4},
)
NARROW = ({"BM": 64, "BN": 64, "num_warps": 8}, {"BM": 128, "BN": 32, "num_warps": 8})  # where a mask takes room
TRIED_ON_PAIRS = (*NARROW[:1], {"BM": 128, "BN": 64, "num_warps": 8}, {"BM": 64, "BN": 32, "num_warps": 4})


def dense(length: int, depth: int, causal: bool, share: int, s: Setting) -> Case:
    """Flash attention in bf16; causal counts half of the products. ``share`` heads have keys in common."""
    n, d = s.size(length, 70), s.size(depth, 16)
    batch, heads = s.size(TOKENS // length, 1), s.size(WIDTH // depth, 2 * share)
    shapes = (batch, heads, n, d), (batch, heads // share, n, d)
    sets = s.sets(4 * batch * heads * n * d)
    given = [(s.random(*shapes[0]), s.random(*shapes[1]), s.random(*shapes[1])) for _ in sets]
    outs = [[s.empty(*shapes[0]) for _ in sets] for _ in range(2)]
    scale = d**-0.5

    def own(q: Any, k: Any, v: Any, o: Any, **how: int) -> Any:
        s.run(attention, q, k, v, o, scale, D=d, causal=causal, **how)
        return o

    def theirs(q: Any, k: Any, v: Any) -> Any:
        how = {"is_causal": causal, "scale": scale, "enable_gqa": share > 1}
        return s.torch.nn.functional.scaled_dot_product_attention(q, k, v, **how)

    def calls(way: Callable[..., Any], out: Sequence[Any], **how: Any) -> Calls:
        return tuple(partial(way, *qkv, o, **how) for qkv, o in zip(given, out, strict=True))

    mine = {named(how): calls(own, outs[0], **how) for how in TILES}
    rivals = [
        Rival(OURS, mine, (outs[0][0],)),
        Rival("torch", {name: tuple(partial(way, *qkv) for qkv in given) for name, way in by_torch(s, theirs).items()}),
    ]
    if s.triton is not None and share == 1:
        way, more = s.triton.run_attention, {"scale": scale, "causal": causal}
        ways = {word: calls(way, outs[1], **more, **how) for word, how in s.triton.ATTENTIONS.items()}
        rivals.append(Rival("triton", ways, (outs[1][0],)))
    mask = s.torch.ones(n, n, dtype=s.torch.bool, device=s.device).tril() if causal and not s.blank else None
    work = 4.0 * batch * heads * n * n * d * (0.5 if causal else 1.0)
    return Case(work, "TFLOP/s", tuple(rivals), partial(exactly, *given[0], scale, mask))


def by_torch(s: Setting, call: Callable[..., Any]) -> dict[str, Callable[..., Any]]:
    """Torch's attention by its own choice and, on a card, by each of its fast ways."""
    if s.dry or s.blank:
        return {"": call}
    held: Any = require("torch.nn.attention", "torch's attention")

    def by(backend: Any, *args: Any) -> Any:
        with held.sdpa_kernel(backend):
            return call(*args)

    kinds = {"flash": held.SDPBackend.FLASH_ATTENTION, "cudnn": held.SDPBackend.CUDNN_ATTENTION}
    return {"its choice": call, **{name: partial(by, kind) for name, kind in kinds.items()}}


def exactly(q: Any, k: Any, v: Any, scale: float, mask: Any) -> Expected:
    """Attention in float64 of the first and the last head of the first and the last sequence."""
    share = q.shape[1] // k.shape[1]
    places = sorted({(0, 0), (q.shape[0] - 1, q.shape[1] - 1)})
    exact, room = [], []
    for batch, head in places:
        found = weighted(q[batch, head], k[batch, head // share], v[batch, head // share], scale, mask)
        exact.append(found[0])
        room.append(found[1])
    return Expected(tuple(exact), tuple(room), lambda found: tuple(found[place] for place in places))


def weighted(q: Any, k: Any, v: Any, scale: float, mask: Any) -> tuple[Any, Any]:
    """Attention of one head in float64 where ``mask`` is true, and the room of it; 0 where a row sees nothing."""
    x, y, z, half = q.double(), k.double(), v.double(), check.half_step(q)
    scores = x @ y.T * scale
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    powers = scores.softmax(1).nan_to_num(0.0)
    exact, absolute = powers @ z, powers @ z.abs()
    sizes = float((x.abs() @ y.abs().T).max()) * scale
    wrong = (x.shape[1] + 4.0) * check.ACC * sizes  # of a score: a sum of products, then scaled
    return exact, check.of_attention(exact, absolute, len(k), wrong, half, half)


def under_blocks(length: int, s: Setting) -> Case:
    """Causal attention within documents, of which the tiles that nobody sees are left out; work is of pairs seen."""
    n, d, heads, example = s.size(length, 200), s.size(128, 16), s.size(16, 2), s.example("block_sparse_attention")
    shape, scale = (1, heads, n, d), d**-0.5
    q, k, v, o = s.random(*shape), s.random(*shape), s.random(*shape), s.empty(*shape)
    labels = np.sort(np.random.default_rng(0).integers(0, 8, n)).astype(np.int32)
    seen = s.there(np.array(example.dense(example.document, labels, labels)))

    def own(how: Mapping[str, int]) -> Callable[[], Any]:
        """A call with such tiles, to which its lists belong."""
        blocks = example.BlockMask.of(example.document, labels, labels, how["BM"], how["BN"])
        held = (*blocks.labels, blocks.full_count, blocks.full_index, blocks.part_count, blocks.part_index)
        lists = [s.there(each) for each in held]

        def call() -> Any:
            s.run(example.block_sparse_attention, q, k, v, o, *lists, scale, MASK=example.document, D=d, **how)
            return o

        return call

    theirs = partial(s.torch.nn.functional.scaled_dot_product_attention, q, k, v, attn_mask=seen, scale=scale)
    rivals = Rival(OURS, {named(how): (own(how),) for how in NARROW}, (o,)), Rival.once("torch", theirs)
    work = 4.0 * heads * float(seen.sum()) * d
    return Case(work, "TFLOP/s", rivals, partial(exactly, q, k, v, scale, seen))


def pairs(s: Setting) -> Case:
    """Attention to every pair of keys; torch holds the scores of all pairs in memory."""
    example, heads, m = s.example("kronecker_attention"), s.size(4, 1), s.size(1024, 20)
    n1, n2, d = s.size(64, 7), s.size(512, 11), s.size(64, 8)
    q, k1, k2 = (s.random(heads, n, d) for n in (m, n1, n2))
    v1, v2, o, scale = s.random(heads, n1, d), s.random(heads, n2, d), s.empty(heads, m, d), 1.0 / d

    def own(**how: int) -> Any:
        s.run(example.kronecker_attention, q, k1, k2, v1, v2, o, scale, D=d, **how)
        return o

    def theirs() -> Any:
        left = (q[:, :, None, :] * k1[:, None, :, :]).reshape(heads, m * n1, d)
        powers = (left @ k2.mT).reshape(heads, m, n1 * n2).mul_(scale).softmax(2)
        right = (powers.reshape(heads, m * n1, n2) @ v2).reshape(heads, m, n1, d)
        return (right.float() * v1[:, None, :, :].float()).sum(2).to(q.dtype)

    def expected() -> Expected:
        """Of the first head. Torch rounds scores and parts of sums to bf16, for which there is no room."""
        x, y1, y2, z1, z2 = (t[0].double() for t in (q, k1, k2, v1, v2))
        left = (x[:, None, :] * y1[None, :, :]).reshape(m * n1, d)
        powers = (left @ y2.T * scale).reshape(m, n1 * n2).softmax(1).reshape(m * n1, n2)
        exact, absolute = (((powers @ b).reshape(m, n1, d) * a).sum(1) for a, b in ((z1, z2), (z1.abs(), z2.abs())))
        half = check.half_step(q)
        wrong = half * float((left.abs() @ y2.abs().T).max()) * scale  # a query times a key is rounded once
        room = check.of_attention(exact, absolute, n1 * n2, wrong, half, half)
        return Expected((exact,), (room,), lambda found: (found[0],))

    ways = {named(how): (partial(own, **how),) for how in TRIED_ON_PAIRS}
    rivals = Rival(OURS, ways, (o,)), Rival.once("torch", theirs)
    return Case(4.0 * heads * m * n1 * n2 * d, "TFLOP/s", rivals, expected)


def one_of_dense(length: int, depth: int, causal: bool) -> Problem:
    words = f"hd{depth}{' causal' if causal else ''}"
    make = partial(dense, length, depth, causal, 1)
    return Problem(f"attention bf16 {length} {words}", f"attention {words}", length, make)


LENGTHS = (4096, 8192, 2048, 1024)
PROBLEMS = (
    *(one_of_dense(n, d, causal) for n in LENGTHS for d in (128, 64) for causal in (False, True)),
    Problem("attention bf16 4096 hd128 causal, 4 heads a group", "grouped", 4096, partial(dense, 4096, 128, True, 4)),
)
SPARSE = (
    Problem("block-sparse attention bf16 8192 hd128", "block-sparse", 8192, partial(under_blocks, 8192)),
    Problem("Kronecker attention bf16 1024x64x512 hd64", "kronecker", 1024, pairs),
)
