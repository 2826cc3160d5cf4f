"""Small Triton kernels whose PTX, compiled without a GPU, witnesses the emulator."""

import triton
import triton.language as tl


@triton.jit
def add(x, y, out, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = at < n
    tl.store(out + at, tl.load(x + at, mask=inside) + tl.load(y + at, mask=inside), mask=inside)


@triton.jit
def softmax(x, out, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    at = tl.arange(0, BLOCK)
    inside = at < columns
    values = tl.load(x + row * columns + at, mask=inside, other=-float("inf"))
    powers = tl.exp(values - tl.max(values, 0))
    tl.store(out + row * columns + at, powers / tl.sum(powers, 0), mask=inside)


@triton.jit
def matmul(
    a, b, c, M, N, K, row_a, row_b, row_c, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, SUM: tl.constexpr
):
    rows = tl.program_id(0) * BM + tl.arange(0, BM)
    columns = tl.program_id(1) * BN + tl.arange(0, BN)
    inner = tl.arange(0, BK)
    at_a = a + rows[:, None] * row_a + inner[None, :]
    at_b = b + inner[:, None] * row_b + columns[None, :]
    total = tl.zeros((BM, BN), dtype=SUM)
    for k in range(0, tl.cdiv(K, BK)):
        left = K - k * BK
        x = tl.load(at_a, mask=(rows[:, None] < M) & (inner[None, :] < left), other=0)
        y = tl.load(at_b, mask=(inner[:, None] < left) & (columns[None, :] < N), other=0)
        total = tl.dot(x, y, total, out_dtype=SUM)
        at_a += BK
        at_b += BK * row_b
    at_c = c + rows[:, None] * row_c + columns[None, :]
    tl.store(at_c, total.to(c.dtype.element_ty), mask=(rows[:, None] < M) & (columns[None, :] < N))


@triton.jit
def attention(q, k, v, out, scale, length, BM: tl.constexpr, BN: tl.constexpr, D: tl.constexpr, CAUSAL: tl.constexpr):
    rows = tl.program_id(0) * BM + tl.arange(0, BM)
    head = tl.program_id(1) * length * D
    within = tl.arange(0, D)
    inner = tl.arange(0, BN)
    queries = tl.load(q + head + rows[:, None] * D + within[None, :])
    peak = tl.full([BM], -float("inf"), tl.float32)
    mass = tl.zeros([BM], tl.float32)
    total = tl.zeros([BM, D], tl.float32)
    end = (tl.program_id(0) + 1) * BM if CAUSAL else length
    for start in range(0, end, BN):
        keys = tl.load(k + head + (start + inner)[None, :] * D + within[:, None])
        scores = tl.dot(queries, keys) * (scale * 1.44269504)
        if CAUSAL:
            scores = tl.where(rows[:, None] >= (start + inner)[None, :], scores, -float("inf"))
        higher = tl.maximum(peak, tl.max(scores, 1))
        powers = tl.math.exp2(scores - higher[:, None])
        shrink = tl.math.exp2(peak - higher)
        mass = mass * shrink + tl.sum(powers, 1)
        values = tl.load(v + head + (start + inner)[:, None] * D + within[None, :])
        total = tl.dot(powers.to(values.dtype), values, total * shrink[:, None])
        peak = higher
    tl.store(out + head + rows[:, None] * D + within[None, :], (total / mass[:, None]).to(out.dtype.element_ty))


@triton.jit
def scan_and_sort(x, sums, ordered, places, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    values = tl.load(x + at)
    tl.store(sums + at, tl.cumsum(values, 0))
    tl.store(ordered + at, tl.sort(values))
    tl.store(places, tl.argmax(values, 0))


@triton.jit
def casts(x, half, brain, small, whole, count, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = at < count
    values = tl.load(x + at, mask=inside)
    tl.store(half + at, values.to(tl.float16), mask=inside)
    tl.store(brain + at, values.to(tl.bfloat16), mask=inside)
    tl.store(small + at, values.to(tl.float8e5), mask=inside)
    tl.store(whole + at, values.to(tl.int32), mask=inside)


@triton.jit
def random_counts(counts, draws, seed, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    drawn = tl.randint(seed, at)
    tl.store(draws + at, drawn)
    tl.atomic_add(counts + (drawn & 15), 1)
