"""One row of activations times packed weights, against torch's linear layers in bf16 and in int4."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle
from typing import Any

import numpy as np
from ml_dtypes import bfloat16
from rich.table import Table

import tilevm as tv
from tilevm.bench.measure import Call, rivals
from tilevm.library.linear import linear
from tilevm.optional import optional

WEIGHTS = ("u1", "u2", "u3", "u4", "u5", "u6", "u7", "u8", "i4", "i8", "f4e2m1", "f6e3m2", "f8e4m3")
SIZE, GROUP = 8192, 128  # N = K
ENOUGH = 160 << 20  # bytes of weights to go round in, so that every call reads them from memory
PEERS = ("torch bf16", "torch int4")


def bench_linear(seconds: float, only: str, threads: int) -> list[dict[str, Any]]:
    """A row a type of weights: milliseconds of the medians, GB/s of weights, and peer time / our time."""
    peers = torch_calls(threads)
    out = []
    for name in filter(lambda name: only in name, WEIGHTS):
        call, size = ours(name)
        taken = rivals({"ours": call, **peers}, seconds)
        mine = taken["ours"].median
        ratio = {peer: taken[peer].median / mine for peer in PEERS if peer in taken}
        out.append({"weights": name, "ms": mine * 1e3, "rate": size / mine / 1e9, "ratio": ratio})
    return out


def ours(name: str) -> tuple[Call, int]:
    """A call of our linear layer on weights of a type, and the bytes that it reads."""
    dtype, rng = tv.dtype(name), np.random.default_rng(0)
    size = SIZE * SIZE * dtype.bits // 8
    shape = (SIZE, SIZE // GROUP, GROUP)
    weights = rounds(size, lambda: tv.packed(rng.integers(0, 64, size, dtype=np.uint8), dtype, shape))
    x = rng.standard_normal((1, SIZE), dtype=np.float32).astype(bfloat16)
    scale = rng.random(shape[:2], dtype=np.float32).astype(bfloat16)
    return lambda: linear(x, next(weights), scale), size + scale.nbytes


def rounds(size: int, make: Callable[[], Any]) -> Any:
    """Weights of so many bytes, again and again, but never the same twice in a row."""
    return cycle([make() for _ in range(-(-ENOUGH // size))])


def torch_calls(threads: int) -> dict[str, Call]:
    """torch's linear layers, where it is installed; that of int4 has 4 bits and groups of as many too."""
    torch: Any = optional("torch")
    if torch is None:
        return {}
    torch.set_num_threads(threads)
    x = torch.randn(1, SIZE, dtype=torch.bfloat16)
    whole = rounds(SIZE * SIZE * 2, lambda: torch.randn(SIZE, SIZE, dtype=torch.bfloat16))
    calls: dict[str, Call] = {"torch bf16": lambda: torch.nn.functional.linear(x, next(whole))}
    pack = getattr(torch.ops.aten, "_convert_weight_to_int4pack_for_cpu", None)
    if pack is not None:
        scales = torch.randn(SIZE // GROUP, SIZE, 2, dtype=torch.bfloat16)
        codes = torch.randint(0, 16, (SIZE, SIZE), dtype=torch.int32)
        packed = rounds(SIZE * SIZE // 2, lambda: pack(codes, 1))
        calls["torch int4"] = lambda: torch.ops.aten._weight_int4pack_mm_for_cpu(x, next(packed), GROUP, scales)
    return calls


def table(rows: list[dict[str, Any]], threads: int) -> Table:
    made = Table(
        *("weights", "ms", "GB/s", *(f"{peer} / ours" for peer in PEERS)),
        title=f"linear layer, M = 1, N = K = {SIZE}, bf16, groups of {GROUP}, {threads} threads",
    )
    for row in rows:
        ratios = (f"{row['ratio'][peer]:.2f}x" if peer in row["ratio"] else "-" for peer in PEERS)
        made.add_row(row["weights"], f"{row['ms']:.2f}", f"{row['rate']:.1f}", *ratios)
    return made
