"""Packed weights on their way to a matrix instruction: what the PTX of a kernel gives, and what it takes a weight."""

from __future__ import annotations

import re
from collections import Counter
from math import prod

import numpy as np
import pytest
from ml_dtypes import bfloat16

import tilevm as tv
from tests.ptx.running import aligned, run, same
from tilevm.backends.vm.values import in_memory
from tilevm.ir.verify import verify
from tilevm.layout import Layout, local, spatial
from tilevm.passes.threads.expand import expand
from tilevm.target import target
from tilevm.text import print_func, read_func

BYTES = spatial(128) * local(32)  # of a thread: what it has of a tile of 128 x 64 weights
NATURAL = "(2,4,2,8):(1@reg,1@thread,2@reg,4@reg) (8,2,4):(4@thread,32@reg,32@thread)"
APART = "(2,4,2,2,4):(4@reg,1@thread,1@reg,2@reg,8@reg) (8,2,4):(4@thread,32@reg,32@thread)"  # 16 bits between a pair
ORDERS = {"natural": NATURAL, "apart": APART}
TYPES = {"f16": np.float16, "bf16": bfloat16}
DEQUANT = ("and", "or", "xor", "lop3", "prmt", "shl", "shr", "shf", "bfe", "bfi", "cvt", "sub", "mul", "fma", "mov")
ADDRESS = 4  # instructions of these names that make addresses


@tv.kernel("x: X[M, K], w: u8[P, H, B], s: X[H, N], y: X[M, N]", grid=lambda P, **_: (P,))
def grouped(
    x: tv.Tensor, w: tv.Tensor, s: tv.Tensor, y: tv.Tensor, order: tv.constexpr, on_weights: tv.constexpr
) -> None:
    """y = x @ (w * s), w of u4 in groups of 128 along K, in the order of the fragments of 128 threads."""
    p = tv.program_id(0)
    acc = tv.zeros((16, 64), tv.f32)
    for h in tv.range(0, w.shape[1]):
        a = x.load((0, h * 128), (16, 128))
        held = tv.set_layout(w.load((p, h, 0), (1, 1, 4096)).reshape((4096,)), BYTES)
        b = held.view(tv.u4, order).to(x.dtype)
        scale = s.load((h, p * 64), (1, 64))
        acc = tv.dot(a, b * scale, acc) if on_weights else acc + tv.dot(a, b) * scale.to(tv.f32)
    y.store((0, p * 64), acc.to(y.dtype))


def fragments(codes: np.ndarray, order: Layout) -> np.ndarray:
    """Codes of (K, N) as the bytes that each thread holds of each tile."""
    at = np.array([order.index_at(t, r) for t in range(128) for r in range(64)])
    tiles = codes.reshape(codes.shape[0] // 128, 128, codes.shape[1] // 64, 64).transpose(2, 0, 1, 3)
    runs = tiles[:, :, at[:, 0], at[:, 1]]
    return np.ascontiguousarray(runs[..., ::2] | runs[..., 1::2] << 4)


def looped(text: str) -> list[str]:
    """The lines of the innermost loop around the matrix instructions, instruction and operands."""
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith((".loc", "//"))]
    products = [i for i, line in enumerate(lines) if line.startswith("mma.sync")]
    begin = max(i for i in range(products[0]) if lines[i].endswith(":"))
    return lines[begin + 1 : products[-1] + 1]


def spent(text: str) -> Counter[str]:
    """Instructions that the second operands of the products hang on, within the loop, by name: back to the loads."""
    lines = looped(text)
    made: dict[str, str] = {}
    for line in lines:
        target = re.match(r"[a-z][\w.:]* (\{[^}]*\}|%\w+)", line)
        if target and not line.startswith("mma"):
            made.update(dict.fromkeys(re.findall(r"%\w+", target[1]), line))
    open_ = [r for line in lines if line.startswith("mma") for r in re.findall(r"%\w+", line.split("}, {")[2])]
    found: set[str] = set()
    while open_:
        line = made.get(open_.pop(), "")
        if line and line not in found and not line.startswith("ld."):
            found.add(line)
            open_ += re.findall(r"%\w+", line)[1:]
    return Counter(line.split(".")[0] for line in found)


def problem(kind: str, order: Layout) -> tuple[list[np.ndarray], np.ndarray]:
    """Arguments of the kernel, and the result in f64."""
    rng, (M, K, N) = np.random.default_rng(0), (16, 256, 128)
    codes = rng.integers(0, 16, (K, N)).astype(np.uint8)
    x = rng.standard_normal((M, K)).astype(TYPES[kind])
    s = (rng.random((K // 128, N)) + 0.5).astype(TYPES[kind])
    exact = x.astype(float) @ (codes * np.repeat(s.astype(float), 128, 0))
    return [x, fragments(codes, order), s, np.zeros((M, N), TYPES[kind])], exact


MOST = {  # instructions a weight, without constants that are moved to registers once
    ("f16", "apart", False): 1.125,
    ("f16", "natural", False): 1.5,
    ("bf16", "apart", False): 1.375,
    ("bf16", "natural", False): 1.625,
    ("f16", "apart", True): 1.7,
    ("bf16", "apart", True): 1.95,
}


@pytest.mark.parametrize(("kind", "how", "on_weights"), MOST)
def test_a_product_of_groups(kind: str, how: str, on_weights: bool) -> None:
    order = Layout.parse(ORDERS[how])
    args, exact = problem(kind, order)
    options = {"device": "emulator", "num_warps": 4}
    compiled = grouped.compile(*args, order, on_weights, **options)
    grouped(*args, order, on_weights, **options)
    error = np.abs(args[-1].astype(float) - exact).max() / np.abs(exact).max()
    assert error < (1e-3 if kind == "f16" else 8e-3)
    count = spent(compiled.stages["ptx"])
    assert set(count) <= set(DEQUANT)
    weights = prod((128, 64)) // 128
    assert (count.total() - count["mov"]) / weights <= MOST[kind, how, on_weights], count


# words of codes -----------------------------------------------------------------------------------------------

TEXT = """func @f(%x: ptr<u32, align=16>, %y: ptr<{to}, align=16>) warps(1, sm_80) {{
  %t = thread_id : i32
  %o = splat %t {{shape = [1]}} : i32[1]
  %w = global_load %x, %o : u32[1]
  %v = view %w {{to = {source}}} : {source}[{n}]
  %c = cast %v {{to = {to}}} : {to}[{n}]
  %k = constant {{value = {n}, of = i32}} : i32
  %f = mul %t, %k : i32
  %s = splat %f {{shape = [{count}]}} : i32[{count}]
  %i = numbers {{values = {firsts}, of = i32}} : i32[{count}]
  %q = add %s, %i : i32[{count}]
  global_store %y, %c, %q {{width = {width}}}
  yield []
}}"""
EACH = {  # instructions a code, in order, where a word has 32 bits / those of the code
    "u1": (1.5, 1.5),
    "i2": (1.5, 1.6),
    "u4": (1.5, 1.625),
    "i4": (1.5, 1.625),
    "u8": (1.0, 3.0),
    "i8": (1.25, 2.5),
    "f4e2m1": (2.7, 2.7),
    "f8e5m2": (0.5, 8.0),  # as bf16 it has its infinities and NaN set apart, one by one
}


@pytest.mark.parametrize("number", [0, 1], ids=list(TYPES))
@pytest.mark.parametrize("source", EACH)
def test_words_of_codes(source: str, number: int) -> None:
    """Neighbours stay neighbours; the emulator, the reference machine and the codec agree."""
    of, to = tv.dtype(source), (tv.f16, tv.bf16)[number]
    n = 32 // of.bits
    width = min(n, 8)
    firsts = list(range(0, n, width))
    text = TEXT.format(source=source, to=to, n=n, width=width, count=len(firsts), firsts=firsts)
    func = verify(expand(verify(read_func(text)), target("sm_80")))
    given = np.random.default_rng(1).integers(0, 1 << 32, 32, dtype=np.uint32)
    out = aligned(np.zeros(32 * n, np.uint16))
    listed = run(print_func(func), [given, out])
    wanted = tv.encode(tv.decode(tv.unpack(given.view(np.uint8), of, 32 * n), of), to, saturate=False)
    same(to, *(codes.view(in_memory(to)) for codes in (out, wanted)))
    lines = [line.split(".")[0].strip() for line in listed.text.splitlines()]
    assert sum(line in DEQUANT[:-1] for line in lines) - ADDRESS <= EACH[source][number] * n, Counter(lines)
