"""Triton's side of `tilevm bench static` and `tilevm bench gpu`.

    python benchmarks/triton_kernels.py NAME WARPS STAGES NAME=NUMBER...

compiles a kernel, without a GPU: PTX and times on standard output. Functions called run_… launch them on torch tensors
and give back what was written; tables of tiles, warps and stages say what to try for each. Matrix product and flash
attention are as in Triton's tutorials 03 and 06.
"""

import json
import sys
import tempfile
import time

import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource


@triton.jit
def add(x, y, z, N, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(z + at, tl.load(x + at, mask=at < N) + tl.load(y + at, mask=at < N), mask=at < N)


@triton.jit
def matmul(a, b, c, M, N, K, a_m, b_k, c_m, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, GROUP: tl.constexpr):
    program, down, across = tl.program_id(0), tl.cdiv(M, BM), tl.cdiv(N, BN)
    first = program // (GROUP * across) * GROUP
    high = tl.minimum(down - first, GROUP)
    m, n = (first + program % high) * BM, program % (GROUP * across) // high * BN
    rows, columns, depth = (m + tl.arange(0, BM)) % M, (n + tl.arange(0, BN)) % N, tl.arange(0, BK)
    x, y = a + rows[:, None] * a_m + depth[None, :], b + depth[:, None] * b_k + columns[None, :]
    acc = tl.zeros((BM, BN), tl.float32)
    for k in range(0, tl.cdiv(K, BK)):
        left = tl.load(x, mask=depth[None, :] < K - k * BK, other=0.0)
        right = tl.load(y, mask=depth[:, None] < K - k * BK, other=0.0)
        acc = tl.dot(left, right, acc)
        x += BK
        y += BK * b_k
    i, j = m + tl.arange(0, BM), n + tl.arange(0, BN)
    tl.store(c + i[:, None] * c_m + j[None, :], acc.to(c.dtype.element_ty), mask=(i[:, None] < M) & (j[None, :] < N))


@triton.jit
def block(state, q, keys, values, at, rows, scale, BN: tl.constexpr, MASKED: tl.constexpr):
    acc, top, total = state
    scores = tl.dot(q, keys.load([at, 0]).T)
    if MASKED:
        scores = scores * scale + tl.where(rows[:, None] >= at + tl.arange(0, BN)[None, :], 0, -1.0e6)
        higher = tl.maximum(top, tl.max(scores, 1))
        powers = tl.math.exp2(scores - higher[:, None])
    else:
        higher = tl.maximum(top, tl.max(scores, 1) * scale)
        powers = tl.math.exp2(scores * scale - higher[:, None])
    shrink = tl.math.exp2(top - higher)
    acc = tl.dot(powers.to(q.dtype), values.load([at, 0]), acc * shrink[:, None])
    return acc, higher, total * shrink + tl.sum(powers, 1)


@triton.jit
def attention(q, k, v, o, scale, N, BM: tl.constexpr, BN: tl.constexpr, D: tl.constexpr, CAUSAL: tl.constexpr):
    start, head = tl.program_id(0) * BM, tl.program_id(1).to(tl.int64) * N * D
    queries = tl.make_tensor_descriptor(q + head, [N, D], [D, 1], [BM, D])
    keys = tl.make_tensor_descriptor(k + head, [N, D], [D, 1], [BN, D])
    values = tl.make_tensor_descriptor(v + head, [N, D], [D, 1], [BN, D])
    out = tl.make_tensor_descriptor(o + head, [N, D], [D, 1], [BM, D])
    tile, rows = queries.load([start, 0]), start + tl.arange(0, BM)
    acc, top, total = (
        tl.zeros([BM, D], tl.float32),
        tl.full([BM], -float("inf"), tl.float32),
        tl.zeros([BM], tl.float32),
    )
    by = scale * 1.4426950408889634
    for at in range(0, start if CAUSAL else N, BN):
        acc, top, total = block((acc, top, total), tile, keys, values, at, rows, by, BN, False)
    if CAUSAL:
        for at in range(start, start + BM, BN):
            acc, top, total = block((acc, top, total), tile, keys, values, at, rows, by, BN, True)
    out.store([start, 0], (acc / total[:, None]).to(q.dtype.element_ty))


@triton.jit
def softmax(x, y, N, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    row = tl.program_id(0).to(tl.int64) * N
    values = tl.load(x + row + at, mask=at < N, other=-float("inf")).to(tl.float32)
    powers = tl.exp(values - tl.max(values, 0))
    tl.store(y + row + at, (powers / tl.sum(powers, 0)).to(y.dtype.element_ty), mask=at < N)


@triton.jit
def rms_norm(x, weight, y, N, eps, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    row = tl.program_id(0).to(tl.int64) * N
    values = tl.load(x + row + at, mask=at < N, other=0.0).to(tl.float32)
    scale = tl.rsqrt(tl.sum(values * values, 0) / N + eps)
    weights = tl.load(weight + at, mask=at < N, other=0.0).to(tl.float32)
    tl.store(y + row + at, (values * scale * weights).to(y.dtype.element_ty), mask=at < N)


@triton.jit
def w4(x, w, scale, y, M, N, K, BM: tl.constexpr, BN: tl.constexpr, GROUP: tl.constexpr):
    """y = x @ w.T of codes less 8 under scales of GROUP along K; w is [N, K / 2], the lower half of a byte first."""
    m, n = tl.program_id(1) * BM + tl.arange(0, BM), tl.program_id(0) * BN + tl.arange(0, BN)
    half, acc = tl.arange(0, GROUP // 2), tl.zeros((BM, BN), tl.float32)
    for h in range(0, K // GROUP):
        at = h * GROUP + tl.arange(0, GROUP)
        rows = tl.load(x + m[:, None] * K + at[None, :], mask=m[:, None] < M, other=0.0)
        bytes = tl.load(w + n[:, None] * (K // 2) + h * (GROUP // 2) + half[None, :])
        codes = tl.join(bytes & 15, bytes >> 4).reshape(BN, GROUP).to(tl.int8) - 8
        factor = tl.load(scale + n * (K // GROUP) + h).to(tl.float32)
        acc += tl.dot(rows, codes.to(x.dtype.element_ty).T) * factor[None, :]
    tl.store(y + m[:, None] * N + n[None, :], acc.to(y.dtype.element_ty), mask=m[:, None] < M)


# launched on tensors ---------------------------------------------------------------------------------------------

ATTENTIONS = {  # what to try, by name
    "128x128, 2 stages, 8 warps": {"BM": 128, "BN": 128, "num_stages": 2, "num_warps": 8},
    "128x64, 3 stages, 8 warps": {"BM": 128, "BN": 64, "num_stages": 3, "num_warps": 8},
    "128x64, 3 stages, 4 warps": {"BM": 128, "BN": 64, "num_stages": 3, "num_warps": 4},
}


def products(m):
    """The same for a matrix product of m rows."""
    few = {"BM": max(16, min(64, m)), "BK": 64, "num_stages": 4, "num_warps": 4}
    tried = [{**few, "BN": 64}, {**few, "BN": 128}]
    if m >= 128:
        tried = [
            {"BM": 128, "BN": 256, "BK": 64, "num_stages": 3, "num_warps": 8},
            {"BM": 128, "BN": 128, "BK": 64, "num_stages": 4, "num_warps": 4},
        ]
    return {f"{h['BM']}x{h['BN']}x{h['BK']}, {h['num_stages']} stages, {h['num_warps']} warps": h for h in tried}


def packed(m):
    """The same for a product with packed weights."""
    rows = 16 if m <= 16 else 64
    tried = [{"BM": rows, "BN": n, "num_stages": 3, "num_warps": 4} for n in (32, 64)]
    return {f"{h['BM']}x{h['BN']}, {h['num_stages']} stages, {h['num_warps']} warps": h for h in tried}


def give_memory(torch):
    """Let kernels have the memory of the card that descriptors take."""
    triton.set_allocator(lambda size, align, stream: torch.empty(size, device="cuda", dtype=torch.int8))


def run_add(x, y, out):
    add[(triton.cdiv(x.numel(), 1024),)](x, y, out, x.numel(), BLOCK=1024, num_warps=4)
    return out


def run_softmax(x, y):
    (m, n), block = x.shape, triton.next_power_of_2(x.shape[1])
    softmax[(m,)](x, y, n, BLOCK=block, num_warps=max(1, min(8, block // 512)))
    return y


def run_rms_norm(x, weight, y, eps):
    (m, n), block = x.shape, triton.next_power_of_2(x.shape[1])
    rms_norm[(m,)](x, weight, y, n, eps, BLOCK=block, num_warps=max(1, min(8, block // 512)))
    return y


def run_matmul(a, b, c, *, BM, BN, BK, **options):
    (M, K), N = a.shape, b.shape[1]
    grid, strides = (triton.cdiv(M, BM) * triton.cdiv(N, BN),), (a.stride(0), b.stride(0), c.stride(0))
    matmul[grid](a, b, c, M, N, K, *strides, BM=BM, BN=BN, BK=BK, GROUP=8, **options)
    return c


def run_attention(q, k, v, o, *, scale, causal, BM, BN, **options):
    batch, heads, n, d = q.shape
    assert n % BM == 0 == n % BN, f"{n} rows are not whole tiles of {BM} and {BN}"
    attention[(n // BM, batch * heads)](q, k, v, o, scale, n, BM=BM, BN=BN, D=d, CAUSAL=causal, **options)
    return o


def run_w4(x, w, scale, y, group, *, BM, BN, **options):
    (M, K), N = x.shape, y.shape[1]
    assert N % BN == 0, f"{N} columns are not whole tiles of {BN}"
    w4[(N // BN, triton.cdiv(M, BM))](x, w, scale, y, M, N, K, BM=BM, BN=BN, GROUP=group, **options)
    return y


# compiled, and no more -------------------------------------------------------------------------------------------

KERNELS = {"matmul": matmul, "attention": attention, "add": add, "softmax": softmax, "rms_norm": rms_norm, "w4": w4}
TYPES = {  # of arguments that are no constants
    "matmul": {"*bf16": "a b c", "i32": "M N K a_m b_k c_m"},
    "attention": {"*bf16": "q k v o", "i32": "N", "fp32": "scale"},
    "add": {"*bf16": "x y z", "i32": "N"},
    "softmax": {"*bf16": "x y", "i32": "N"},
    "rms_norm": {"*bf16": "x weight y", "i32": "N", "fp32": "eps"},
    "w4": {"*bf16": "x scale y", "*u8": "w", "i32": "M N K"},
}


def compiled(name, constants, capability=80, **options):
    """A kernel for a card of a compute capability, nothing being kept from before, and the seconds that it took."""
    kernel = KERNELS[name]
    types = dict.fromkeys(kernel.arg_names, "constexpr")
    for kind, words in TYPES[name].items():
        types |= dict.fromkeys(words.split(), kind)
    names = list(types)
    even = {(i,): [["tt.divisibility", 16]] for i, n in enumerate(names) if types[n] not in ("constexpr", "fp32")}
    source = ASTSource(kernel, types, {(names.index(n),): value for n, value in constants.items()}, even)
    with tempfile.TemporaryDirectory() as folder:
        triton.knobs.cache.dir = folder
        begin = time.perf_counter()
        made = triton.compile(source, target=GPUTarget("cuda", capability, 32), options=options)
        return made, time.perf_counter() - begin


def main():
    name, warps, stages, *words = sys.argv[1:]
    constants = {n: int(value) for n, _, value in (word.partition("=") for word in words)}
    compiled("add", {"BLOCK": 1024})  # what a process does once is done
    runs = [compiled(name, constants, num_warps=int(warps), num_stages=int(stages)) for _ in range(2)]
    found = {"ptx": runs[0][0].asm["ptx"], "shared": runs[0][0].metadata.shared}
    json.dump({**found, "ms": [seconds * 1e3 for _, seconds in runs], "version": triton.__version__}, sys.stdout)


if __name__ == "__main__":
    main()
