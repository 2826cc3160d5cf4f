"""The kernels of `tilevm bench static` in Triton, and a program that compiles one: PTX and times on standard output.

    python benchmarks/triton_kernels.py NAME WARPS STAGES NAME=NUMBER...

Matrix product and flash attention as in Triton's tutorials 03 and 06, on as large tiles as ours. No GPU is needed.
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
    tl.store(c + i[:, None] * c_m + j[None, :], acc.to(tl.bfloat16), mask=(i[:, None] < M) & (j[None, :] < N))


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
    acc = tl.dot(powers.to(tl.bfloat16), values.load([at, 0]), acc * shrink[:, None])
    return acc, higher, total * shrink + tl.sum(powers, 1)


@triton.jit
def attention(q, k, v, o, scale, N, BM: tl.constexpr, BN: tl.constexpr, D: tl.constexpr):
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
    for at in range(0, start, BN):
        acc, top, total = block((acc, top, total), tile, keys, values, at, rows, scale * 1.4426950408889634, BN, False)
    for at in range(start, start + BM, BN):
        acc, top, total = block((acc, top, total), tile, keys, values, at, rows, scale * 1.4426950408889634, BN, True)
    out.store([start, 0], (acc / total[:, None]).to(tl.bfloat16))


POINTERS = {"matmul": "a b c", "attention": "q k v o", "add": "x y z"}
NUMBERS = {"matmul": "M N K a_m b_k c_m", "attention": "N", "add": "N"}


def compiled(name, constants, **options):
    """A kernel for sm_80 with nothing kept from before, and the seconds that it took."""
    kernel = {"matmul": matmul, "attention": attention, "add": add}[name]
    types = dict.fromkeys(kernel.arg_names, "constexpr")
    types |= dict.fromkeys(POINTERS[name].split(), "*bf16") | dict.fromkeys(NUMBERS[name].split(), "i32")
    types |= {"scale": "fp32"} if "scale" in types else {}
    names = list(types)
    even = {(i,): [["tt.divisibility", 16]] for i, n in enumerate(names) if types[n] not in ("constexpr", "fp32")}
    source = ASTSource(kernel, types, {(names.index(n),): value for n, value in constants.items()}, even)
    with tempfile.TemporaryDirectory() as folder:
        triton.knobs.cache.dir = folder
        begin = time.perf_counter()
        made = triton.compile(source, target=GPUTarget("cuda", 80, 32), options=options)
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
